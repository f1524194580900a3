#include "natkit/io/batch_socket.h"

#include <linux/filter.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <vector>

#include "segment_trains.h"
#include "sockaddr.h"
#include "system_error.h"
#include "udp_messages.h"

namespace natkit::io {

namespace {

constexpr size_t kControlSize = 64;
/// Payload that every path carries in one piece, near enough.
constexpr size_t kMaxWholeSize = 1200;
static_assert(CMSG_SPACE(sizeof(in6_pktinfo)) <= kControlSize);
static_assert(BatchSocket::kMaxBatch <= SegmentTrains::kMaxBatch);

/// Tells the address that a datagram was sent to; also makes the same control
/// message good for the answer.
std::optional<IpAddress> DestinationOf(msghdr& header) {
  cmsghdr* item = CMSG_FIRSTHDR(&header);
  if (item == nullptr) {
    return std::nullopt;
  }
  if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_PKTINFO) {
    in_pktinfo info{};
    std::memcpy(&info, CMSG_DATA(item), sizeof info);
    return ToIpAddress(info.ipi_addr);
  }
  if (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_PKTINFO) {
    in6_pktinfo info{};
    std::memcpy(&info, CMSG_DATA(item), sizeof info);
    return ToIpAddress(info.ipi6_addr);
  }
  return std::nullopt;
}

/// Leaves out the interface, so that the answer takes the usual route, and
/// makes the source the address that was asked.
void TurnIntoSource(msghdr& header) {
  cmsghdr* item = CMSG_FIRSTHDR(&header);
  if (item == nullptr) {
    return;
  }
  if (item->cmsg_type == IP_PKTINFO && item->cmsg_level == IPPROTO_IP) {
    in_pktinfo info{};
    std::memcpy(&info, CMSG_DATA(item), sizeof info);
    info.ipi_spec_dst = info.ipi_addr;
    info.ipi_ifindex = 0;
    std::memcpy(CMSG_DATA(item), &info, sizeof info);
  } else if (item->cmsg_level == IPPROTO_IPV6) {
    in6_pktinfo info{};
    std::memcpy(&info, CMSG_DATA(item), sizeof info);
    const bool is_link_local = IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) != 0;
    info.ipi6_ifindex = is_link_local ? info.ipi6_ifindex : 0;
    std::memcpy(CMSG_DATA(item), &info, sizeof info);
  }
}

/// Says whether IPv4 datagrams may be fragmented. Those that may not need no
/// identification (RFC 6864), which makes sending them cheaper.
void ForbidFragments(int fd, bool is_forbidden) {
  const int mode = is_forbidden ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT;
  static_cast<void>(SetOption(fd, IPPROTO_IP, IP_MTU_DISCOVER, mode));
}

Result<void> SetBuffers(int fd, const BatchSocketOptions& options) {
  const auto set = [fd](int name, size_t size) {
    const int bytes = static_cast<int>(std::min(size, size_t{1} << 30U));
    return size == 0 || SetOption(fd, SOL_SOCKET, name, bytes);
  };
  if (!set(SO_RCVBUF, options.receive_buffer) ||
      !set(SO_SNDBUF, options.send_buffer)) {
    return FailErrno();
  }
  return {};
}

}  // namespace

/// Buffers of one batch. Pinned in memory: headers point into it.
class BatchSocket::Impl {
 public:
  Impl(UniqueFd socket, bool shares)
      : fd(std::move(socket)),
        local(LocalEndpointOf(fd.get())),
        shares_port(shares),
        is_wildcard(local.address.is_unspecified()),
        trains(fd.get()),
        slots(kMaxBatch) {
    for (size_t i = 0; i < kMaxBatch; ++i) {
      pieces[i] = {slots[i].request.data(), slots[i].request.size()};
      incoming[i].msg_hdr.msg_name = &names[i];
      incoming[i].msg_hdr.msg_iov = &pieces[i];
      incoming[i].msg_hdr.msg_iovlen = 1;
      Rearm(i);
    }
  }

  /// Undoes what recvmmsg wrote into header `index`.
  void Rearm(size_t index) {
    msghdr& header = incoming[index].msg_hdr;
    header.msg_namelen = sizeof(sockaddr_in6);
    if (is_wildcard) {
      header.msg_control = slots[index].control.data();
      header.msg_controllen = kControlSize;
    }
  }

  struct Slot {
    std::array<uint8_t, kMaxRequestSize> request;
    alignas(cmsghdr) std::array<uint8_t, kControlSize> control;
  };

  UniqueFd fd;
  Endpoint local;
  bool shares_port;
  bool is_wildcard;
  SegmentTrains trains;
  BatchSocketCounters counters;
  std::vector<Slot> slots;
  std::array<sockaddr_in6, kMaxBatch> names{};  // room for IPv4 too
  std::array<iovec, kMaxBatch> pieces{};
  std::array<mmsghdr, kMaxBatch> incoming{};
  size_t received = 0;
  std::array<iovec, kMaxBatch> out_pieces{};
  std::array<mmsghdr, kMaxBatch> outgoing{};
  size_t queued = 0;
  // Responses are short: one after the other they stay in few cache lines.
  std::vector<uint8_t> responses =
      std::vector<uint8_t>(kMaxBatch * kMaxResponseSize);
  size_t responses_size = 0;
};

Result<BatchSocket> BatchSocket::Bind(const Endpoint& local,
                                      const BatchSocketOptions& options) {
  auto fd = OpenSocket(local.address.family(), SOCK_DGRAM);
  if (!fd) {
    return std::unexpected(fd.error());
  }
  if (auto set = SetBuffers(fd->get(), options); !set) {
    return std::unexpected(set.error());
  }
  const SockAddr address(local);
  if ((options.shares_port &&
       !SetOption(fd->get(), SOL_SOCKET, SO_REUSEPORT, 1)) ||
      ::bind(fd->get(), address.get(), address.size) != 0) {
    return FailErrno();
  }
  return Adopt(*std::move(fd));
}

Result<BatchSocket> BatchSocket::Adopt(UniqueFd fd) {
  int type = 0;
  int shares_port = 0;
  socklen_t size = sizeof type;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
      ::getsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &shares_port, &size) !=
          0) {
    return FailErrno();
  }
  auto impl = std::make_unique<Impl>(std::move(fd), shares_port != 0);
  if (type != SOCK_DGRAM || impl->local.port == 0) {
    return Fail(Errc::kUnsupported);
  }
  const int socket = impl->fd.get();
  const bool is_v4 = impl->local.address.is_v4();
  if (is_v4) {
    ForbidFragments(socket, true);
  }
  if (impl->is_wildcard &&
      !(is_v4 ? SetOption(socket, IPPROTO_IP, IP_PKTINFO, 1)
              : SetOption(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1))) {
    return FailErrno();
  }
  return BatchSocket(std::move(impl));
}

BatchSocket::BatchSocket(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

BatchSocket::~BatchSocket() = default;
BatchSocket::BatchSocket(BatchSocket&&) noexcept = default;
BatchSocket& BatchSocket::operator=(BatchSocket&&) noexcept = default;

Result<void> BatchSocket::SteerBySource(uint32_t count, uint32_t salt) {
  const auto statement = [](int code, uint32_t k) {
    return sock_filter{static_cast<uint16_t>(code), 0, 0, k};
  };
  const auto network = [](int offset) {
    return static_cast<uint32_t>(SKF_NET_OFF + offset);
  };
  const uint32_t odd = salt | 1U;
  std::vector<sock_filter> program;
  if (impl_->local.address.is_v4()) {
    program = {statement(BPF_LD | BPF_W | BPF_ABS, network(12))};
  } else {
    program = {statement(BPF_LD | BPF_W | BPF_ABS, network(8)),
               statement(BPF_ALU | BPF_MUL | BPF_K, odd),
               statement(BPF_MISC | BPF_TAX, 0),
               statement(BPF_LD | BPF_W | BPF_ABS, network(12)),
               statement(BPF_ALU | BPF_XOR | BPF_X, 0)};
  }
  // Multiplying carries upwards: the high bits are the mixed ones.
  program.insert(program.end(), {statement(BPF_ALU | BPF_MUL | BPF_K, odd),
                                 statement(BPF_ALU | BPF_RSH | BPF_K, 16),
                                 statement(BPF_ALU | BPF_MOD | BPF_K, count),
                                 statement(BPF_RET | BPF_A, 0)});
  const sock_fprog filter{static_cast<uint16_t>(program.size()),
                          program.data()};
  if (!SetOption(impl_->fd.get(), SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF,
                 filter)) {
    return FailErrno();
  }
  return {};
}

size_t BatchSocket::Receive() {
  Impl& io = *impl_;
  for (size_t i = 0; i < io.received; ++i) {
    io.Rearm(i);
  }
  io.received = 0;
  io.queued = 0;
  io.responses_size = 0;
  const int count = ::recvmmsg(io.fd.get(), io.incoming.data(), kMaxBatch,
                               MSG_DONTWAIT, nullptr);
  io.received = count > 0 ? static_cast<size_t>(count) : 0;
  return io.received;
}

ByteView BatchSocket::payload(size_t index) const {
  const mmsghdr& header = impl_->incoming[index];
  if ((header.msg_hdr.msg_flags & MSG_TRUNC) != 0) {
    ++impl_->counters.truncated;
    return {};
  }
  return {impl_->slots[index].request.data(), header.msg_len};
}

Endpoint BatchSocket::remote(size_t index) const {
  const msghdr& header = impl_->incoming[index].msg_hdr;
  return ToEndpoint(static_cast<const sockaddr*>(header.msg_name),
                    header.msg_namelen)
      .value_or(Endpoint{});
}

Endpoint BatchSocket::local(size_t index) const {
  Endpoint local = impl_->local;
  if (impl_->is_wildcard) {
    local.address =
        DestinationOf(impl_->incoming[index].msg_hdr).value_or(local.address);
  }
  return local;
}

MutableBytes BatchSocket::response() {
  return MutableBytes(impl_->responses)
      .subspan(impl_->responses_size, kMaxResponseSize);
}

void BatchSocket::Answer(size_t index, size_t size) {
  Impl& io = *impl_;
  if (size > kMaxWholeSize) {
    const ByteView whole(&io.responses[io.responses_size], size);
    const bool is_sent = SendTo(remote(index), whole, local(index).address);
    io.counters.send_errors += is_sent ? 0 : 1;
    return;
  }
  const size_t slot = io.queued++;
  io.out_pieces[slot] = {&io.responses[io.responses_size], size};
  io.responses_size += size;
  msghdr& header = io.outgoing[slot].msg_hdr;
  header = io.incoming[index].msg_hdr;
  header.msg_iov = &io.out_pieces[slot];
  header.msg_flags = 0;
  if (io.is_wildcard) {
    TurnIntoSource(header);
  }
}

void BatchSocket::Flush() {
  Impl& io = *impl_;
  io.counters.send_errors +=
      io.trains.Send(std::span(io.outgoing).first(io.queued));
  io.queued = 0;
}

bool BatchSocket::SendTo(const Endpoint& to, ByteView payload,
                         const IpAddress& from) const {
  const int fd = impl_->fd.get();
  UdpMessage message;
  message.SetOutgoing(to, from, payload);
  const bool is_long = payload.size() > kMaxWholeSize && to.address.is_v4();
  if (is_long) {
    ForbidFragments(fd, false);
  }
  const bool is_sent = ::sendmsg(fd, &message.header(), MSG_DONTWAIT) >= 0;
  if (is_long) {
    ForbidFragments(fd, true);
  }
  return is_sent;
}

int BatchSocket::fd() const {
  return impl_->fd.get();
}

const Endpoint& BatchSocket::local_endpoint() const {
  return impl_->local;
}

const BatchSocketCounters& BatchSocket::counters() const {
  return impl_->counters;
}

bool BatchSocket::shares_port() const {
  return impl_->shares_port;
}

}  // namespace natkit::io
