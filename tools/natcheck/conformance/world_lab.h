#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "controller.h"
#include "natkit/netsim/nat_config.h"
#include "natkit/netsim/pcapng.h"
#include "natkit/netsim/profile.h"

namespace natkit::natcheck::conformance {

/// Boxes one behind the other; the first is next to the inside hosts.
/// Addresses are filled in by RunInWorld().
struct Chain {
  std::vector<netsim::NatConfig> boxes;
  /// External addresses of the last box.
  size_t pool = 1;
  /// The run is told that 198.51.100.105, an outside address, is exempt from
  /// translation; whether it is `exempt` of the boxes says.
  bool names_exempt = false;
  /// The run is told the pool. Its addresses are in two ranges if `has_gap`.
  bool names_pool = false;
  bool has_gap = false;
  /// An outside host has an address of the inside network, 10.0.0.200.
  bool has_conflict = false;
};

/// The boxes of a profile, with as many external addresses as make its pooling
/// visible, and an outside MTU of 1400 where the profile says nothing.
[[nodiscard]] Chain MakeChain(const netsim::ProfileInfo& profile);

/// How the simulated wires are.
struct WorldOptions {
  uint64_t seed = 1;
  double loss = 0;  ///< one way, over the whole path
  /// Outside the last box, one way.
  Duration delay = std::chrono::milliseconds(5);
  Duration jitter{};         ///< added there, up to so much
  double duplicate = 0;      ///< part of the packets outside the last box
  double reorder = 0;        ///< part of them that comes later
  Duration reorder_delay{};  ///< by so much
  netsim::PcapngWriter* trace = nullptr;  ///< every packet at every hop
};

/// What came of a run.
struct RunResult {
  std::vector<Finding> findings;
  Facts facts;
  Duration took{};  ///< of virtual time
};

/// Runs all tests in virtual time against simulated boxes.
[[nodiscard]] RunResult RunInWorld(const Chain& chain, const Options& options,
                                   const WorldOptions& world);

}  // namespace natkit::natcheck::conformance
