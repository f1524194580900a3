#include "shell/node_shell_udp.h"

#include <array>

namespace natkit::meshnode {

namespace {

/// How often a system-chosen IPv4 port is tried for IPv6, too.
constexpr int kPortAttempts = 8;

io::UdpOptions SocketOptions(uint32_t fwmark) {
  return {.receive_buffer = size_t{1} << 20,
          .send_buffer = size_t{1} << 20,
          .fwmark = fwmark};
}

Result<io::UdpSocket> BindFamily(io::EventLoop& loop, AddressFamily family,
                                 uint16_t port, uint32_t fwmark) {
  const IpAddress any = family == AddressFamily::kIpv4
                            ? IpAddress()
                            : IpAddress::V6(std::array<uint8_t, 16>{});
  return io::UdpSocket::Bind(loop, {any, port}, SocketOptions(fwmark));
}

std::string DescribeBindFailure(uint16_t port, const Error& error) {
  if (error.code == Errc::kAddressInUse) {
    return "UDP port " + std::to_string(port) +
           " is in use by another program; choose one with --listen-port, or "
           "0 for any";
  }
  if (error.code == Errc::kPermissionDenied) {
    return "may not listen on UDP port " + std::to_string(port);
  }
  return "cannot open a UDP socket: " + DescribeError(error.code);
}

/// This host has no such family; the other one has to do.
bool IsMissingFamily(const Error& error) {
  return error.code == Errc::kUnsupported ||
         error.code == Errc::kAddressNotAvailable;
}

}  // namespace

Outcome<UdpPair> UdpPair::Bind(io::EventLoop& loop, uint16_t port,
                               uint32_t fwmark) {
  for (int attempt = 1;; ++attempt) {
    UdpPair pair;
    auto v4 = BindFamily(loop, AddressFamily::kIpv4, port, fwmark);
    if (v4) {
      pair.v4_ = std::move(*v4);
    } else if (!IsMissingFamily(v4.error())) {
      return std::unexpected(DescribeBindFailure(port, v4.error()));
    }
    const bool is_last = attempt == kPortAttempts;
    const bool has_choice = port == 0 && pair.v4_ && !is_last;
    const uint16_t wanted =
        port == 0 && pair.v4_ && !is_last ? *pair.ports().v4 : port;
    auto v6 = BindFamily(loop, AddressFamily::kIpv6, wanted, fwmark);
    if (v6) {
      pair.v6_ = std::move(*v6);
    } else if (has_choice && v6.error().code == Errc::kAddressInUse) {
      continue;
    } else if (!IsMissingFamily(v6.error()) || !pair.v4_) {
      return std::unexpected(DescribeBindFailure(wanted, v6.error()));
    }
    return pair;
  }
}

void UdpPair::Start(const io::UdpSocket::ReceiveHandler& on_receive) {
  for (auto* socket : {&v4_, &v6_}) {
    if (*socket) {
      (*socket)->SetReceiveHandler(on_receive);
    }
  }
}

void UdpPair::Send(const PacketBatch& batch) {
  size_t v4_count = 0;
  for (size_t i = 0; i < batch.size(); ++i) {
    v4_count += batch.meta(i).remote.address.is_v4() ? 1U : 0U;
  }
  if (v4_count != 0 && v4_count != batch.size()) {
    only_v4_.Clear();
    only_v6_.Clear();
    for (size_t i = 0; i < batch.size(); ++i) {
      const PacketBatch::Meta& meta = batch.meta(i);
      (meta.remote.address.is_v4() ? only_v4_ : only_v6_)
          .AppendCopy(batch.bytes(i), meta);
    }
    Send(only_v4_);
    Send(only_v6_);
    return;
  }
  auto& socket = v4_count == 0 ? v6_ : v4_;
  if (socket && !batch.is_empty()) {
    socket->Send(batch);
  }
}

void UdpPair::SendOpeners(const PacketBatch& batch) {
  for (size_t i = 0; i < batch.size(); ++i) {
    const PacketBatch::Meta& meta = batch.meta(i);
    auto& socket = meta.remote.address.is_v4() ? v4_ : v6_;
    if (socket) {
      socket->SendWithHopLimit(meta.remote, batch.bytes(i), meta.local.address,
                               static_cast<uint8_t>(meta.tag));
    }
  }
}

UdpPorts UdpPair::ports() const {
  UdpPorts out;
  if (v4_) {
    out.v4 = v4_->local_endpoint().port;
  }
  if (v6_) {
    out.v6 = v6_->local_endpoint().port;
  }
  return out;
}

}  // namespace natkit::meshnode
