#pragma once

#include <optional>
#include <string>
#include <vector>

#include "natkit/nat/behavior_report.h"

namespace natkit::natcheck {

/// Whether two hosts get a direct path (nat.md 11.1).
enum class Direct : uint8_t {
  kYes,
  kPrediction,  ///< by guessing the ports of the one that is hard to reach
  kNo,          ///< only through a relay
};

/// A kind of network that the other side may be in.
struct Peer {
  const char* name;  ///< for people
  const char* id;    ///< for machines
  nat::Dependence mapping;
  nat::Dependence filtering;
};

/// The kinds that matter.
[[nodiscard]] const std::vector<Peer>& Peers();

/// The cell of the punch matrix; nullopt if too little is known.
[[nodiscard]] std::optional<Direct> DirectTo(const nat::NatTraits& traits,
                                             const Peer& peer);

/// "yes", "prediction", "no".
[[nodiscard]] const char* DirectName(Direct direct);

/// What all this means for reaching others: one to a few sentences, a line
/// each.
[[nodiscard]] std::vector<std::string> Summarize(
    const nat::BehaviorReport& report);

/// How often to send so that a mapping stays (nat.md 14.5); nullopt if that is
/// not known or never needed.
[[nodiscard]] std::optional<Duration> KeepaliveFor(
    const nat::NatTraits& traits);

}  // namespace natkit::natcheck
