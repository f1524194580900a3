#include "behavior/port_pattern.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <map>

namespace natkit::nat::behavior {
namespace {

constexpr size_t kMinSamples = 16;
/// Larger steps are not told from random ports.
constexpr int kMaxStep = 64;
/// How much faster than our own mappings others may move a counter.
constexpr int kMaxForeign = 16;
/// CGNs give blocks of 64 to 4096 ports.
constexpr uint32_t kLargestBlock = 4096;
constexpr uint32_t kSmallestBlock = 64;

struct Bounds {
  uint16_t low = 65535;
  uint16_t high = 0;
  size_t count = 0;
};

using BoundsByAddress = std::map<IpAddress, Bounds>;

BoundsByAddress FindBounds(std::span<const PortSample> samples) {
  BoundsByAddress bounds;
  for (const PortSample& sample : samples) {
    Bounds& of = bounds[sample.mapped.address];
    of.low = std::min(of.low, sample.mapped.port);
    of.high = std::max(of.high, sample.mapped.port);
    ++of.count;
  }
  return bounds;
}

/// Whether ports are too close to each other for a choice among all, given how
/// many there are beyond the first of each address.
bool AreBlocks(const BoundsByAddress& bounds) {
  constexpr size_t kMinFreedom = 8;
  size_t freedom = 0;
  for (const auto& [address, of] : bounds) {
    if (uint32_t{of.high} - of.low >= kLargestBlock) {
      return false;
    }
    freedom += of.count - 1;
  }
  return freedom >= kMinFreedom;
}

}  // namespace

std::optional<int> InferStep(std::span<const PortSample> samples) {
  std::vector<int> differences;
  for (size_t i = 1; i < samples.size(); ++i) {
    if (samples[i].mapped.address != samples[i - 1].mapped.address) {
      return std::nullopt;
    }
    differences.push_back(int{samples[i].mapped.port} -
                          int{samples[i - 1].mapped.port});
  }
  if (differences.size() + 1 < kMinSamples) {
    return std::nullopt;
  }
  const int step = *std::ranges::min_element(
      differences, {}, [](int difference) { return std::abs(difference); });
  if (step == 0 || std::abs(step) > kMaxStep) {
    return std::nullopt;
  }
  // Once the counter may have come to the end of its range.
  const auto is_regular = [step](int difference) {
    return difference % step == 0 && difference / step > 0 &&
           difference / step <= kMaxForeign;
  };
  const auto irregular = static_cast<size_t>(
      std::ranges::count_if(differences, std::not_fn(is_regular)));
  return irregular <= 1 ? std::optional(step) : std::nullopt;
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
  if (const auto step = InferStep(samples)) {
    return PortAllocation{
        .pattern = AllocationPattern::kSequential, .step = *step, .range = {}};
  }
  const BoundsByAddress bounds = FindBounds(samples);
  const Bounds& first = bounds.at(samples.front().mapped.address);
  if (AreBlocks(bounds)) {
    return PortAllocation{.pattern = AllocationPattern::kBlock,
                          .step = 0,
                          .range = BlockAround(first.low, first.high)};
  }
  uint16_t low = first.low;
  uint16_t high = first.high;
  for (const auto& [address, of] : bounds) {
    low = std::min(low, of.low);
    high = std::max(high, of.high);
  }
  return PortAllocation{.pattern = AllocationPattern::kRandom,
                        .step = 0,
                        .range = KnownRange(low, high)};
}

}  // namespace natkit::nat::behavior
