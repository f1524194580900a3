// RFC 6888 REQ-4 and 11, RFC 5508 REQ-8: one subscriber wants too much. And
// RFC 7857 section 9: in which order ports are given.

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <set>

#include "crossing.h"
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
  glutton.first = co_await trial.Out(*glutton.sockets.front(), *glutton.target);
  for (size_t i = 1; i < kMost && !glutton.is_refused; ++i) {
    glutton.sockets.push_back(trial.Inside(IpProtocol::kUdp, host));
    Socket& last = *glutton.sockets.back();
    if (i % 50 != 0) {
      trial.SendUdp(last, trial.lab().Toward(glutton.target->local()),
                    trial.lab().NextToken());
      continue;
    }
    const auto mapped = co_await trial.Out(last, *glutton.target);
    glutton.is_refused = !mapped;
    if (mapped) {
      glutton.known[i] = *mapped;
    }
    glutton.has_moved |=
        mapped && glutton.first && mapped->address != glutton.first->address;
    for (const Seen& seen : last.inbox) {
      const auto code = RefusalOf(seen);
      glutton.answer = code ? code : glutton.answer;
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

/// Where old mappings give way: how many new ones are still there, counted by
/// fifties, up to what a run itself may have.
Task<void> CountKept(Trial& trial, Glutton& glutton) {
  constexpr size_t kEnough = 1000;
  const size_t made = glutton.sockets.size();
  size_t kept = 0;
  for (auto it = glutton.known.rbegin(); it != glutton.known.rend(); ++it) {
    const auto& [number, mapped] = *it;
    if (made - number > kEnough) {
      co_return;  // there is room for all that a run makes
    }
    const bool is_there =
        co_await trial.In(*glutton.target, mapped, *glutton.sockets[number]);
    if (!is_there) {
      break;
    }
    kept = made - number;
  }
  trial.lab().host_limit = kept;
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
                       std::to_string(glutton.sockets.size()) + " of them");
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
                            std::to_string(glutton.sockets.size()) +
                            " mappings";
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

void JudgeQuota(Trial& trial, const Facts& facts, const Glutton& glutton,
                bool others_fine, bool first_alive) {
  const std::string where = "refused after about " +
                            std::to_string(glutton.sockets.size()) +
                            " mappings";
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
  co_await Gorge(trial, glutton, trial.lab().site().inside.size() - 1);
  ReportUse(trial, facts, glutton);
  if (glutton.first && !glutton.is_refused) {
    const bool kept = co_await trial.In(*glutton.target, *glutton.first,
                                        *glutton.sockets.front());
    const auto taker = FirstTaker(glutton);
    if (!kept || taker) {
      ConcludeEviction(trial);
      co_await JudgeMemory(trial, glutton);
      if (kept) {
        trial.lab().host_limit = taker;
      } else {
        co_await CountKept(trial, glutton);
      }
      co_return;
    }
  }
  if (!glutton.first || !glutton.is_refused) {
    const std::string reason = !glutton.first ? "no datagram arrived outside"
                                              : "no limit within " +
                                                    std::to_string(kMost) +
                                                    " mappings of one host";
    for (const std::string_view id : {"5508-8", "6888-4", "6888-11"}) {
      trial.Conclude(id, kInconclusive, reason);
    }
    co_return;
  }
  const auto other = trial.Inside(IpProtocol::kUdp, 0);
  const auto mapped = co_await trial.Out(*other, *glutton.target);
  const bool alive = co_await trial.In(*glutton.target, *glutton.first,
                                       *glutton.sockets.front());
  co_await JudgeMemory(trial, glutton);
  trial.lab().host_limit = glutton.sockets.size();
  JudgeQuota(trial, facts, glutton, mapped.has_value(), alive);
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

namespace {

/// A UDP datagram in pieces; `size` bytes of payload carry `token`.
std::vector<std::vector<uint8_t>> Pieces(const Socket& from, const Socket& to,
                                         uint64_t token, size_t size,
                                         const netsim::IpFields& ip) {
  return netsim::FragmentPacket(
      netsim::BuildUdp(from.local(), to.local(), TokenPayload(token, size), ip),
      420, 0);
}

bool HasWhole(const Socket& target, uint64_t token) {
  return std::ranges::any_of(target.inbox, [token](const Seen& seen) {
    return seen.token == token &&
           netsim::HasValidTransportChecksum(seen.packet, seen.info);
  });
}

/// Whether fragments of both sockets with one identification, sent in turns,
/// are put together right.
Task<bool> DoBothArrive(Trial& trial, const std::array<Socket*, 2> own,
                        Socket& target, uint16_t identification,
                        Duration patience) {
  std::array<std::vector<std::vector<uint8_t>>, 2> pieces;
  std::array<uint64_t, 2> tokens{};
  for (size_t i = 0; i < own.size(); ++i) {
    tokens[i] = trial.lab().NextToken();
    trial.lab().ExpectToken(tokens[i], target);
    netsim::IpFields ip;
    ip.id = identification;
    pieces[i] = Pieces(*own[i], target, tokens[i], 600 + 100 * i, ip);
  }
  for (size_t part = 0; part < pieces[1].size(); ++part) {
    trial.Send(Side::kInside, pieces[0][part]);
    trial.Send(Side::kInside, pieces[1][part]);
  }
  co_return co_await trial.Until(patience, [&] {
    return HasWhole(target, tokens[0]) && HasWhole(target, tokens[1]);
  });
}

Task<bool> DoFragmentsArrive(Trial& trial, const Socket& own, Socket& target,
                             Duration patience) {
  const uint64_t token = trial.lab().NextToken();
  trial.lab().ExpectToken(token, target);
  for (auto& piece : Pieces(own, target, token, 700, {})) {
    trial.Send(Side::kInside, std::move(piece));
  }
  co_return co_await trial.Until(patience, [&] {
    return std::ranges::any_of(target.inbox, [token](const Seen& seen) {
      return seen.token == token;
    });
  });
}

}  // namespace

/// RFC 7857 section 10: two hosts use one IP identification at a time.
Task<void> TestIpId(Trial& trial, const Facts& facts) {
  const auto sharer = facts.SharerOf(0);
  if (!sharer || trial.lab().site().nat64_prefix) {
    trial.Conclude("7857-10", sharer ? kInconclusive : kNotApplicable,
                   sharer ? "not tested with NAT64"
                          : "no two hosts share an external address");
    co_return;
  }
  const auto own = trial.Inside(IpProtocol::kUdp, 0);
  const auto other = trial.Inside(IpProtocol::kUdp, *sharer);
  const auto target = trial.Outside(IpProtocol::kUdp);
  const Instant began = trial.lab().now();
  const auto first = co_await trial.Out(*own, *target);
  const Duration patience = PatienceFor(trial.lab().now() - began);
  const auto second = co_await trial.Out(*other, *target);
  if (!first || !second || first->address != second->address) {
    trial.Conclude("7857-10", kInconclusive,
                   "the hosts did not share an external address");
    co_return;
  }
  bool both = false;
  for (int round = 0; round < 24 && !both; ++round) {
    both = co_await DoBothArrive(trial, {own.get(), other.get()}, *target,
                                 static_cast<uint16_t>(7000 + round), patience);
  }
  bool alone = false;
  for (int i = 0; i < 24 && !both && !alone; ++i) {
    alone = co_await DoFragmentsArrive(trial, *own, *target, patience);
  }
  if (!both && !alone) {
    trial.Conclude("7857-10", kInconclusive, "no fragments get out");
    co_return;
  }
  trial.Conclude("7857-10", both ? kPass : kFail,
                 both ? "fragments of two hosts with one identification "
                        "were put together right"
                      : "fragments of two hosts with one identification "
                        "do not arrive whole");
}

}  // namespace natkit::natcheck::conformance
