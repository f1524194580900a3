#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "behavior_bench.h"
#include "natkit/nat/behavior_report.h"
#include "natkit/netsim/sim_rng.h"

namespace natkit::sim {

/// What may be said of the boxes of a bench.
struct BehaviorTruth {
  /// By axis the beginnings of values that are true; axes that are not here are
  /// anybody's guess.
  std::map<nat::Axis, std::set<std::string>> values;
  /// By axis the lifetime; nullopt: for ever.
  std::map<nat::Axis, std::optional<Duration>> lifetimes;
};

/// Derived from the parameters alone.
[[nodiscard]] BehaviorTruth TruthOf(const BenchConfig& config);

/// A NAT that somebody might build, or one behind another. The combinations of
/// mapping, filtering and port assignment go round by seed.
[[nodiscard]] BenchConfig DrawBench(uint64_t seed);

/// The parameters that DrawBench() draws, for messages of failed tests.
[[nodiscard]] std::string DescribeBench(const BenchConfig& config);

}  // namespace natkit::sim
