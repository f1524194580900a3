#include "natkit/nat/stun_server.h"
#include "stun/rfc3489.h"

namespace natkit::stun {

/// Answers a client of RFC 3489, if that is enabled. Its RESPONSE-ADDRESS is
/// never honoured: it would make this a reflector.
StunServer::Reply StunServer::HandleForeign(Exchange& exchange,
                                            MutableBytes out) {
  const auto change = ParseRfc3489Request(exchange.request);
  if (!change) {
    ++counters_.not_stun;
    return {};
  }
  const bool is_changed = *change != attr::ChangeRequestValue{};
  if (!config_.answers_rfc3489 || authenticator_ ||
      config_.requests != RequestPolicy::kAny ||
      exchange.transport != Transport::kUdp || !exchange.from.address.is_v4() ||
      (is_changed && exchange.endpoints == nullptr)) {
    ++counters_.refused_rfc3489;
    return {};
  }
  if (!IsAdmitted(exchange)) {
    return {};
  }
  Rfc3489Addresses addresses{.mapped = exchange.from};
  if (exchange.endpoints != nullptr) {
    const DiscoveryEndpoints& four = *exchange.endpoints;
    addresses.source = four.Advertised(
        exchange.slot.Changed(change->change_ip, change->change_port));
    addresses.changed = four.Advertised(exchange.slot.Changed(true, true));
  }
  return {.size = WriteRfc3489Response(exchange.request, addresses, out),
          .counter = &ServerCounters::answered_rfc3489,
          .change = *change};
}

}  // namespace natkit::stun
