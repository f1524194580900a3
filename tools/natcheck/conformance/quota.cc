// RFC 6888 REQ-4 and 11, RFC 5508 REQ-8: one subscriber wants too much. And
// RFC 7857 section 9: in which order ports are given.

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "flow_watch.h"
#include "test_case.h"

namespace natkit::natcheck::conformance {
namespace {

using enum Verdict;

constexpr size_t kMost = 3000;

/// A subscriber that opens flows until it gets no more.
struct Glutton {
  std::vector<std::unique_ptr<Socket>> sockets;
  std::unique_ptr<Socket> target;
  std::optional<Endpoint> first;  ///< where its first flow is mapped
  /// By number of the flow: some of its mappings.
  std::map<size_t, Endpoint> known;
  Instant began;
  size_t count = 0;  ///< about how many it got
  bool is_refused = false;
  bool has_moved = false;     ///< a later flow has another external address
  std::optional<int> answer;  ///< code of the destination unreachable it got
};

constexpr int kHostUnreachable = 1;
constexpr int kProhibited = 13;

/// In terms of ICMPv4 (RFC 7915 section 5.2).
std::optional<int> RefusalOf(const Seen& seen) {
  if (!seen.quoted || seen.info.icmp_type != (seen.info.is_v4() ? 3 : 1)) {
    return std::nullopt;
  }
  if (seen.info.is_v4()) {
    return seen.info.icmp_code;
  }
  return seen.info.icmp_code == 1 ? kProhibited : kHostUnreachable;
}

Task<void> Gorge(Trial& trial, Glutton& glutton, size_t host) {
  glutton.target = trial.Outside(IpProtocol::kUdp, 1);
  glutton.sockets.push_back(trial.Inside(IpProtocol::kUdp, host));
  glutton.began = trial.lab().now();
  glutton.first = co_await trial.Out(*glutton.sockets.front(), *glutton.target);
  FlowWatch watch(trial);
  bool goes_on = glutton.first.has_value();
  for (size_t i = 1; i < kMost && goes_on; ++i) {
    glutton.sockets.push_back(trial.Inside(IpProtocol::kUdp, host));
    Socket& last = *glutton.sockets.back();
    if (i % 50 != 0) {
      trial.SendUdp(last, trial.lab().Toward(glutton.target->local()),
                    trial.lab().NextToken());
      continue;
    }
    co_await watch.Begin(i, last, *glutton.target);
    goes_on = co_await watch.Settle(false);
  }
  goes_on = goes_on && co_await watch.Settle(true);
  glutton.count = watch.refused().value_or(glutton.sockets.size());
  glutton.is_refused = watch.refused().has_value();
  glutton.known = watch.mapped();
  if (glutton.first) {
    glutton.known[0] = *glutton.first;
  }
  glutton.has_moved =
      std::ranges::any_of(glutton.known, [&glutton](const auto& one) {
        return one.second.address != glutton.first->address;
      });
  if (glutton.is_refused) {
    for (size_t i = glutton.count; i < glutton.sockets.size(); ++i) {
      for (const Seen& seen : glutton.sockets[i]->inbox) {
        const auto code = RefusalOf(seen);
        glutton.answer = code ? code : glutton.answer;
      }
    }
  }
}

/// RFC 5508 REQ-8 wants code 13; of carriers RFC 6888 REQ-11 B wants code 1.
void JudgeAnswer(Trial& trial, const Facts& facts, const Glutton& glutton,
                 const std::string& where) {
  if (!glutton.answer) {
    trial.Conclude("5508-8", kFail, where + " without an ICMP error");
    return;
  }
  const bool is_carriers =
      facts.is_carrier && *glutton.answer == kHostUnreachable;
  trial.Conclude("5508-8",
                 *glutton.answer == kProhibited || is_carriers ? kPass : kFail,
                 where + " with ICMP destination unreachable, code " +
                     std::to_string(*glutton.answer) +
                     (is_carriers ? ", as RFC 6888 REQ-11 B has it" : ""));
}

/// Which of the known flows can still be reached: all are asked at once, as
/// others may end while one is waited for.
Task<std::set<size_t>> FindAlive(Trial& trial, Glutton& glutton) {
  std::map<size_t, uint64_t> asked;  // tokens by number
  std::set<size_t> alive;
  for (const auto& [number, mapped] : glutton.known) {
    asked[number] = trial.lab().NextToken();
    trial.lab().ExpectToken(asked[number], *glutton.sockets[number]);
  }
  const auto is_done = [&glutton, &asked, &alive] {
    for (const auto& [number, token] : asked) {
      const Socket& own = *glutton.sockets[number];
      const uint64_t wanted = token;
      if (std::ranges::any_of(own.inbox, [wanted, &own](const Seen& seen) {
            return seen.token == wanted && seen.side == Side::kInside &&
                   seen.info.destination == own.local();
          })) {
        alive.insert(number);
      }
    }
    return alive.size() == asked.size();
  };
  const Persistence how;
  for (int i = 0; i < how.copies && alive.size() < asked.size(); ++i) {
    for (const auto& [number, token] : asked) {
      if (!alive.contains(number)) {
        trial.SendUdp(*glutton.target, glutton.known[number], token);
      }
    }
    co_await trial.Until(how.interval, is_done);
  }
  co_await trial.Until(trial.Patience(), is_done);
  co_return alive;
}

/// Where old mappings give way: how many new ones are still there, counted by
/// fifties, up to what a run itself may have. nullopt: there is room for those.
std::optional<size_t> CountKept(const Glutton& glutton,
                                const std::set<size_t>& alive) {
  constexpr size_t kEnough = 1000;
  const size_t made = glutton.sockets.size();
  size_t kept = 0;
  for (auto it = glutton.known.rbegin(); it != glutton.known.rend(); ++it) {
    if (made - it->first > kEnough) {
      return std::nullopt;
    }
    if (!alive.contains(it->first)) {
      break;
    }
    kept = made - it->first;
  }
  return kept;
}

/// RFC 6888 REQ-5, where each remote endpoint makes another mapping: who limits
/// those limits the memory.
Task<void> JudgeMemory(Trial& trial, Glutton& glutton) {
  const auto other = trial.Outside(IpProtocol::kUdp, 0);
  const auto second = trial.Outside(IpProtocol::kUdp, 2);
  const auto own = trial.Inside(IpProtocol::kUdp, 0);
  const auto first = co_await trial.Out(*own, *other);
  const auto again = co_await trial.Out(*own, *second);
  if (first && again && *first != *again) {
    trial.Conclude("6888-5", kPass,
                   "every remote endpoint makes another mapping, and there is "
                   "a limit at about " +
                       std::to_string(glutton.count) + " of them");
  }
}

/// The first flow that got the endpoint of an older one: both go to one target,
/// so the older one's mapping has gone. nullopt: none that was looked at.
std::optional<size_t> FirstTaker(const Glutton& glutton) {
  std::set<Endpoint> seen;
  for (const auto& [number, mapped] : glutton.known) {
    if (!seen.insert(mapped).second) {
      return number;
    }
  }
  return std::nullopt;
}

/// Nothing was refused, but old mappings went: REQ-8 of RFC 5508 is about flows
/// that are refused.
void ConcludeEviction(Trial& trial) {
  trial.Conclude("5508-8", kNotApplicable,
                 "nothing was refused: old mappings gave way to new ones");
  trial.Conclude("6888-4", kInconclusive, "nothing was refused");
  trial.Conclude("6888-11", kFail, "old mappings gave way to new ones");
}

/// What nobody can judge from one subscriber, but would like to know.
void ReportUse(Trial& trial, const Facts& facts, const Glutton& glutton) {
  const std::string count = (glutton.is_refused ? "about " : "at least ") +
                            std::to_string(glutton.count) + " mappings";
  trial.Conclude("6888-13", kInconclusive,
                 "one subscriber got " + count +
                     "; how many ports others leave unused is to be read from "
                     "the box, and can be stated (--state)");
  if (!facts.has_pool()) {
    trial.Conclude("7857-4", kNotApplicable,
                   "no more than one external address was seen");
    return;
  }
  trial.Conclude("7857-4", kInconclusive,
                 "with " + count + " a subscriber " +
                     (glutton.has_moved    ? "has several external addresses"
                      : glutton.is_refused ? "is refused and keeps its address"
                                           : "keeps its address") +
                     "; whether that can be chosen can be stated (--state)");
}

void ConcludeOpen(Trial& trial, const std::string& reason) {
  for (const std::string_view id : {"5508-8", "6888-4", "6888-11"}) {
    trial.Conclude(id, kInconclusive, reason);
  }
}

void JudgeQuota(Trial& trial, const Facts& facts, const Glutton& glutton,
                bool others_fine, bool first_alive) {
  const std::string where =
      "refused after about " + std::to_string(glutton.count) + " mappings";
  JudgeAnswer(trial, facts, glutton, where);
  trial.Conclude("6888-4", others_fine ? kPass : kInconclusive,
                 where + (others_fine ? "; other subscribers are not affected"
                                      : "; another host gets nothing either, "
                                        "if of another subscriber is unknown"));
  trial.Conclude("6888-11", first_alive ? kPass : kFail,
                 where + (first_alive ? "; its first mapping is still there"
                                      : "; its first mapping is gone"));
}

}  // namespace

/// RFC 5508 REQ-8, RFC 6888 REQ-4 and 11.
Task<void> TestQuota(Trial& trial, const Facts& facts) {
  Glutton glutton;
  const size_t host = trial.lab().site().inside.size() - 1;
  co_await Gorge(trial, glutton, host);
  ReportUse(trial, facts, glutton);
  if (!glutton.first) {
    ConcludeOpen(trial, "no datagram arrived outside");
    co_return;
  }
  const auto other = trial.Inside(IpProtocol::kUdp, 0);
  const auto mapped = co_await trial.Out(*other, *glutton.target);
  const auto alive = co_await FindAlive(trial, glutton);
  const Duration age = trial.lab().now() - glutton.began;
  const bool kept = alive.contains(0);
  const auto taker = glutton.is_refused ? std::nullopt : FirstTaker(glutton);
  const bool has_gone = !kept || taker;
  const bool is_of_age = has_gone && !co_await LivesFor(trial, host, age);
  if (is_of_age) {
    ConcludeOpen(trial, "mappings end by themselves in the time that making " +
                            std::to_string(glutton.count) + " takes");
  } else if (glutton.is_refused) {
    co_await JudgeMemory(trial, glutton);
    trial.lab().host_limit = glutton.count;
    JudgeQuota(trial, facts, glutton, mapped.has_value(), kept);
  } else if (has_gone) {
    ConcludeEviction(trial);
    co_await JudgeMemory(trial, glutton);
    trial.lab().host_limit = kept ? taker : CountKept(glutton, alive);
  } else {
    ConcludeOpen(trial, "no limit within " + std::to_string(kMost) +
                            " mappings of one host");
  }
}

/// RFC 7857 section 9: 64 flows in a row.
Task<void> TestPortRandomness(Trial& trial, const Facts& /*facts*/) {
  constexpr size_t kFlows = 64;
  const auto target = trial.Outside(IpProtocol::kUdp);
  std::map<IpAddress, uint16_t> last;
  std::map<int, int> steps;
  int preserved = 0;
  int pairs = 0;
  int flows = 0;
  for (size_t i = 0; i < kFlows; ++i) {
    const auto own = trial.Inside(IpProtocol::kUdp);
    const auto mapped = co_await trial.Out(*own, *target);
    if (!mapped) {
      continue;
    }
    ++flows;
    if (mapped->port == own->local().port) {
      ++preserved;  // steps between those are the inside host's
      last.erase(mapped->address);
      continue;
    }
    const auto before = last.find(mapped->address);
    if (before != last.end()) {
      ++pairs;
      ++steps[int{mapped->port} - int{before->second}];
    }
    last[mapped->address] = mapped->port;
  }
  int most = 0;
  int step = 0;
  for (const auto& [delta, count] : steps) {
    if (count > most) {
      most = count;
      step = delta;
    }
  }
  for (const std::string_view id : {"7857-9", "6888-15"}) {
    if (flows < static_cast<int>(kFlows) / 2) {
      trial.Conclude(id, kInconclusive, "too few datagrams arrived");
    } else if (preserved * 2 > flows) {
      trial.Conclude(id, kNotApplicable,
                     "ports are preserved: the inside host chooses them");
    } else if (pairs < static_cast<int>(kFlows) / 8) {
      trial.Conclude(id, kInconclusive,
                     "too few ports in a row that the box chose");
    } else if (most * 4 > pairs) {
      trial.Conclude(
          id, kFail,
          "predictable: ports go by steps of " + std::to_string(step));
    } else {
      trial.Conclude(id, kPass,
                     "no pattern in " + std::to_string(flows) + " ports");
    }
  }
}

}  // namespace natkit::natcheck::conformance
