#include "wireguard/wg_convert.h"

#include <algorithm>
#include <optional>
#include <variant>

#include "support/convert.h"
#include "support/core_calls.h"
#include "support/door.h"

namespace natkit::c {

namespace {

constexpr size_t kFirstStatusSize = sizeof(natkit_wg_peer_status);
constexpr size_t kFirstCountersSize = sizeof(natkit_wg_counters);
constexpr size_t kFirstEventSize = sizeof(natkit_wg_event);

static_assert(wg::kDropReasonCount == NATKIT_WG_DROP_STAGED_FLUSHED + 1 &&
              wg::kDropReasonCount <= NATKIT_WG_DROP_COUNT);
static_assert(wg::kDataOverhead == NATKIT_WG_OVERHEAD &&
              wg::kMaxPlaintextSize == NATKIT_WG_MAX_PACKET_SIZE);

/// Makes a natkit_wg_event of each wg::DeviceEvent.
struct EventWriter {
  void operator()(const wg::HandshakeCompleted& event) {
    out.type = NATKIT_WG_EVENT_HANDSHAKE_COMPLETED;
    out.peer = event.peer;
    out.is_initiator = event.role == wg::Role::kInitiator ? 1 : 0;
  }

  void operator()(const wg::HandshakeGaveUp& event) {
    out.type = NATKIT_WG_EVENT_HANDSHAKE_GAVE_UP;
    out.peer = event.peer;
  }

  void operator()(const wg::EndpointChanged& event) {
    out.type = NATKIT_WG_EVENT_ENDPOINT_CHANGED;
    out.peer = event.peer;
    PutEndpointFast(event.remote, out.remote);
    PutEndpointFast(event.local, out.local);
  }

  void operator()(const wg::SessionExpired& event) {
    out.type = NATKIT_WG_EVENT_SESSION_EXPIRED;
    out.peer = event.peer;
  }

  natkit_wg_event& out;
};

natkit_wg_event FromEvent(const wg::DeviceEvent& event) {
  natkit_wg_event out{};
  std::visit(EventWriter{out}, event);
  return out;
}

}  // namespace

Result<Duration> WallClockOffset(uint64_t now_ns, uint64_t wall_clock_ns) {
  const Result<Duration> now = ToDuration(now_ns, Duration::zero());
  const Result<Duration> wall = ToDuration(wall_clock_ns, Duration::zero());
  if (!now || !wall || *wall == Duration::zero()) {
    return Fail(Errc::kBadArgument);
  }
  return *wall - *now;
}

Result<void> SendKeepalive(wg::Device& device, Instant now, wg::PeerId peer,
                           PacketBatch& out) {
  const std::optional<wg::PeerStatus> status = device.GetPeer(peer);
  if (!status) {
    return Fail(Errc::kNotFound);
  }
  const uint64_t before = status->tx_bytes;
  device.SendKeepalive(now, peer, out);
  return device.GetPeer(peer)->tx_bytes == before ? Fail(Errc::kNoSession)
                                                  : Result<void>{};
}

Result<std::vector<IpPrefix>> ToPrefixes(const natkit_prefix* prefixes,
                                         size_t count) {
  const auto given = ToItems(prefixes, count);
  if (!given) {
    return std::unexpected(given.error());
  }
  std::vector<IpPrefix> out;
  for (const natkit_prefix& prefix : *given) {
    const Result<IpPrefix> made = ToPrefix(prefix);
    if (!made) {
      return std::unexpected(made.error());
    }
    out.push_back(*made);
  }
  return out;
}

Result<void> WriteStatus(const wg::PeerStatus& status,
                         natkit_wg_peer_status* out) {
  natkit_wg_peer_status value{};
  value.rx_bytes = status.rx_bytes;
  value.tx_bytes = status.tx_bytes;
  value.last_handshake_ns = ToNs(status.last_handshake.value_or(Duration{0}));
  value.keepalive_ns = ToNs(status.persistent_keepalive);
  std::ranges::copy(status.public_key.bytes, value.public_key);
  PutEndpointFast(status.endpoint.value_or(Endpoint{}), value.endpoint);
  PutEndpointFast(status.local_endpoint, value.local);
  value.peer = status.id;
  value.has_session = status.has_session ? 1 : 0;
  value.has_preshared_key = status.has_preshared_key ? 1 : 0;
  value.allowed_ip_count = static_cast<uint32_t>(status.allowed_ips.size());
  return WriteStruct(out, value, kFirstStatusSize);
}

Result<void> WriteCounters(const wg::DeviceCounters& counters,
                           natkit_wg_counters* out) {
  natkit_wg_counters value{};
  std::ranges::copy(counters.drops, value.drops);
  value.data_sealed = counters.data_sealed;
  value.data_opened = counters.data_opened;
  value.keepalives_sent = counters.keepalives_sent;
  value.keepalives_received = counters.keepalives_received;
  value.initiations_sent = counters.initiations_sent;
  value.initiations_accepted = counters.initiations_accepted;
  value.responses_accepted = counters.responses_accepted;
  value.cookie_replies_sent = counters.cookie_replies_sent;
  value.cookie_replies_accepted = counters.cookie_replies_accepted;
  value.events_lost = counters.events_lost;
  return WriteStruct(out, value, kFirstCountersSize);
}

Result<int> PutEvent(wg::Device& device, natkit_wg_event* out) {
  return PutNext(out, kFirstEventSize,
                 [&] { return device.PollEvent().transform(FromEvent); });
}

}  // namespace natkit::c

const char* natkit_wg_drop_name(uint32_t drop) {
  if (drop >= natkit::wg::kDropReasonCount) {
    return nullptr;
  }
  // The names are literals, so a zero byte follows them.
  return natkit::wg::DropReasonName(static_cast<natkit::wg::DropReason>(drop))
      .data();
}
