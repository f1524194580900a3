// natkit_wg_tunnel: a device with one peer, a packet at a time.

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "natkit/base/packet_batch.h"
#include "natkit/wg/device.h"
#include "support/convert.h"
#include "support/core_calls.h"
#include "support/door.h"
#include "wireguard/wg_convert.h"
#include "wireguard/wg_outbox.h"

namespace natkit::c {
namespace {

constexpr size_t kFirstConfigSize = sizeof(natkit_wg_tunnel_config);

/// The first byte of sealed packets (paper, section 5.4.6).
constexpr uint8_t kTransportData = 4;

/// What a natkit_wg_tunnel stands for.
struct WgTunnel final : Object {
  static constexpr HandleKind kKind = HandleKind::kWgTunnel;

  WgTunnel(const wg::DeviceConfig& config, std::unique_ptr<Rng> random)
      : rng(std::move(random)), device(config, *rng) {}

  [[nodiscard]] std::optional<Instant> NextTimeout() const {
    return outbox.is_empty() ? device.NextTimeout() : last_time();
  }

  std::unique_ptr<Rng> rng;
  wg::Device device;
  wg::PeerId peer = wg::kNoPeer;
  PacketBatch result;  ///< describes what lies in the caller's buffer
  CallerBatch nowhere = *CallerBatch::Read(nullptr);
  WgOutbox outbox;
};

/// Has `call`, which returns a Result<void>, put datagrams into a PacketBatch,
/// and keeps them for `…_poll_transmit`.
template <class Call>
Result<void> KeepOut(WgTunnel& tunnel, Call&& call) {
  const Result<PacketBatch*> out = tunnel.outbox.Begin(tunnel.nowhere);
  if (!out) {
    return std::unexpected(out.error());
  }
  const Result<void> result = std::forward<Call>(call)(**out);
  tunnel.outbox.Finish(tunnel.nowhere);
  return result;
}

struct Buffers {
  ByteView in;
  MutableBytes out;
};

// A packet and room of `needed` bytes.
Result<Buffers> CheckBuffers(const Result<ByteView>& in,
                             const Result<MutableBytes>& out, size_t needed) {
  if (!in || !out || in->size() > kMaxGivenPacket ||
      Overlap<uint8_t>(*in, *out)) {
    return Fail(Errc::kBadArgument);
  }
  if (out->size() < needed) {
    return Fail(Errc::kBufferTooSmall);
  }
  return Buffers{.in = *in, .out = *out};
}

Result<int> Seal(WgTunnel& tunnel, Instant now, const Buffers& buffers) {
  const wg::DeviceCounters& counters = tunnel.device.counters();
  const uint64_t bad = counters.drop(wg::DropReason::kBadPlaintext);
  const uint64_t stray = counters.drop(wg::DropReason::kNoRoute);
  if (tunnel.outbox.is_full()) {
    return Fail(Errc::kLimitExceeded);
  }
  PacketBatch& result = tunnel.result;
  result.Clear();
  result.Lend(buffers.out, 1);
  tunnel.device.SendPackets(now, {&buffers.in, 1}, result);
  // Handshakes may go with the packet, or instead of it.
  const bool is_sealed =
      result.lent_count() == 1 && result.bytes(0).front() == kTransportData;
  for (size_t i = is_sealed ? 1 : 0; i < result.size(); ++i) {
    tunnel.outbox.Keep(result.bytes(i), result.meta(i));
  }
  if (counters.drop(wg::DropReason::kBadPlaintext) != bad) {
    return Fail(Errc::kBadValue);
  }
  if (counters.drop(wg::DropReason::kNoRoute) != stray) {
    return Fail(Errc::kNoRoute);
  }
  return is_sealed ? static_cast<int>(result.bytes(0).size()) : 0;
}

// What the caller is told of a datagram that was dropped.
Errc CodeOf(wg::DropReason reason) {
  switch (reason) {
    case wg::DropReason::kBadMac1:
    case wg::DropReason::kHandshakeAuth:
    case wg::DropReason::kDataAuth:
      return Errc::kAuthFailed;
    case wg::DropReason::kCookieRequired:
    case wg::DropReason::kRateLimited:
    case wg::DropReason::kInitiationFlood:
      return Errc::kLimitExceeded;
    case wg::DropReason::kUnknownPeer:
      return Errc::kUnknownPeer;
    case wg::DropReason::kTimestampReplayed:
    case wg::DropReason::kDataReplayed:
      return Errc::kReplayed;
    case wg::DropReason::kUnexpectedResponse:
    case wg::DropReason::kUnexpectedCookie:
    case wg::DropReason::kUnknownIndex:
      return Errc::kUnknownIndex;
    case wg::DropReason::kSessionExpired:
      return Errc::kNoSession;
    case wg::DropReason::kNotAllowed:
      return Errc::kNotAllowed;
    default:
      return Errc::kBadValue;
  }
}

/// Those that only incoming datagrams count under.
constexpr size_t kIncomingReasons =
    static_cast<size_t>(wg::DropReason::kNotAllowed) + 1;

using IncomingDrops = std::array<uint64_t, kIncomingReasons>;

IncomingDrops DropsOf(const wg::Device& device) {
  IncomingDrops drops{};
  std::copy_n(device.counters().drops.begin(), drops.size(), drops.begin());
  return drops;
}

Result<int> Open(WgTunnel& tunnel, Instant now, const Buffers& buffers) {
  const IncomingDrops before = DropsOf(tunnel.device);
  PacketBatch& result = tunnel.result;
  result.Clear();
  result.Lend(buffers.out, 1);
  const Result<void> handled = KeepOut(tunnel, [&](PacketBatch& replies) {
    const wg::Device::Datagram datagram{.bytes = buffers.in, .meta = {}};
    tunnel.device.HandleDatagrams(now, {&datagram, 1}, result, replies);
    return Result<void>{};
  });
  if (!handled) {
    return std::unexpected(handled.error());
  }
  if (!result.is_empty()) {
    return static_cast<int>(result.bytes(0).size());
  }
  const IncomingDrops after = DropsOf(tunnel.device);
  const auto changed = std::ranges::mismatch(before, after);
  if (changed.in1 == before.end()) {
    return 0;
  }
  return Fail(
      CodeOf(static_cast<wg::DropReason>(changed.in1 - before.begin())));
}

wg::DeviceConfig ToConfig(const natkit_wg_tunnel_config& given,
                          Duration offset) {
  wg::DeviceConfig config;
  config.wall_clock_offset = offset;
  config.endpoints = wg::EndpointPolicy::kByOwner;
  config.max_peers = 1;
  Override(config.tunnel_mtu, given.mtu);
  Override(config.max_staged_packets, given.max_staged_packets);
  Override(config.max_staged_bytes, given.max_staged_bytes);
  Override(config.handshakes_per_second, given.handshakes_per_second);
  return config;
}

Result<wg::PeerUpdate> ToUpdate(const natkit_wg_tunnel_config& given) {
  Result<std::vector<IpPrefix>> allowed_ips =
      ToPrefixes(given.allowed_ips, given.allowed_ip_count);
  const Result<Duration> keepalive =
      ToDuration(given.keepalive_ns, Duration::zero());
  if (!allowed_ips || !keepalive) {
    return Fail(Errc::kBadArgument);
  }
  if (allowed_ips->empty()) {
    allowed_ips->push_back(IpPrefix());
    allowed_ips->push_back(*IpPrefix::Make(IpAddress::V6({}), 0));
  }
  wg::PeerUpdate update;
  update.public_key = *ToPublicKey(given.public_key);
  update.preshared_key = ToSecret<PresharedKey>(given.preshared_key);
  update.persistent_keepalive = *keepalive;
  update.allowed_ips = std::move(*allowed_ips);
  return update;
}

Result<void> NewTunnel(const natkit_wg_tunnel_config* config,
                       natkit_wg_tunnel** out) {
  SecretStruct<natkit_wg_tunnel_config> given;
  if (const auto read = ReadStructInto(given, config, kFirstConfigSize);
      !read) {
    return read;
  }
  const Result<Duration> offset =
      WallClockOffset(given->now_ns, given->wall_clock_ns);
  const Result<wg::PeerUpdate> update = ToUpdate(given.value);
  Result<std::unique_ptr<Rng>> rng = MakeRng(given->random);
  auto key = ToSecret<StaticPrivateKey>(given->private_key);
  if (!offset || !update || !rng || out == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  if (key.is_zero()) {
    return Fail(Errc::kBadValue);
  }
  auto tunnel = std::make_unique<WgTunnel>(ToConfig(given.value, *offset),
                                           std::move(*rng));
  const Result<Instant> now = tunnel->TakeTime(given->now_ns);
  if (!now) {
    return std::unexpected(now.error());
  }
  tunnel->device.SetPrivateKey(*now, std::move(key));
  const Result<wg::PeerId> peer = tunnel->device.SetPeer(*now, *update);
  if (!peer) {
    return std::unexpected(peer.error());
  }
  tunnel->peer = *peer;
  // Where datagrams come from is the caller's business, so it never changes.
  (void)tunnel->device.SetEndpoint(*peer, Endpoint{});
  return MakeHandle(std::move(tunnel), out);
}

}  // namespace
}  // namespace natkit::c

using natkit::Instant;
using natkit::PacketBatch;
using natkit::Result;
using namespace natkit::c;

int natkit_wg_tunnel_new(const natkit_wg_tunnel_config* config,
                         natkit_wg_tunnel** out) {
  return ToCode(__func__, NewTunnel(config, out));
}

void natkit_wg_tunnel_free(natkit_wg_tunnel* tunnel) {
  FreeHandle<WgTunnel>(__func__, tunnel);
}

int natkit_wg_tunnel_seal(natkit_wg_tunnel* tunnel, uint64_t now_ns,
                          const void* data, size_t size, void* buffer,
                          size_t capacity) {
  const Result<Buffers> buffers =
      CheckBuffers(ToBytes(data, size), ToMutableBytes(buffer, capacity),
                   NATKIT_WG_SEALED_SIZE(size));
  if (!buffers) {
    return Refuse(__func__, buffers.error().code);
  }
  return WithTime<WgTunnel>(
      __func__, tunnel, now_ns,
      [&](WgTunnel& self, Instant now) { return Seal(self, now, *buffers); });
}

int natkit_wg_tunnel_open(natkit_wg_tunnel* tunnel, uint64_t now_ns,
                          const void* data, size_t size, void* buffer,
                          size_t capacity) {
  const Result<Buffers> buffers =
      CheckBuffers(ToBytes(data, size), ToMutableBytes(buffer, capacity), size);
  if (!buffers) {
    return Refuse(__func__, buffers.error().code);
  }
  return WithTime<WgTunnel>(
      __func__, tunnel, now_ns,
      [&](WgTunnel& self, Instant now) { return Open(self, now, *buffers); });
}

int natkit_wg_tunnel_poll_transmit(natkit_wg_tunnel* tunnel, void* buffer,
                                   size_t capacity) {
  const Result<natkit::MutableBytes> room = ToMutableBytes(buffer, capacity);
  if (!room) {
    return Refuse(__func__, room.error().code);
  }
  return WithHandle<WgTunnel>(__func__, tunnel, [&](WgTunnel& self) {
    return self.outbox.PollOne(*room);
  });
}

int natkit_wg_tunnel_handle_timeout(natkit_wg_tunnel* tunnel, uint64_t now_ns) {
  return WithTime<WgTunnel>(__func__, tunnel, now_ns,
                            [&](WgTunnel& self, Instant now) {
                              return KeepOut(self, [&](PacketBatch& out) {
                                self.device.HandleTimeout(now, out);
                                return Result<void>{};
                              });
                            });
}

int natkit_wg_tunnel_next_timeout(const natkit_wg_tunnel* tunnel,
                                  uint64_t* out_ns) {
  return CallNextTimeout<WgTunnel>(__func__, tunnel, out_ns);
}

int natkit_wg_tunnel_poll_event(natkit_wg_tunnel* tunnel,
                                natkit_wg_event* out) {
  return WithHandle<WgTunnel>(__func__, tunnel, [&](WgTunnel& self) {
    return PutEvent(self.device, out);
  });
}

int natkit_wg_tunnel_initiate_handshake(natkit_wg_tunnel* tunnel,
                                        uint64_t now_ns, int is_forced) {
  const auto pace = is_forced != 0 ? natkit::wg::HandshakePace::kForced
                                   : natkit::wg::HandshakePace::kNormal;
  return WithTime<WgTunnel>(
      __func__, tunnel, now_ns, [&](WgTunnel& self, Instant now) {
        return KeepOut(self, [&](PacketBatch& out) {
          return self.device.InitiateHandshake(now, self.peer, pace, out);
        });
      });
}

int natkit_wg_tunnel_send_keepalive(natkit_wg_tunnel* tunnel, uint64_t now_ns) {
  return WithTime<WgTunnel>(
      __func__, tunnel, now_ns, [&](WgTunnel& self, Instant now) {
        return KeepOut(self, [&](PacketBatch& out) {
          return SendKeepalive(self.device, now, self.peer, out);
        });
      });
}

int natkit_wg_tunnel_get_status(const natkit_wg_tunnel* tunnel,
                                natkit_wg_peer_status* out) {
  return WithHandle<WgTunnel>(__func__, tunnel, [&](WgTunnel& self) {
    return WriteStatus(*self.device.GetPeer(self.peer), out);
  });
}

int natkit_wg_tunnel_get_counters(const natkit_wg_tunnel* tunnel,
                                  natkit_wg_counters* out) {
  return WithHandle<WgTunnel>(__func__, tunnel, [&](WgTunnel& self) {
    return WriteCounters(self.device.counters(), out);
  });
}
