#include "derp/derp_events.h"

#include <algorithm>
#include <iterator>
#include <variant>

#include "support/convert.h"
#include "support/door.h"

namespace natkit::c {

namespace {

static_assert(NATKIT_DERP_MAX_PACKET == derp::kMaxPacketSize);
static_assert(NATKIT_DERP_CLOSE_STREAM ==
                  static_cast<int>(derp::ClientCloseReason::kStreamClosed) &&
              NATKIT_DERP_CLOSE_LOGIN_TIMEOUT ==
                  static_cast<int>(derp::ClientCloseReason::kLoginTimeout) &&
              NATKIT_DERP_CLOSE_READ_TIMEOUT ==
                  static_cast<int>(derp::ClientCloseReason::kReadTimeout) &&
              NATKIT_DERP_CLOSE_UPGRADE_REFUSED ==
                  static_cast<int>(derp::ClientCloseReason::kUpgradeRefused) &&
              NATKIT_DERP_CLOSE_PROTOCOL_ERROR ==
                  static_cast<int>(derp::ClientCloseReason::kProtocolError));
static_assert(NATKIT_DERP_PEER_REGULAR == derp::kPeerIsRegular &&
              NATKIT_DERP_PEER_MESH == derp::kPeerIsMeshPeer &&
              NATKIT_DERP_PEER_PROBER == derp::kPeerIsProber &&
              NATKIT_DERP_PEER_NOT_IDEAL == derp::kPeerIsNotIdeal);

/// Writes an event to the structure that C programs get.
struct EventWriter {
  natkit_derp_event& out;

  void Begin(natkit_derp_event_type type, const PublicKey& key) const {
    out.type = type;
    std::ranges::copy(key.bytes, std::begin(out.key));
  }

  void operator()(const derp::ClientConnected& event) const {
    Begin(NATKIT_DERP_EVENT_CONNECTED, event.server_key);
    out.rate = event.info.token_bucket_bytes_per_second;
    out.rate_burst = event.info.token_bucket_bytes_burst;
  }

  void operator()(const derp::ClientPacket& event) const {
    Begin(NATKIT_DERP_EVENT_PACKET, event.source);
    out.data_size = event.data.size();
  }

  void operator()(const derp::PeerGone& event) const {
    Begin(NATKIT_DERP_EVENT_PEER_GONE, event.peer);
    out.reason = event.reason == derp::PeerGoneReason::kNotHere
                     ? NATKIT_DERP_GONE_NOT_HERE
                     : NATKIT_DERP_GONE_DISCONNECTED;
  }

  void operator()(const derp::PeerPresent& event) const {
    Begin(NATKIT_DERP_EVENT_PEER_PRESENT, event.peer);
    if (event.endpoint) {
      out.address = FromEndpoint(*event.endpoint);
    }
    out.peer_flags = event.flags;
  }

  void operator()(const derp::ClientPong& event) const {
    out.type = NATKIT_DERP_EVENT_PONG;
    out.rtt_ns = ToNs(event.round_trip);
  }

  void operator()(const derp::ClientPingTimedOut& /*event*/) const {
    out.type = NATKIT_DERP_EVENT_PING_TIMED_OUT;
  }

  void operator()(const derp::ClientHealth& event) const {
    out.type = NATKIT_DERP_EVENT_HEALTH;
    FillForeignText(event.problem, out.text);
  }

  void operator()(const derp::Restarting& event) const {
    out.type = NATKIT_DERP_EVENT_RESTARTING;
    out.reconnect_in_ns = ToNs(event.reconnect_in);
    out.try_for_ns = ToNs(event.try_for);
  }

  void operator()(const derp::ClientClosed& event) const {
    out.type = NATKIT_DERP_EVENT_CLOSED;
    out.reason = static_cast<uint32_t>(event.reason);
    out.code = -static_cast<int32_t>(event.error);
    out.http_status = event.http_status;
  }
};

}  // namespace

natkit_derp_event FromDerpEvent(const derp::ClientEvent& event) {
  natkit_derp_event out{};
  std::visit(EventWriter{out}, event);
  return out;
}

}  // namespace natkit::c
