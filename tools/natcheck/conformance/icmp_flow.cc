#include "icmp_flow.h"

#include <algorithm>

namespace natkit::natcheck::conformance {

Task<bool> SendOut(Trial& trial, IcmpFlow& flow) {
  if (!flow.inside) {
    flow.inside = trial.Inside(IpProtocol::kUdp);
    flow.outside = trial.Outside(IpProtocol::kUdp);
  }
  const Endpoint target = trial.lab().Toward(flow.outside->local());
  auto seen = co_await trial.Deliver(*flow.inside, target, *flow.outside);
  if (seen) {
    flow.last = *std::move(seen);
  }
  co_return !flow.last.packet.empty();
}

Quote Quote::Of(Trial& trial, ByteView packet) {
  Quote quote = {.packet = {packet.begin(), packet.end()},
                 .token = trial.lab().NextToken()};
  const auto info = netsim::ParsePacket(packet);
  const auto payload = TokenPayload(quote.token);
  constexpr size_t kUdpHeader = 8;
  if (!info ||
      info->transport_offset + kUdpHeader + payload.size() > packet.size()) {
    return quote;
  }
  if (info->is_v4()) {
    quote.packet[4] = static_cast<uint8_t>(quote.token >> 8);
    quote.packet[5] = static_cast<uint8_t>(quote.token);
  }
  std::ranges::copy(payload, quote.packet.begin() + info->transport_offset +
                                 static_cast<ptrdiff_t>(kUdpHeader));
  netsim::FixChecksums(quote.packet);
  return quote;
}

bool Quote::IsIn(const Seen& seen) const {
  if (!seen.quoted) {
    return false;
  }
  const ByteView quoted = ByteView(seen.packet).subspan(seen.quoted_at);
  const size_t payload_at = seen.quoted->transport_offset + size_t{8};
  if (quoted.size() < payload_at + kTokenPayloadSize) {
    return seen.quoted->is_v4() && quoted[4] == (token >> 8 & 0xff) &&
           quoted[5] == (token & 0xff);
  }
  return std::ranges::equal(quoted.subspan(payload_at, kTokenPayloadSize),
                            TokenPayload(token));
}

bool IsQuoteRestored(Trial& trial, const IcmpFlow& flow, const Seen& error) {
  return error.quoted->source == flow.inside->local() &&
         error.quoted->destination ==
             trial.lab().Toward(flow.outside->local()) &&
         error.info.destination.address == flow.inside->local().address;
}

}  // namespace natkit::natcheck::conformance
