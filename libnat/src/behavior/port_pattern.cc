#include "behavior/port_pattern.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <map>
#include <numeric>
#include <vector>

namespace natkit::nat::behavior {
namespace {

constexpr size_t kMinSamples = 16;
/// CGNs give blocks of 64 to 4096 ports.
constexpr uint32_t kLargestBlock = 4096;
constexpr uint32_t kSmallestBlock = 64;

/// Ports this far apart are not of one block.
constexpr uint32_t kLargestGap = 1024;
/// A subscriber has few blocks at once.
constexpr size_t kMostBlocks = 3;

/// Samples in order, by external address: each has a counter of its own.
std::map<IpAddress, std::vector<uint16_t>> PortsByAddress(
    std::span<const PortSample> samples) {
  std::map<IpAddress, std::vector<uint16_t>> ports;
  for (const PortSample& sample : samples) {
    ports[sample.mapped.address].push_back(sample.mapped.port);
  }
  return ports;
}

/// Ports that are close to each other.
struct Cluster {
  uint16_t low = 0;
  uint16_t high = 0;
  size_t count = 0;
};

std::vector<Cluster> FindClusters(std::vector<uint16_t> ports) {
  std::ranges::sort(ports);
  std::vector<Cluster> clusters;
  for (const uint16_t port : ports) {
    if (clusters.empty() || port - clusters.back().high > int{kLargestGap}) {
      clusters.push_back({.low = port, .high = port, .count = 0});
    }
    clusters.back().high = port;
    ++clusters.back().count;
  }
  return clusters;
}

/// Ports too close to each other for a choice among all.
struct Crowd {
  Cluster largest;
  bool is_divided = false;  ///< they are in several places
};

std::optional<Crowd> FindCrowd(std::span<const PortSample> samples) {
  constexpr size_t kMinFreedom = 8;
  size_t freedom = 0;
  Crowd crowd;
  for (const auto& [address, ports] : PortsByAddress(samples)) {
    const std::vector<Cluster> clusters = FindClusters(ports);
    if (clusters.size() > kMostBlocks) {
      return std::nullopt;
    }
    crowd.is_divided = crowd.is_divided || clusters.size() > 1;
    for (const Cluster& cluster : clusters) {
      if (uint32_t{cluster.high} - cluster.low >= kLargestBlock) {
        return std::nullopt;
      }
      freedom += cluster.count - 1;
      crowd.largest =
          cluster.count > crowd.largest.count ? cluster : crowd.largest;
    }
  }
  return freedom >= kMinFreedom ? std::optional(crowd) : std::nullopt;
}

/// Only an aligned block, or one of several, is known to be one: a range that
/// is as small is drawn from in the same way.
std::optional<PortRange> FindBlock(std::span<const PortSample> samples) {
  const std::optional<Crowd> crowd = FindCrowd(samples);
  if (!crowd) {
    return std::nullopt;
  }
  const auto [low, high, count] = crowd->largest;
  if (const auto block = AlignedBlockAround(low, high)) {
    return block;
  }
  return crowd->is_divided
             ? std::optional(PortRange{.first = low, .last = high})
             : std::nullopt;
}

/// How much more often a later port is higher than lower, and how far that is
/// spread where ports are drawn.
struct Surplus {
  double of_pairs = 0;       ///< Kendall's rank correlation
  double of_neighbours = 0;  ///< not misled by a counter that starts again
  double variance_of_pairs = 0;
  double variance_of_neighbours = 0;
};

Surplus CountRises(std::span<const PortSample> samples) {
  Surplus surplus;
  for (const auto& [address, ports] : PortsByAddress(samples)) {
    for (size_t i = 0; i < ports.size(); ++i) {
      for (size_t j = i + 1; j < ports.size(); ++j) {
        const double sign = ports[j] > ports[i] ? 1 : -1;
        surplus.of_pairs += sign;
        surplus.of_neighbours += j == i + 1 ? sign : 0;
      }
    }
    const auto n = static_cast<double>(ports.size());
    surplus.variance_of_pairs += n * (n - 1) * (2 * n + 5) / 18;
    surplus.variance_of_neighbours += n > 1 ? (n + 1) / 3 : 0;
  }
  return surplus;
}

/// Whether ports rise or fall with time, although by no constant step: what is
/// drawn does not.
bool HasTrend(std::span<const PortSample> samples) {
  constexpr double kDeviations = 5;
  const Surplus surplus = CountRises(samples);
  const auto is_no_accident = [](double value, double variance) {
    return std::abs(value) > kDeviations * std::sqrt(variance);
  };
  return is_no_accident(surplus.of_pairs, surplus.variance_of_pairs) ||
         is_no_accident(surplus.of_neighbours, surplus.variance_of_neighbours);
}

}  // namespace

std::optional<int> InferStep(std::span<const PortSample> samples) {
  constexpr size_t kMinDifferences = 12;
  if (samples.size() < kMinSamples) {
    return std::nullopt;
  }
  std::vector<int> differences;
  const auto by_address = PortsByAddress(samples);
  for (const auto& [address, ports] : by_address) {
    for (size_t i = 1; i < ports.size(); ++i) {
      differences.push_back(int{ports[i]} - int{ports[i - 1]});
    }
  }
  const auto rising = static_cast<size_t>(std::ranges::count_if(
      differences, [](int difference) { return difference > 0; }));
  const bool rises = rising * 2 > differences.size();
  const size_t regular = rises ? rising : differences.size() - rising;
  // Once each counter may have come to the end of its range.
  if (differences.size() < kMinDifferences ||
      differences.size() - regular > by_address.size()) {
    return std::nullopt;
  }
  int step = 0;
  for (const int difference : differences) {
    step = (difference > 0) == rises ? std::gcd(step, difference) : step;
  }
  if (step == 0) {
    return std::nullopt;
  }
  return rises ? step : -step;
}

std::optional<PortRange> AlignedBlockAround(uint16_t low, uint16_t high) {
  const uint32_t span = uint32_t{high} - low + 1;
  const uint32_t size = std::max(std::bit_ceil(span), kSmallestBlock);
  for (const uint32_t origin : {0U, 1024U}) {
    if (low < origin) {
      continue;
    }
    const uint32_t first = origin + (low - origin) / size * size;
    if (first + size > high && first + size <= 65536) {
      return PortRange{.first = static_cast<uint16_t>(first),
                       .last = static_cast<uint16_t>(first + size - 1)};
    }
  }
  return std::nullopt;
}

PortRange KnownRange(uint16_t low, uint16_t high) {
  // pf; RFC 6335 dynamic ports; Linux' own ports; half of all; all but the
  // well-known ones.
  constexpr std::array kRanges = {
      PortRange{.first = 50001, .last = 65535},
      PortRange{.first = 49152, .last = 65535},
      PortRange{.first = 32768, .last = 60999},
      PortRange{.first = 32768, .last = 65535},
      PortRange{.first = 1024, .last = 65535},
  };
  const uint32_t span = uint32_t{high} - low + 1;
  for (const PortRange& range : kRanges) {
    if (low >= range.first && high <= range.last &&
        span * 4 >= range.size() * 3) {
      return range;
    }
  }
  return {.first = low, .last = high};
}

std::optional<PortAllocation> InferAllocation(
    std::span<const PortSample> samples) {
  if (samples.size() < kMinSamples) {
    return std::nullopt;
  }
  const auto kept = static_cast<size_t>(
      std::ranges::count_if(samples, [](const PortSample& sample) {
        return sample.mapped.port == sample.local_port;
      }));
  if (kept * 4 >= samples.size() * 3) {
    return PortAllocation{
        .pattern = AllocationPattern::kPreserved, .step = 0, .range = {}};
  }
  if (kept >= kMinKept) {
    return std::nullopt;
  }
  if (const auto step = InferStep(samples)) {
    return PortAllocation{
        .pattern = AllocationPattern::kSequential, .step = *step, .range = {}};
  }
  if (HasTrend(samples)) {
    return std::nullopt;
  }
  if (const auto block = FindBlock(samples)) {
    return PortAllocation{
        .pattern = AllocationPattern::kBlock, .step = 0, .range = *block};
  }
  const auto [low, high] = std::ranges::minmax(
      samples, {}, [](const PortSample& sample) { return sample.mapped.port; });
  return PortAllocation{.pattern = AllocationPattern::kRandom,
                        .step = 0,
                        .range = KnownRange(low.mapped.port, high.mapped.port)};
}

}  // namespace natkit::nat::behavior
