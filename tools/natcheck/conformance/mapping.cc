// RFC 4787 sections 4.1 and 4.2, RFC 5382: where the mapped port comes from.

#include <algorithm>
#include <set>

#include "test_case.h"

namespace natkit::natcheck::conformance {
namespace {

using enum Verdict;

/// One inside endpoint toward four outside ones.
struct MappingRun {
  std::vector<Endpoint> mapped;
  bool is_complete = false;

  [[nodiscard]] bool is_one() const {
    return std::ranges::all_of(
        mapped, [this](const Endpoint& one) { return one == mapped.front(); });
  }

  /// Ports toward A1:P1, A1:P2, A2:P1, B.
  [[nodiscard]] std::string Describe() const {
    std::string text;
    for (const Endpoint& one : mapped) {
      text += (text.empty() ? "" : ", ") + one.ToString();
    }
    return text;
  }
};

struct Targets {
  std::unique_ptr<Socket> all[4];
};

Targets MakeTargets(Trial& trial, IpProtocol protocol) {
  Targets targets;
  targets.all[0] = trial.Outside(protocol, 0);
  targets.all[1] = trial.Outside(protocol, 0);
  targets.all[2] = trial.Outside(protocol, 1, targets.all[0]->local().port);
  targets.all[3] = trial.Outside(protocol, 2);
  return targets;
}

Task<MappingRun> MapToAll(Trial& trial, Socket& from, Targets& targets) {
  MappingRun run;
  for (const auto& target : targets.all) {
    const auto mapped = co_await trial.Out(from, *target);
    if (!mapped) {
      co_return run;
    }
    run.mapped.push_back(*mapped);
  }
  run.is_complete = true;
  co_return run;
}

/// Another host takes the same inside port toward one destination first.
Task<MappingRun> MapContended(Trial& trial, IpProtocol protocol, size_t rival,
                              uint16_t port) {
  Targets targets = MakeTargets(trial, protocol);
  const auto own = trial.Inside(protocol, 0, port);
  const auto other = trial.Inside(protocol, rival, port);
  const auto taken = co_await trial.Out(*other, *targets.all[2]);
  MappingRun run;
  if (taken) {
    run = co_await MapToAll(trial, *own, targets);
  }
  co_return run;
}

/// Ports that should have kept a property.
class PortChanges {
 public:
  void Add(const Socket& own, const std::optional<Endpoint>& mapped,
           bool is_kept) {
    if (!mapped) {
      ++lost_;
    } else if (!is_kept) {
      ++changed_;
      example_ = "source port " + std::to_string(own.local().port) +
                 " became " + std::to_string(mapped->port);
    }
  }

  [[nodiscard]] bool any() const { return changed_ > 0; }

  /// One or two that changed may have met a port that was taken.
  [[nodiscard]] bool is_unclear() const {
    return lost_ > 0 || (changed_ > 0 && changed_ <= kChance);
  }

  void Conclude(Trial& trial, std::string_view requirement,
                std::string praise) const {
    if (changed_ > kChance) {
      trial.Conclude(requirement, kFail, example_);
    } else if (changed_ > 0) {
      trial.Conclude(requirement, kInconclusive,
                     "all but " + std::to_string(changed_) +
                         " did, which may have met others: " + example_);
    } else if (lost_ > 0) {
      trial.Conclude(requirement, kInconclusive, "some datagrams were lost");
    } else {
      trial.Conclude(requirement, kPass, std::move(praise));
    }
  }

 private:
  static constexpr int kChance = 2;
  int lost_ = 0;
  int changed_ = 0;
  std::string example_;
};

std::string NameMapping(const MappingRun& run) {
  const bool same_per_address = run.mapped[0] == run.mapped[1];
  return same_per_address ? "address-dependent mapping: "
                          : "address-and-port-dependent mapping: ";
}

/// Also with a rival for the port: boxes that share ports among hosts look
/// endpoint-independent until two hosts want the same one.
Task<void> JudgeMapping(Trial& trial, const Facts& facts, IpProtocol protocol,
                        std::string_view requirement) {
  Targets targets = MakeTargets(trial, protocol);
  const auto own = trial.Inside(protocol, 0);
  const MappingRun run = co_await MapToAll(trial, *own, targets);
  if (!run.is_complete) {
    trial.Conclude(requirement, kInconclusive, "not every packet arrived");
    co_return;
  }
  if (!run.is_one()) {
    trial.Conclude(requirement, kFail, NameMapping(run) + run.Describe());
    co_return;
  }
  const auto rival = facts.SharerOf(0);
  if (!rival) {
    trial.Conclude(requirement, kPass,
                   "one mapping for four destinations: " + run.Describe());
    co_return;
  }
  const MappingRun contended = co_await MapContended(
      trial, protocol, *rival, facts.KeepablePort(trial.lab(), 0));
  if (!contended.is_complete) {
    trial.Conclude(requirement, kInconclusive, "not every packet arrived");
  } else if (contended.is_one()) {
    trial.Conclude(requirement, kPass,
                   "one mapping for four destinations, also when another host "
                   "has the same inside port: " +
                       run.mapped.front().ToString());
  } else {
    trial.Conclude(requirement, kFail,
                   "one mapping until another host has the same inside port, "
                   "then several: " +
                       contended.Describe());
  }
}

/// Many hosts with one inside port, each to another destination.
Task<void> JudgeOverloading(Trial& trial, const Facts& facts,
                            IpProtocol protocol, std::string_view requirement) {
  std::vector<std::unique_ptr<Socket>> sockets;
  std::vector<std::unique_ptr<Socket>> targets;
  std::set<Endpoint> seen;
  size_t count = 0;
  const uint16_t port = facts.KeepablePort(trial.lab(), 1);
  for (size_t i = 0; i < trial.lab().site().inside.size(); ++i) {
    sockets.push_back(trial.Inside(protocol, i, port));
    targets.push_back(trial.Outside(protocol, i % 2));
    const auto mapped = co_await trial.Out(*sockets[i], *targets[i]);
    if (mapped) {
      ++count;
      if (!seen.insert(*mapped).second) {
        trial.Conclude(requirement, kFail,
                       "two inside hosts share " + mapped->ToString() +
                           " toward different destinations");
        co_return;
      }
    }
  }
  if (count < 2) {
    trial.Conclude(requirement, kInconclusive, "too few packets arrived");
  } else {
    trial.Conclude(requirement, kPass,
                   std::to_string(count) +
                       " hosts with one inside port, all with different "
                       "external endpoints");
  }
}

}  // namespace

/// RFC 4787 REQ-1.
Task<void> TestUdpMapping(Trial& trial, const Facts& facts) {
  co_await JudgeMapping(trial, facts, IpProtocol::kUdp, "4787-1");
}

/// RFC 5382 REQ-1.
Task<void> TestTcpMapping(Trial& trial, const Facts& facts) {
  co_await JudgeMapping(trial, facts, IpProtocol::kTcp, "5382-1");
}

/// RFC 4787 REQ-3.
Task<void> TestUdpOverloading(Trial& trial, const Facts& facts) {
  co_await JudgeOverloading(trial, facts, IpProtocol::kUdp, "4787-3");
}

/// RFC 5382 REQ-7.
Task<void> TestTcpOverloading(Trial& trial, const Facts& facts) {
  co_await JudgeOverloading(trial, facts, IpProtocol::kTcp, "5382-7");
}

/// REQ-2.
Task<void> TestUdpPooling(Trial& trial, const Facts& facts) {
  constexpr size_t kSockets = 32;
  const auto target = trial.Outside(IpProtocol::kUdp);
  std::set<IpAddress> seen;
  std::vector<std::unique_ptr<Socket>> sockets;
  size_t lost = 0;
  for (size_t i = 0; i < kSockets; ++i) {
    sockets.push_back(trial.Inside(IpProtocol::kUdp, 0));
    const auto mapped = co_await trial.Out(*sockets.back(), *target);
    if (mapped) {
      seen.insert(mapped->address);
    } else {
      ++lost;
    }
  }
  const std::string count = std::to_string(kSockets - lost) +
                            " flows of one "
                            "host, external addresses: " +
                            std::to_string(seen.size());
  if (seen.size() > 1) {
    trial.Conclude("4787-2", kFail, "arbitrary pooling: " + count);
    trial.Conclude("6888-2", kFail, "arbitrary pooling: " + count);
    co_return;
  }
  for (const std::string_view id : {"4787-2", "6888-2"}) {
    if (lost > 0) {
      trial.Conclude(id, kInconclusive, "some datagrams were lost");
    } else if (facts.has_pool()) {
      trial.Conclude(id, kPass, "hosts have different addresses; " + count);
    } else {  // one address is no choice
      trial.Conclude(id, kNotApplicable,
                     "no more than one external address was seen");
    }
  }
}

namespace {

/// Both sides of 1024 in turns.
Task<PortChanges> TryPortClasses(Trial& trial, uint16_t first_low) {
  constexpr uint16_t kEach = 8;
  constexpr uint16_t kFirstUser = 1024;
  const auto target = trial.Outside(IpProtocol::kUdp);
  PortChanges changes;
  for (uint16_t i = 0; i < 2 * kEach; ++i) {
    const bool is_low = i % 2 == 0;
    const auto low = static_cast<uint16_t>(first_low + i);
    const auto own = trial.Inside(IpProtocol::kUdp, 0, is_low ? low : 0);
    const auto mapped = co_await trial.Out(*own, *target);
    changes.Add(*own, mapped, mapped && (mapped->port < kFirstUser) == is_low);
  }
  co_return changes;
}

/// The order is random, so that counting up does not look like parity.
Task<PortChanges> TryParity(Trial& trial) {
  constexpr size_t kPorts = 32;
  const auto target = trial.Outside(IpProtocol::kUdp);
  PortChanges changes;
  for (size_t i = 0; i < kPorts; ++i) {
    const auto odd = static_cast<uint16_t>(trial.lab().rng().Below(2));
    const uint16_t even = trial.lab().NextPort(Side::kInside);
    const auto port = static_cast<uint16_t>(even + odd);
    const auto own = trial.Inside(IpProtocol::kUdp, 0, port);
    const auto mapped = co_await trial.Out(*own, *target);
    changes.Add(*own, mapped, mapped && ((mapped->port ^ port) & 1) == 0);
  }
  co_return changes;
}

}  // namespace

/// REQ-3a.
Task<void> TestUdpPortClass(Trial& trial, const Facts& /*facts*/) {
  constexpr uint16_t kFirstLow = 501;
  constexpr uint16_t kNextLow = 521;
  PortChanges changes = co_await TryPortClasses(trial, kFirstLow);
  if (changes.is_unclear()) {
    changes = co_await TryPortClasses(trial, kNextLow);
  }
  changes.Conclude(trial, "4787-3a",
                   "source ports on both sides of 1024 stayed there");
}

/// REQ-4.
Task<void> TestUdpParity(Trial& trial, const Facts& /*facts*/) {
  PortChanges changes = co_await TryParity(trial);
  if (changes.is_unclear()) {
    changes = co_await TryParity(trial);
  }
  changes.Conclude(trial, "4787-4", "32 ports kept their parity");
  trial.Conclude("7857-8", kPass,
                 changes.any() ? "parity is not kept (it need not be)"
                               : "parity is kept (it may be)");
}

}  // namespace natkit::natcheck::conformance
