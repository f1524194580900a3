#include "segment_trains.h"

#include <netinet/udp.h>

#include <algorithm>
#include <cstring>

#include "sockaddr.h"

namespace natkit::io {

namespace {

/// The system takes 65,507 bytes at once, and may be told to take fewer.
constexpr size_t kMaxTrainSize = 60000;

uint8_t HashOfDestination(const msghdr& header) {
  std::array<uint64_t, 3> words{};  // an IPv6 address without the scope
  std::memcpy(words.data(), header.msg_name,
              std::min<size_t>(header.msg_namelen, sizeof words));
  const uint64_t mixed = (words[0] ^ words[1] ^ words[2]) * 0x9E3779B97F4A7C15U;
  return static_cast<uint8_t>(mixed >> 56U);
}

bool HaveOnePath(const msghdr& a, const msghdr& b) {
  if (a.msg_namelen != b.msg_namelen || a.msg_controllen != b.msg_controllen ||
      std::memcmp(a.msg_name, b.msg_name, a.msg_namelen) != 0) {
    return false;
  }
  // Bytes between control messages need not be equal.
  const cmsghdr* source = CMSG_FIRSTHDR(&a);
  return source == nullptr ||
         std::memcmp(a.msg_control, b.msg_control, source->cmsg_len) == 0;
}

}  // namespace

// A system that does not know the option would send a train as one datagram.
SegmentTrains::SegmentTrains(int fd)
    : fd_(fd), is_supported_(SetOption(fd, SOL_UDP, UDP_SEGMENT, 0)) {}

size_t SegmentTrains::Send(std::span<mmsghdr> batch) {
  Couple(batch);
  Build(batch);
  size_t failed = 0;
  size_t done = 0;
  while (done < count_) {
    const int sent =
        ::sendmmsg(fd_, &headers_[done], static_cast<unsigned>(count_ - done),
                   MSG_DONTWAIT);
    if (sent > 0) {
      done += static_cast<size_t>(sent);
    } else {
      // It is the first one's fault; the others may have better luck.
      failed += SendSingly(done, batch);
      ++done;
    }
  }
  return failed;
}

void SegmentTrains::Couple(std::span<const mmsghdr> batch) {
  count_ = 0;
  latest_.fill(0);
  for (size_t i = 0; i < batch.size(); ++i) {
    const msghdr& header = batch[i].msg_hdr;
    uint8_t& latest = latest_[HashOfDestination(header)];
    if (latest == 0 || !IsCoupled(trains_[latest - 1U], batch, header)) {
      trains_[count_] = {.first = i, .size = header.msg_iov->iov_len};
      latest = static_cast<uint8_t>(++count_);
    }
    train_of_[i] = static_cast<uint8_t>(latest - 1U);
    ++trains_[latest - 1U].count;
  }
}

bool SegmentTrains::IsCoupled(const Train& train,
                              std::span<const mmsghdr> batch,
                              const msghdr& next) const {
  return is_supported_ && train.size == next.msg_iov->iov_len &&
         (train.count + 1) * train.size <= kMaxTrainSize &&
         HaveOnePath(batch[train.first].msg_hdr, next);
}

void SegmentTrains::Build(std::span<const mmsghdr> batch) {
  size_t pieces = 0;
  for (size_t i = 0; i < count_; ++i) {
    Train& train = trains_[i];
    msghdr& header = headers_[i].msg_hdr;
    header = batch[train.first].msg_hdr;
    header.msg_iov = &pieces_[pieces];
    header.msg_iovlen = train.count;
    if (train.count > 1) {
      AttachSegmentSize(i);
    }
    train.boarding = pieces;
    pieces += train.count;
  }
  for (size_t i = 0; i < batch.size(); ++i) {
    pieces_[trains_[train_of_[i]].boarding++] = *batch[i].msg_hdr.msg_iov;
  }
}

void SegmentTrains::AttachSegmentSize(size_t train) {
  const auto size = static_cast<uint16_t>(trains_[train].size);
  static_assert(CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof size) <=
                sizeof(Control));
  msghdr& header = headers_[train].msg_hdr;
  uint8_t* control = controls_[train].bytes.data();
  const size_t used = header.msg_controllen;
  if (used > 0) {
    std::memcpy(control, header.msg_control, used);
  }
  auto* item = reinterpret_cast<cmsghdr*>(control + used);
  item->cmsg_level = SOL_UDP;
  item->cmsg_type = UDP_SEGMENT;
  item->cmsg_len = CMSG_LEN(sizeof size);
  std::memcpy(CMSG_DATA(item), &size, sizeof size);
  header.msg_control = control;
  header.msg_controllen = used + CMSG_SPACE(sizeof size);
}

size_t SegmentTrains::SendSingly(size_t train,
                                 std::span<const mmsghdr> batch) const {
  if (trains_[train].count == 1) {
    return 1;
  }
  size_t failed = 0;
  for (size_t i = trains_[train].first; i < batch.size(); ++i) {
    if (train_of_[i] == train &&
        ::sendmsg(fd_, &batch[i].msg_hdr, MSG_DONTWAIT) < 0) {
      ++failed;
    }
  }
  return failed;
}

}  // namespace natkit::io
