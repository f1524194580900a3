// RFC 4787 section 9: ICMP about UDP flows.

#include <algorithm>
#include <array>
#include <chrono>

#include "flow_watch.h"
#include "icmp_flow.h"
#include "test_case.h"

namespace natkit::natcheck::conformance {
namespace {

using enum Verdict;

struct IcmpKind {
  uint8_t type;
  uint8_t code;
};

/// Destination unreachable and time exceeded, in all the codes that stacks
/// send.
constexpr std::array kErrors = {
    IcmpKind{3, 0}, IcmpKind{3, 1},  IcmpKind{3, 2},  IcmpKind{3, 3},
    IcmpKind{3, 4}, IcmpKind{3, 13}, IcmpKind{11, 0}, IcmpKind{11, 1}};

void SendError(Trial& trial, IpAddress from, IcmpKind kind,
               const Quote& quote) {
  const uint16_t mtu = kind.code == 4 ? 1400 : 0;
  trial.Send(Side::kOutside, netsim::BuildIcmpError(from, kind.type, kind.code,
                                                    mtu, quote.packet));
}

/// Sends an error about the flow's last packet until it arrives inside.
Task<std::optional<Seen>> DeliverError(Trial& trial, IcmpFlow& flow,
                                       IpAddress from, IcmpKind kind,
                                       int copies) {
  const Quote quote = Quote::Of(trial, flow.last.packet);
  const auto is_error = [&quote](const Seen& seen) { return quote.IsIn(seen); };
  std::optional<Seen> arrived;
  for (int i = 0; i < copies && !arrived; ++i) {
    SendError(trial, from, kind, quote);
    co_await trial.Until(trial.Patience(), [&flow, is_error] {
      return std::ranges::any_of(flow.inside->inbox, is_error);
    });
    arrived = TakeFrom(flow.inside->inbox, is_error);
  }
  co_return arrived;
}

/// All kinds of errors, twice each, at once: mappings may live short.
Task<void> JudgeSurvival(Trial& trial) {
  IcmpFlow flow;
  const Instant began = trial.lab().now();
  const bool is_open = co_await SendOut(trial, flow);
  if (!is_open) {
    trial.Conclude("4787-12", kInconclusive, "no datagram arrived outside");
    co_return;
  }
  for (const IcmpKind& kind : kErrors) {
    for (int i = 0; i < 2; ++i) {
      SendError(trial, flow.outside->local().address, kind,
                Quote::Of(trial, flow.last.packet));
      co_await trial.Sleep(std::chrono::milliseconds(20));
    }
  }
  co_await trial.Sleep(trial.Patience());
  const bool is_alive =
      co_await trial.In(*flow.outside, flow.last.info.source, *flow.inside);
  const bool is_of_age =
      !is_alive && !co_await LivesFor(trial, 0, trial.lab().now() - began);
  if (is_of_age) {
    trial.Conclude("4787-12", kInconclusive,
                   "mappings end sooner than errors come in");
    co_return;
  }
  trial.Conclude("4787-12", is_alive ? kPass : kFail,
                 is_alive ? "the mapping survived eight kinds of ICMP error"
                          : "after ICMP errors nothing came in by the mapping");
}

}  // namespace

/// REQ-12, 12a, 12b.
Task<void> TestUdpIcmp(Trial& trial, const Facts& /*facts*/) {
  co_await JudgeSurvival(trial);
  IcmpFlow flow;
  const bool is_open = co_await SendOut(trial, flow);
  if (!is_open) {
    trial.Conclude("4787-12a", kInconclusive, "no datagram arrived outside");
    trial.Conclude("4787-12b", kInconclusive, "no datagram arrived outside");
    co_return;
  }
  const IcmpKind unreachable = {3, 1};
  const auto from_peer = co_await DeliverError(
      trial, flow, flow.outside->local().address, unreachable, 6);
  const IpAddress router = trial.lab().site().outside.back();
  const auto from_router =
      co_await DeliverError(trial, flow, router, unreachable, 6);
  if (from_router) {
    trial.Conclude("4787-12a", kPass,
                   "an error from a router on the way came in");
  } else if (from_peer) {
    trial.Conclude("4787-12a", kFail,
                   "errors come in from the destination only");
  } else {
    trial.Conclude("4787-12a", kInconclusive, "no ICMP error comes in at all");
  }
  const auto& any = from_router ? from_router : from_peer;
  if (!any) {
    trial.Conclude("4787-12b", kFail,
                   "destination unreachable did not reach the inside host");
  } else if (!IsQuoteRestored(trial, flow, *any)) {
    trial.Conclude("4787-12b", kFail,
                   "the packet quoted in the error is not the one that the "
                   "inside host sent");
  } else {
    trial.Conclude("4787-12b", kPass,
                   "destination unreachable came in, with the packet quoted "
                   "as the inside host sent it");
  }
}

}  // namespace natkit::natcheck::conformance
