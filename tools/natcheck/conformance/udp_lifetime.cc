// RFC 4787 section 4.3: how long mappings live, and what prolongs that.

#include <algorithm>
#include <array>
#include <chrono>

#include "test_case.h"

namespace natkit::natcheck::conformance {
namespace {

using enum Verdict;
using std::chrono::seconds;

/// How long flows are left idle. Steps of less than two from 12 s to 5 minutes,
/// and one second less than the limits that the RFC names.
constexpr Duration kTwoMinutes = seconds(119);
constexpr Duration kFiveMinutes = seconds(295);
constexpr std::array<Duration, 9> kIdleTimes = {
    seconds(12), seconds(23),  seconds(42),  seconds(60), seconds(78),
    kTwoMinutes, seconds(144), seconds(180), kFiveMinutes};

/// For refreshing: silence before and after the packet that may refresh. Each
/// is also an idle time, so that a flow that dies can be told from one that
/// was not refreshed.
constexpr std::array kHalves = {seconds(12), seconds(23),  seconds(42),
                                seconds(78), seconds(144), seconds(180)};

/// How a flow begins.
enum class Prime : uint8_t {
  kOneWay,        ///< one packet, never answered
  kConversation,  ///< exchanges at 0, 2.5 and 5 s
};

/// What is sent in the middle of the silence.
enum class Middle : uint8_t {
  kNothing,
  kOutbound,
  kInbound,
  kFiltered,  ///< from an endpoint that the filter keeps out
  kError,     ///< an ICMP error of the inside host about what came in before
};

/// One flow and what became of it.
struct Flow {
  Prime prime = Prime::kOneWay;
  Middle middle = Middle::kNothing;
  Duration silence{};  ///< before the middle, and again after it
  uint16_t remote_port = 0;
  bool is_done = false;
  bool began = false;
  bool is_alive = false;
  bool middle_arrived = false;
  Instant last_out;  ///< when the last packet of the beginning was first sent
  Endpoint mapped_before;
  Endpoint mapped_middle;
  std::vector<uint8_t> came_in;  ///< the last packet of the conversation
};

Task<bool> Begin(Trial& trial, Socket& inside, Socket& outside, Flow& flow) {
  flow.last_out = trial.lab().now();
  const auto first = co_await trial.Out(inside, outside);
  if (!first) {
    co_return false;
  }
  flow.mapped_before = *first;
  if (flow.prime == Prime::kConversation) {
    for (int i = 0; i < 3; ++i) {
      if (i > 0) {
        co_await trial.Sleep(std::chrono::milliseconds(2500));
        flow.last_out = trial.lab().now();
        const auto again = co_await trial.Out(inside, outside);
        if (!again) {
          co_return false;
        }
      }
      auto answer = co_await trial.Deliver(outside, *first, inside);
      if (!answer) {
        co_return false;
      }
      flow.came_in = std::move(answer->packet);
    }
  }
  co_return true;
}

/// No new packet comes in for the error: it would refresh by itself.
void SendError(Trial& trial, const Socket& inside, const Flow& flow) {
  const bool is_v4 = inside.local().address.is_v4();
  trial.Send(Side::kInside,
             netsim::BuildIcmpError(inside.local().address, is_v4 ? 3 : 1,
                                    is_v4 ? 3 : 4, 0, flow.came_in));
}

/// The packet in the middle of the silence.
Task<void> SendMiddle(Trial& trial, Socket& inside, Socket& outside,
                      Flow& flow) {
  switch (flow.middle) {
    case Middle::kNothing:
      break;
    case Middle::kOutbound: {
      const auto again = co_await trial.Out(inside, outside);
      flow.middle_arrived = again.has_value();
      flow.mapped_middle = again.value_or(Endpoint());
      break;
    }
    case Middle::kInbound:
      flow.middle_arrived =
          co_await trial.In(outside, flow.mapped_before, inside);
      break;
    case Middle::kFiltered: {
      const auto stranger = trial.Outside(IpProtocol::kUdp, 2);
      flow.middle_arrived = co_await trial.In(*stranger, flow.mapped_before,
                                              inside, {.copies = 3});
      break;
    }
    case Middle::kError:
      for (int i = 0; i < 4; ++i) {
        SendError(trial, inside, flow);
        co_await trial.Sleep(std::chrono::milliseconds(100));
      }
      flow.middle_arrived = true;  // it need not get out
      break;
  }
}

/// How long to be silent from now on. Where a limit is judged the box is to
/// see no longer silence than that, wherever packets take their time.
Duration SilenceOf(Trial& trial, const Flow& flow) {
  const bool is_limit =
      flow.silence == kTwoMinutes || flow.silence == kFiveMinutes;
  return is_limit ? flow.last_out + flow.silence -
                        trial.lab().crossing.Typical() - trial.lab().now()
                  : flow.silence;
}

Task<void> RunFlow(Trial& trial, Flow& flow) {
  const auto inside = trial.Inside(IpProtocol::kUdp);
  const auto outside = trial.Outside(IpProtocol::kUdp, 0, flow.remote_port);
  flow.began = co_await Begin(trial, *inside, *outside, flow);
  if (flow.began) {
    co_await trial.Sleep(SilenceOf(trial, flow));
    co_await SendMiddle(trial, *inside, *outside, flow);
    if (flow.middle != Middle::kNothing) {
      co_await trial.Sleep(flow.silence);
    }
    const Endpoint target = flow.middle == Middle::kOutbound
                                ? flow.mapped_middle
                                : flow.mapped_before;
    flow.is_alive = co_await trial.In(
        *outside, target, *inside,
        {.copies = 8, .interval = std::chrono::milliseconds(100)});
  }
  flow.is_done = true;
}

std::vector<Flow> MakeFlows() {
  std::vector<Flow> flows;
  for (const Prime prime : {Prime::kOneWay, Prime::kConversation}) {
    for (const Duration idle : kIdleTimes) {
      flows.push_back({.prime = prime, .silence = idle});
    }
  }
  for (const Middle middle : {Middle::kOutbound, Middle::kInbound,
                              Middle::kFiltered, Middle::kError}) {
    for (const Duration half : kHalves) {
      flows.push_back(
          {.prime = Prime::kConversation, .middle = middle, .silence = half});
    }
  }
  flows.push_back({.silence = kTwoMinutes, .remote_port = 53});
  return flows;
}

const Flow* FindFlow(const std::vector<Flow>& flows, Prime prime, Middle middle,
                     Duration silence) {
  const auto found = std::ranges::find_if(flows, [&](const Flow& flow) {
    return flow.prime == prime && flow.middle == middle &&
           flow.silence == silence && flow.remote_port == 0;
  });
  return found == flows.end() ? nullptr : &*found;
}

std::string InSeconds(Duration time) {
  return std::to_string(std::chrono::duration_cast<seconds>(time).count()) +
         " s";
}

/// "between 23 s and 42 s", "over 295 s".
std::string Bracket(const std::vector<Flow>& flows, Prime prime) {
  Duration alive{};
  Duration dead{};
  for (const Flow& flow : flows) {
    if (flow.prime == prime && flow.middle == Middle::kNothing &&
        flow.remote_port == 0 && flow.began) {
      if (flow.is_alive) {
        alive = std::max(alive, flow.silence);
      } else if (dead == Duration::zero() || flow.silence < dead) {
        dead = flow.silence;
      }
    }
  }
  if (dead == Duration::zero()) {
    return "over " + InSeconds(alive);
  }
  return alive == Duration::zero()
             ? "under " + InSeconds(dead)
             : "between " + InSeconds(alive) + " and " + InSeconds(dead);
}

/// Of a mapping that was never answered, and of one with a conversation.
void JudgeIdle(Trial& trial, const std::vector<Flow>& flows,
               std::string_view requirement, Duration idle) {
  const Flow* one_way = FindFlow(flows, Prime::kOneWay, Middle::kNothing, idle);
  const Flow* talk =
      FindFlow(flows, Prime::kConversation, Middle::kNothing, idle);
  const std::string text = "a mapping that was never answered lives " +
                           Bracket(flows, Prime::kOneWay) +
                           ", one with a conversation " +
                           Bracket(flows, Prime::kConversation);
  if (!one_way->began || !talk->began) {
    trial.Conclude(requirement, kInconclusive, "a flow could not begin");
  } else {
    trial.Conclude(requirement,
                   one_way->is_alive && talk->is_alive ? kPass : kFail, text);
  }
}

/// How many flows outlived their idle time thanks to the middle packet, and
/// how many died although they had been alive when it came.
struct RefreshCount {
  int kept = 0;
  int lost = 0;
  int proofs = 0;  ///< kept for longer than an idle flow lives
};

RefreshCount CountRefreshed(const std::vector<Flow>& flows, Middle middle) {
  RefreshCount count;
  Duration dead = Duration::max();
  for (const Flow& flow : flows) {
    if (flow.prime == Prime::kConversation && flow.remote_port == 0 &&
        flow.middle == Middle::kNothing && flow.began && !flow.is_alive) {
      dead = std::min(dead, flow.silence);
    }
  }
  for (const Duration half : kHalves) {
    const Flow* flow = FindFlow(flows, Prime::kConversation, middle, half);
    const Flow* idle =
        FindFlow(flows, Prime::kConversation, Middle::kNothing, half);
    const bool wants_arrival = middle != Middle::kFiltered;
    if (!flow->began || !idle->began || !idle->is_alive ||
        flow->middle_arrived != wants_arrival) {
      continue;
    }
    ++(flow->is_alive ? count.kept : count.lost);
    count.proofs += flow->is_alive && 2 * half >= dead ? 1 : 0;
  }
  return count;
}

void JudgeRefresh(Trial& trial, const std::vector<Flow>& flows) {
  const RefreshCount out = CountRefreshed(flows, Middle::kOutbound);
  if (out.lost > 0) {
    trial.Conclude("4787-6", kFail,
                   "a flow that an outbound packet should have refreshed "
                   "expired as if it had not been sent");
  } else if (out.proofs > 0) {
    trial.Conclude("4787-6", kPass,
                   "flows with an outbound packet live longer than idle ones");
  } else if (out.kept > 0) {
    trial.Conclude("4787-6", kPass,
                   "no flow with outbound packets expired within 6 minutes");
  } else {
    trial.Conclude("4787-6", kInconclusive,
                   "mappings expire too soon to see a refresh");
  }
  const RefreshCount in = CountRefreshed(flows, Middle::kInbound);
  const bool is_known = in.lost > 0 || in.proofs > 0;
  trial.Conclude("4787-6a", is_known ? kPass : kInconclusive,
                 in.lost > 0     ? "inbound packets do not refresh (they may)"
                 : in.proofs > 0 ? "inbound packets refresh (they may)"
                                 : "no mapping expired within 6 minutes");
}

/// RFC 7857 section 7: what should not refresh.
void JudgeNoRefresh(Trial& trial, const std::vector<Flow>& flows) {
  const bool lets_in = std::ranges::any_of(flows, [](const Flow& flow) {
    return flow.middle == Middle::kFiltered && flow.middle_arrived;
  });
  const RefreshCount filtered = CountRefreshed(flows, Middle::kFiltered);
  if (lets_in) {
    trial.Conclude("7857-7", kNotApplicable, "nothing is filtered");
  } else if (filtered.proofs > 0) {
    trial.Conclude("7857-7", kFail,
                   "packets that were filtered prolonged a mapping");
  } else {
    trial.Conclude("7857-7", filtered.lost > 0 ? kPass : kInconclusive,
                   filtered.lost > 0
                       ? "packets that were filtered did not prolong a mapping"
                       : "no mapping expired within 6 minutes");
  }
  const RefreshCount error = CountRefreshed(flows, Middle::kError);
  if (error.proofs > 0) {
    trial.Conclude("7857-7.1", kFail, "an outbound ICMP error refreshed");
  } else {
    trial.Conclude("7857-7.1", error.lost > 0 ? kPass : kInconclusive,
                   error.lost > 0 ? "an outbound ICMP error did not refresh"
                                  : "no mapping expired within 6 minutes");
  }
}

}  // namespace

/// REQ-5, 5a, 5c, 6 and 6a: all flows at the same time.
Task<void> TestUdpLifetime(Trial& trial, const Facts& /*facts*/) {
  std::vector<Flow> flows = MakeFlows();
  std::vector<Task<void>> running;
  running.reserve(flows.size());
  for (Flow& flow : flows) {
    running.push_back(RunFlow(trial, flow));
    running.back().Start();
    co_await trial.Sleep(std::chrono::milliseconds(20));
  }
  co_await trial.Until(seconds(600), [&flows] {
    return std::ranges::all_of(flows, &Flow::is_done);
  });
  JudgeIdle(trial, flows, "4787-5", kTwoMinutes);
  JudgeIdle(trial, flows, "4787-5c", kFiveMinutes);
  JudgeRefresh(trial, flows);
  JudgeNoRefresh(trial, flows);
  const Flow& dns = flows.back();
  trial.Conclude("4787-5a", dns.began ? kPass : kInconclusive,
                 !dns.began     ? "nothing passes to port 53"
                 : dns.is_alive ? "a mapping toward port 53 lives over 119 s"
                                : "a mapping toward port 53 lives under 119 s "
                                  "(it may)");
}

}  // namespace natkit::natcheck::conformance
