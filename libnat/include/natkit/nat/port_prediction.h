#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/nat_traits.h"

namespace natkit::nat {

/// One mapping that was asked for: which external endpoint a packet of ours
/// left from, as its receiver says.
struct PortSample {
  Instant sent_at;
  Endpoint local;   ///< the socket
  Endpoint server;  ///< where it went to
  /// nullopt: no answer came, yet the NAT most likely made the mapping.
  std::optional<Endpoint> mapped;
};

/// Ports of one external address.
struct PortArea {
  IpAddress address;
  PortRange ports;
  bool operator==(const PortArea&) const = default;
};

/// Bounds of what is looked for.
inline constexpr int kMaxPortStep = 8;
inline constexpr size_t kMinPortSamples = 4;
inline constexpr size_t kMaxPortSamples = 64;
inline constexpr size_t kMaxPortAreas = 16;

/// Where a NAT will take the port of its next mapping from (nat.md 12.1, 12.4).
struct PortForecast {
  /// All samples of one socket had one endpoint, `last`: nothing to predict, a
  /// peer probes that one. Otherwise new mappings get new ports.
  bool is_constant = false;
  AllocationPattern pattern = AllocationPattern::kRandom;
  int step = 0;   ///< kSequential: -8 to 8, not 0
  Endpoint last;  ///< of the newest sample
  /// kSequential: mappings per second that others behind this NAT make.
  double foreign_rate = 0;
  /// Where the next port comes from: one area per external address seen. A
  /// constant or preserved one has just its port.
  std::vector<PortArea> areas;
  /// 1 minus the chance that an allocator without any pattern gave these
  /// samples.
  double confidence = 0;
  bool operator==(const PortForecast&) const = default;

  /// How many endpoints the next mapping could have, as far as is known.
  [[nodiscard]] uint32_t candidates() const;
  [[nodiscard]] PortAllocation allocation() const;
};

/// Finds the pattern behind samples, which are in the order in which they were
/// sent, at most kMaxPortSamples of them (the last ones count).
///
/// A pattern is only claimed where chance explains the samples in fewer than
/// one of 10^5 cases, so a random allocator is never taken for a sequential
/// one, and a constant mapping is one that two server addresses have seen. A
/// block needs 8 samples or more: with fewer, its size would often be
/// taken for half of what it is. nullopt: fewer than kMinPortSamples answers.
[[nodiscard]] std::optional<PortForecast> ForecastPorts(
    std::span<const PortSample> samples);

/// How many ports in sequence to probe so that the mapping is most likely among
/// them although others take ports during `gap`: 2 * rate * gap + 5, at most
/// 256.
[[nodiscard]] uint32_t SequenceWindow(double foreign_rate, Duration gap);

/// Endpoints for a peer to probe, `count` at most, none twice, the most likely
/// first: the one of a constant forecast; those after `last` of a sequence;
/// otherwise ports drawn from the areas with `rng`.
[[nodiscard]] std::vector<Endpoint> EndpointsToProbe(
    const PortForecast& forecast, uint32_t count, Rng& rng);

}  // namespace natkit::nat
