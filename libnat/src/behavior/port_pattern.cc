#include "behavior/port_pattern.h"

#include <algorithm>
#include <array>
#include <bit>
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

/// The block that most ports are of, if they are too close to each other for a
/// choice among all.
std::optional<Cluster> FindBlock(std::span<const PortSample> samples) {
  constexpr size_t kMinFreedom = 8;
  size_t freedom = 0;
  Cluster largest;
  for (const auto& [address, ports] : PortsByAddress(samples)) {
    const std::vector<Cluster> clusters = FindClusters(ports);
    if (clusters.size() > kMostBlocks) {
      return std::nullopt;
    }
    for (const Cluster& cluster : clusters) {
      if (uint32_t{cluster.high} - cluster.low >= kLargestBlock) {
        return std::nullopt;
      }
      freedom += cluster.count - 1;
      largest = cluster.count > largest.count ? cluster : largest;
    }
  }
  return freedom >= kMinFreedom ? std::optional(largest) : std::nullopt;
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

PortRange BlockAround(uint16_t low, uint16_t high) {
  const uint32_t span = uint32_t{high} - low + 1;
  const uint32_t size = std::max(std::bit_ceil(span), kSmallestBlock);
  for (const uint32_t origin : {0U, 1024U}) {
    if (low < origin) {
      continue;
    }
    const uint32_t first = origin + (low - origin) / size * size;
    if (first + size > high && first + size <= 65536) {
      return {.first = static_cast<uint16_t>(first),
              .last = static_cast<uint16_t>(first + size - 1)};
    }
  }
  // Not aligned: every block of this size that holds all of them.
  const uint32_t slack = size - span;
  return {.first = static_cast<uint16_t>(low > slack ? low - slack : 0),
          .last = static_cast<uint16_t>(std::min(high + slack, 65535U))};
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
  if (const auto block = FindBlock(samples)) {
    return PortAllocation{.pattern = AllocationPattern::kBlock,
                          .step = 0,
                          .range = BlockAround(block->low, block->high)};
  }
  const auto [low, high] = std::ranges::minmax(
      samples, {}, [](const PortSample& sample) { return sample.mapped.port; });
  return PortAllocation{.pattern = AllocationPattern::kRandom,
                        .step = 0,
                        .range = KnownRange(low.mapped.port, high.mapped.port)};
}

}  // namespace natkit::nat::behavior
