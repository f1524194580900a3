#include "wg/wg_sockets.h"

#include <utility>

namespace natkit::meshnode {

namespace {

/// A burst of this size fits while the process is busy sealing.
constexpr size_t kSocketBuffer = size_t{4} << 20;

/// A free IPv4 port may be taken for IPv6: try others.
constexpr int kPortAttempts = 16;

const IpAddress kAnyV4;

IpAddress AnyV6() {
  return IpAddress::V6({});
}

}  // namespace

WgSockets::WgSockets(io::EventLoop& loop,
                     io::UdpSocket::ReceiveHandler on_receive)
    : loop_(loop), on_receive_(std::move(on_receive)) {}

Result<std::optional<io::UdpSocket>> WgSockets::BindOne(const IpAddress& any,
                                                        uint16_t port) {
  auto socket = io::UdpSocket::Bind(loop_, {any, port},
                                    {.receive_buffer = kSocketBuffer,
                                     .send_buffer = kSocketBuffer,
                                     .fwmark = fwmark_});
  if (socket) {
    return std::optional(*std::move(socket));
  }
  const Errc code = socket.error().code;
  if (code == Errc::kUnsupported || code == Errc::kAddressNotAvailable) {
    return std::nullopt;  // the host does not have this family
  }
  return std::unexpected(socket.error());
}

Result<WgSockets::Pair> WgSockets::BindPair(uint16_t port) {
  Pair pair;
  auto v4 = BindOne(kAnyV4, port);
  if (!v4) {
    return std::unexpected(v4.error());
  }
  pair.v4 = *std::move(v4);
  pair.port = pair.v4 ? pair.v4->local_endpoint().port : port;
  auto v6 = BindOne(AnyV6(), pair.port);
  if (!v6) {
    return std::unexpected(v6.error());
  }
  pair.v6 = *std::move(v6);
  if (!pair.v4 && !pair.v6) {
    return Fail(Errc::kUnsupported);
  }
  if (!pair.v4) {
    pair.port = pair.v6->local_endpoint().port;
  }
  return pair;
}

Result<uint16_t> WgSockets::Bind(uint16_t port) {
  if (port != 0 && port == port_) {
    return port;
  }
  auto pair = BindPair(port);
  for (int i = 1; i < kPortAttempts && port == 0 && !pair &&
                  pair.error().code == Errc::kAddressInUse;
       ++i) {
    pair = BindPair(port);
  }
  if (!pair) {
    return std::unexpected(pair.error());
  }
  v4_ = std::move(pair->v4);
  v6_ = std::move(pair->v6);
  port_ = pair->port;
  for (auto* socket : {&v4_, &v6_}) {
    if (*socket) {
      (*socket)->SetReceiveHandler(on_receive_);
    }
  }
  return port_;
}

Result<void> WgSockets::SetFwmark(uint32_t mark) {
  for (auto* socket : {&v4_, &v6_}) {
    if (!*socket) {
      continue;
    }
    if (auto marked = (*socket)->SetFwmark(mark); !marked) {
      return marked;
    }
  }
  fwmark_ = mark;
  return {};
}

void WgSockets::Send(const PacketBatch& batch) {
  size_t v6_count = 0;
  for (size_t i = 0; i < batch.size(); ++i) {
    v6_count += batch.meta(i).remote.address.is_v6() ? 1 : 0;
  }
  if (v6_count == 0 && v4_) {
    v4_->Send(batch);
  } else if (v6_count == batch.size() && v6_) {
    v6_->Send(batch);
  } else {
    SendMixed(batch);
  }
}

void WgSockets::SendMixed(const PacketBatch& batch) {
  v4_batch_.Clear();
  v6_batch_.Clear();
  for (size_t i = 0; i < batch.size(); ++i) {
    const auto& meta = batch.meta(i);
    auto& part = meta.remote.address.is_v4() ? v4_batch_ : v6_batch_;
    part.AppendCopy(batch.bytes(i), meta);
  }
  if (v4_) {
    v4_->Send(v4_batch_);
  }
  if (v6_) {
    v6_->Send(v6_batch_);
  }
}

}  // namespace natkit::meshnode
