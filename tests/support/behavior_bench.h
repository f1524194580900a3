#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/nat/behavior_discovery.h"
#include "natkit/nat/source_rate_limiter.h"
#include "natkit/netsim/nat_config.h"
#include "natkit/netsim/world.h"
#include "sim_behavior_server.h"

namespace natkit::sim {

/// Where a discovery is tried: one or two boxes between a LAN and an internet
/// with one server of two addresses.
struct BenchConfig {
  netsim::NatConfig home;
  std::optional<netsim::NatConfig> carrier;
  /// External addresses of the outermost box; 0: as many as fit its kind.
  size_t pool = 0;
  uint64_t seed = 1;
  double loss = 0;  ///< on the internet, each way
  /// On the internet, one way.
  Duration delay = std::chrono::milliseconds(20);
  Duration jitter{};     ///< there, up to so much
  double duplicate = 0;  ///< part of the packets there
  double reorder = 0;    ///< part of them that comes 30 ms later
  /// Of the server; none: it answers whatever comes. Not with faults.
  std::optional<nat::RateLimit> rate_limit = {};
  /// The internet and the LAN are IPv6; `home` says by its `ipv6` what it does.
  /// Not for carriers, and not with faults.
  bool is_v6 = false;
  ServerFault fault = ServerFault::kNone;
  /// So long after the start the server falls silent; 0: never. Only of
  /// servers with a fault.
  Duration server_life{};
  size_t max_servers = 4;         ///< endpoints that the discovery is told of
  size_t hosts = 2;               ///< local addresses, on a host each
  nat::BehaviorConfig discovery;  ///< servers and addresses are filled in
};

/// A stateful IPv6 router without (kRoute, kFirewall) or with (kNptv6)
/// translation of prefixes.
[[nodiscard]] BenchConfig Ipv6Bench(netsim::Ipv6Mode mode,
                                    netsim::Dependence filtering);

/// The boxes of a named profile.
[[nodiscard]] BenchConfig BenchFor(std::string_view profile);

/// Owns the sockets of a BehaviorDiscovery in virtual time.
class BehaviorBench {
 public:
  explicit BehaviorBench(BenchConfig config);
  ~BehaviorBench();
  BehaviorBench(const BehaviorBench&) = delete;
  BehaviorBench& operator=(const BehaviorBench&) = delete;
  BehaviorBench(BehaviorBench&&) = delete;
  BehaviorBench& operator=(BehaviorBench&&) = delete;

  /// Runs the discovery to its end.
  [[nodiscard]] const nat::BehaviorReport& Run();

  [[nodiscard]] netsim::World& world();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// The report on a few lines, for messages of failed tests.
[[nodiscard]] std::string Describe(const nat::BehaviorReport& report);

}  // namespace natkit::sim
