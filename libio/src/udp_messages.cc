#include "udp_messages.h"

#include <netinet/udp.h>

#include <cstring>

namespace natkit::io {

iovec PieceOf(ByteView bytes) {
  // sendmsg does not write through iov_base, whose type is shared with recvmsg.
  return {const_cast<uint8_t*>(bytes.data()), bytes.size()};
}

template <class Info>
void UdpMessage::AttachControl(int level, int type, const Info& info) {
  static_assert(2 * CMSG_SPACE(sizeof info) <= kControlSize);
  const size_t used = header_.msg_controllen;
  header_.msg_control = control_.data();
  header_.msg_controllen = used + CMSG_SPACE(sizeof info);
  auto* item = reinterpret_cast<cmsghdr*>(control_.data() + used);
  item->cmsg_level = level;
  item->cmsg_type = type;
  item->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(item), &info, sizeof info);
}

void UdpMessage::AttachSource(const IpAddress& from) {
  const ByteView bytes = from.bytes();
  if (from.is_v4()) {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, bytes.data(), bytes.size());
    AttachControl(IPPROTO_IP, IP_PKTINFO, info);
    return;
  }
  in6_pktinfo info{};
  std::memcpy(&info.ipi6_addr, bytes.data(), bytes.size());
  AttachControl(IPPROTO_IPV6, IPV6_PKTINFO, info);
}

void UdpMessage::SetOutgoing(const Endpoint& to, const IpAddress& from,
                             ByteView payload) {
  address_ = SockAddr(to);
  piece_ = PieceOf(payload);
  header_ = {};
  header_.msg_name = address_.get();
  header_.msg_namelen = address_.size;
  header_.msg_iov = &piece_;
  header_.msg_iovlen = 1;
  if (!from.is_unspecified() && from.family() == to.address.family()) {
    AttachSource(from);
  }
}

void UdpMessage::SetHopLimit(const Endpoint& to, uint8_t hop_limit) {
  const int value = hop_limit;
  if (to.address.is_v4()) {
    AttachControl(IPPROTO_IP, IP_TTL, value);
  } else {
    AttachControl(IPPROTO_IPV6, IPV6_HOPLIMIT, value);
  }
}

void UdpMessage::SetSegments(std::span<iovec> pieces, size_t size) {
  header_.msg_iov = pieces.data();
  header_.msg_iovlen = pieces.size();
  AttachControl(SOL_UDP, UDP_SEGMENT, static_cast<uint16_t>(size));
}

void UdpMessage::SetIncoming(MutableBytes buffer) {
  piece_ = {buffer.data(), buffer.size()};
  header_ = {};
  header_.msg_name = address_.get();
  header_.msg_namelen = sizeof address_.storage;
  header_.msg_iov = &piece_;
  header_.msg_iovlen = 1;
  header_.msg_control = control_.data();
  header_.msg_controllen = control_.size();
}

std::optional<Endpoint> UdpMessage::remote() const {
  return ToEndpoint(address_.get(), header_.msg_namelen);
}

std::optional<IpAddress> UdpMessage::destination() const {
  auto* header = const_cast<msghdr*>(&header_);  // CMSG_NXTHDR lacks const
  for (cmsghdr* item = CMSG_FIRSTHDR(header); item != nullptr;
       item = CMSG_NXTHDR(header, item)) {
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
  }
  return std::nullopt;
}

}  // namespace natkit::io
