#include "icmp_flow.h"

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

bool IsQuoteRestored(Trial& trial, const IcmpFlow& flow, const Seen& error) {
  return error.quoted->source == flow.inside->local() &&
         error.quoted->destination ==
             trial.lab().Toward(flow.outside->local()) &&
         error.info.destination.address == flow.inside->local().address;
}

}  // namespace natkit::natcheck::conformance
