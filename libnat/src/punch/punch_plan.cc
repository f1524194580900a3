#include "natkit/nat/punch_plan.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "natkit/nat/birthday.h"
#include "punch/punch_rounds.h"

namespace natkit::nat {
namespace {

using std::chrono::duration_cast;
using std::chrono::nanoseconds;
using std::chrono::seconds;

/// Mappings that a sequential NAT is made to give, so that one unforeseen
/// mapping of another host does not end it.
constexpr uint32_t kSequenceSockets = 6;
/// Longest attempt; a plan from a peer is cut to it.
constexpr Duration kLongest = seconds(90);

Duration TimeFor(uint32_t packets, uint32_t per_second) {
  return per_second == 0 ? kLongest
                         : duration_cast<Duration>(nanoseconds(seconds(1)) *
                                                   packets / per_second);
}

bool IsHard(const PunchSide& side) {
  return side.mapping != Dependence::kEndpointIndependent;
}

/// Whether `side` can be the one that probes: the other must open mappings and
/// filters for it, so its port is known, or the other does not look at ports.
bool CanBeEasy(const PunchSide& side, const PunchSide& other) {
  return !IsHard(side) ||
         (other.mapping != Dependence::kAddressAndPortDependent &&
          other.filtering != Dependence::kAddressAndPortDependent);
}

bool IsSequential(const PunchSide& side) {
  return side.forecast.pattern == AllocationPattern::kSequential;
}

/// How many mappings this side may make at once.
uint32_t QuotaOf(const PunchSide& side) {
  uint32_t ports = UINT32_MAX;
  if (side.forecast.pattern == AllocationPattern::kBlock) {
    ports = side.forecast.candidates();
  }
  if (side.mapping_quota > 0) {
    ports = std::min(ports, side.mapping_quota);
  }
  const double share = std::clamp(side.budget.quota_share, 0.0, 1.0);
  return ports == UINT32_MAX ? ports : static_cast<uint32_t>(ports * share);
}

uint32_t OpeningRate(const PunchBudget& budget) {
  return std::min(budget.packets_per_second, budget.new_mappings_per_second);
}

/// Others' mappings are to be expected for as long as the sample is old when
/// the first opener leaves.
Duration GapOf(const PunchSide& side, const PunchAim& aim) {
  return std::max(side.sample_age, Duration::zero()) + 2 * aim.slack;
}

/// How many ports in sequence a peer must consider.
uint32_t WindowOf(const PunchSide& side, const PunchAim& aim) {
  return SequenceWindow(side.forecast.foreign_rate, GapOf(side, aim)) +
         kSequenceSockets;
}

PunchShare HardShare(const PunchSide& hard, uint32_t sockets) {
  return {.sockets = sockets,
          .flows = sockets,
          .opens = true,
          .packets_per_second = hard.budget.packets_per_second};
}

struct TwoShares {
  PunchShare easy;
  PunchShare hard;
};

Duration LastsOf(const TwoShares& shares, const PunchAim& aim) {
  return shares.hard.checks_after + shares.hard.checks_for + 2 * aim.slack;
}

/// The easy side begins when all ports are open; the hard one checks when the
/// easy one is done, which finds what loss has hidden.
void Schedule(TwoShares& shares, const PunchSide& easy, const PunchSide& hard,
              const PunchAim& aim) {
  shares.easy.checks_after =
      TimeFor(shares.hard.flows, OpeningRate(hard.budget)) + aim.slack;
  shares.easy.checks_for =
      TimeFor(shares.easy.flows, easy.budget.packets_per_second);
  shares.hard.checks_after =
      shares.easy.checks_after + shares.easy.checks_for + aim.slack;
  for (uint32_t rounds = kLastRounds; rounds > 0; --rounds) {
    shares.hard.checks_for =
        TimeFor(rounds * shares.hard.flows, hard.budget.packets_per_second);
    if (LastsOf(shares, aim) <= kLongest) {
      return;  // a slow owner has time for one round only
    }
  }
}

PunchDecision PlanEasyHard(const PunchSide& initiator,
                           const PunchSide& responder, bool initiator_is_easy,
                           const PunchAim& aim) {
  const PunchSide& easy = initiator_is_easy ? initiator : responder;
  const PunchSide& hard = initiator_is_easy ? responder : initiator;
  PunchPlan plan;
  BirthdayChoice choice;
  const BirthdayLimits limits = {
      .max_open = std::min({hard.budget.max_sockets, QuotaOf(hard),
                            hard.budget.max_packets / 3}),
      .max_probes = std::min({easy.budget.max_probes, easy.budget.max_packets,
                              IsHard(easy) ? QuotaOf(easy) : UINT32_MAX})};
  if (IsSequential(hard)) {
    plan.method = PunchMethod::kSequence;
    choice.open = std::min(kSequenceSockets, limits.max_open);
    choice.probes = std::min(WindowOf(hard, aim), limits.max_probes);
    choice.chance = choice.open * choice.probes == 0
                        ? 0
                        : std::clamp(hard.forecast.confidence, 0.0, 1.0);
  } else {
    choice = ChooseBirthday(hard.forecast.candidates(), aim.target, limits);
  }
  if (choice.open == 0 || choice.probes == 0) {
    return {.plan = {}, .failure = PunchFailure::kBudgetTooSmall};
  }
  TwoShares shares{
      .easy = {.sockets = 0,
               .flows = choice.probes,
               .opens = false,
               .packets_per_second = easy.budget.packets_per_second},
      .hard = HardShare(hard, choice.open)};
  Schedule(shares, easy, hard, aim);
  plan.initiator = initiator_is_easy ? shares.easy : shares.hard;
  plan.responder = initiator_is_easy ? shares.hard : shares.easy;
  plan.lasts = LastsOf(shares, aim);
  plan.chance = choice.chance;
  return {.plan = plan};
}

/// How many endpoints a peer must consider of a side that is hard.
uint32_t Uncertainty(const PunchSide& side, const PunchAim& aim) {
  return IsSequential(side) ? WindowOf(side, aim) : side.forecast.candidates();
}

PunchShare CrossingShare(const PunchSide& side, uint32_t own, uint32_t theirs) {
  // More mappings than ports to have them on do not help.
  uint32_t flows = std::min({side.budget.max_probes, QuotaOf(side),
                             side.budget.max_packets / 3, own});
  const uint32_t sockets = theirs == 0 ? 0 : (flows + theirs - 1) / theirs;
  if (sockets > side.budget.max_sockets) {
    flows = side.budget.max_sockets * theirs;
  }
  return {.sockets = std::min(sockets, side.budget.max_sockets),
          .flows = flows,
          .opens = true,
          .packets_per_second = side.budget.packets_per_second};
}

PunchDecision PlanCrossing(const PunchSide& initiator,
                           const PunchSide& responder, const PunchAim& aim) {
  const uint32_t own = Uncertainty(initiator, aim);
  const uint32_t theirs = Uncertainty(responder, aim);
  PunchPlan plan{.method = PunchMethod::kCrossing,
                 .initiator = CrossingShare(initiator, own, theirs),
                 .responder = CrossingShare(responder, theirs, own)};
  if (plan.initiator.flows == 0 || plan.responder.flows == 0) {
    return {.plan = {}, .failure = PunchFailure::kBudgetTooSmall};
  }
  plan.chance = IsSequential(initiator) && IsSequential(responder)
                    ? 0.5  // nat.md section 18
                    : CrossingHit(own, plan.initiator.flows, theirs,
                                  plan.responder.flows);
  const Duration opening =
      std::max(TimeFor(plan.initiator.flows, OpeningRate(initiator.budget)),
               TimeFor(plan.responder.flows, OpeningRate(responder.budget)));
  for (PunchShare* share : {&plan.initiator, &plan.responder}) {
    share->checks_after = opening + aim.slack;
    share->checks_for = TimeFor(share->flows, share->packets_per_second);
    plan.lasts = std::max(
        plan.lasts, share->checks_after + share->checks_for + 2 * aim.slack);
  }
  return {.plan = plan};
}

}  // namespace

PunchDecision MakePunchPlan(const PunchSide& initiator,
                            const PunchSide& responder, const PunchAim& aim) {
  for (const PunchSide* side : {&initiator, &responder}) {
    if (OpeningRate(side->budget) == 0) {
      return {.plan = {}, .failure = PunchFailure::kBudgetTooSmall};
    }
  }
  if (!IsHard(initiator) && !IsHard(responder)) {
    return {.plan = {}, .failure = PunchFailure::kNotNeeded};
  }
  const bool initiator_is_easy = CanBeEasy(initiator, responder);
  const bool responder_is_easy = CanBeEasy(responder, initiator);
  PunchDecision decision;
  if (initiator_is_easy && responder_is_easy) {
    // The fewer ports a side has, the better it is for the hard part.
    decision =
        PlanEasyHard(initiator, responder,
                     IsHard(responder) && (!IsHard(initiator) ||
                                           responder.forecast.candidates() <=
                                               initiator.forecast.candidates()),
                     aim);
  } else if (initiator_is_easy || responder_is_easy) {
    decision = PlanEasyHard(initiator, responder, initiator_is_easy, aim);
  } else {
    decision = PlanCrossing(initiator, responder, aim);
  }
  if (decision.plan && (decision.plan->chance < aim.min_chance ||
                        decision.plan->lasts > kLongest)) {
    return {.plan = {}, .failure = PunchFailure::kHopeless};
  }
  return decision;
}

bool IsWithinBudget(const PunchShare& share, const PunchBudget& budget) {
  const auto is_sane = [](Duration time) {
    return time >= Duration::zero() && time <= kLongest;
  };
  return share.sockets <= budget.max_sockets &&
         share.flows <= std::max(budget.max_probes, budget.max_sockets) &&
         share.packets_per_second <= budget.packets_per_second &&
         is_sane(share.checks_after) && is_sane(share.checks_for);
}

bool IsUsable(const PunchSide& side) {
  const auto is_unicast = [](const IpAddress& address) {
    return !address.is_unspecified() && !address.is_multicast() &&
           !address.is_loopback() && !address.is_link_local();
  };
  const PortForecast& forecast = side.forecast;
  const bool is_sequence = forecast.pattern == AllocationPattern::kSequential;
  return is_unicast(side.mapped.address) && side.mapped.port != 0 &&
         !forecast.areas.empty() && forecast.areas.size() <= kMaxPortAreas &&
         std::ranges::all_of(forecast.areas,
                             [&](const PortArea& area) {
                               return is_unicast(area.address) &&
                                      area.ports.first > 0 &&
                                      area.ports.first <= area.ports.last;
                             }) &&
         (!forecast.is_constant ||
          (is_unicast(forecast.last.address) && forecast.last.port != 0)) &&
         (!is_sequence ||
          (forecast.step != 0 && std::abs(forecast.step) <= kMaxPortStep &&
           forecast.last.address == forecast.areas.front().address)) &&
         std::isfinite(forecast.foreign_rate) && forecast.foreign_rate >= 0 &&
         std::isfinite(forecast.confidence) &&
         std::isfinite(side.budget.quota_share) &&
         side.sample_age >= Duration::zero() && side.sample_age <= kLongest;
}

}  // namespace natkit::nat
