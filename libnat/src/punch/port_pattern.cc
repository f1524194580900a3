#include "punch/port_pattern.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <map>

namespace natkit::nat {
namespace {

/// What chance may explain and we would still claim a sequence or a block: a
/// wrong one misses nearly all ports, so the attempt is lost.
constexpr double kSignificance = 1e-5;
/// The same for a range that many NATs draw from. A wrong one costs a part of
/// the chance, at most a third (256 sockets and the 275 probes for 99 % of pf's
/// range hit the full one in 66 % of cases), so at this level less than a
/// thousandth over all attempts; to overlook the range costs all of them up to
/// four times the probes.
constexpr double kRangeSignificance = 1e-3;
/// A random allocator in a block this small is what looks most like a sequence.
constexpr double kSmallestBlock = 512;
constexpr PortRange kFullRange{};
/// A longer leap is the way around the end of the range, not others' traffic.
constexpr int kMostAtOnce = 256;

/// One step from an answered sample to the next one.
struct Advance {
  int ports = 0;     ///< what the port advanced by, wrapped to +-32768
  int mappings = 1;  ///< how many mappings of ours that took
};

struct Advances {
  std::vector<Advance> steps;
  Duration time{};
};

Advances AdvancesOf(std::span<const PortSample> samples) {
  Advances out;
  const PortSample* previous = nullptr;
  int mappings = 0;
  for (const PortSample& sample : samples) {
    ++mappings;
    if (!sample.mapped) {
      continue;
    }
    if (previous != nullptr) {
      const auto difference = static_cast<int16_t>(
          static_cast<uint16_t>(sample.mapped->port - previous->mapped->port));
      out.steps.push_back({.ports = difference, .mappings = mappings});
      out.time += sample.sent_at - previous->sent_at;
    }
    previous = &sample;
    mappings = 0;
  }
  return out;
}

/// How many mappings lie behind one advance; nullopt if the step does not
/// explain it. A sample without an answer may never have reached the NAT.
std::optional<int> MappingsBehind(const Advance& advance, int step) {
  if (advance.ports % step != 0 || advance.ports / step < 1 ||
      advance.ports / step > kMostAtOnce) {
    return std::nullopt;
  }
  return advance.ports / step;
}

/// The sequence for one step; the lower the chance, the better it explains.
struct Candidate {
  int step = 0;
  double chance = 1;
  int foreign = 0;
};

std::optional<Candidate> Explain(const Advances& advances, int step) {
  int most = 1;
  int foreign = 0;
  int outliers = 0;
  for (const Advance& advance : advances.steps) {
    const auto mappings = MappingsBehind(advance, step);
    if (!mappings) {
      ++outliers;  // around the end of the range
      continue;
    }
    most = std::max(most, *mappings);
    foreign += std::max(0, *mappings - advance.mappings);
  }
  const auto fitting = static_cast<int>(advances.steps.size()) - outliers;
  if (outliers > 1 || fitting < 3 || (outliers == 1 && fitting < 5)) {
    return std::nullopt;
  }
  // A port drawn from a block fits with the chance most / size; 16 steps, and
  // any of the advances as outlier, were tried.
  const double tries =
      2.0 * kMaxPortStep * (outliers == 0 ? 1.0 : fitting + 1.0);
  const double share = most / kSmallestBlock;
  return Candidate{.step = step,
                   .chance = tries * std::pow(share, fitting),
                   .foreign = foreign};
}

/// Where a sequence runs: the range's ends are only known if it went around.
PortRange RangeOf(std::span<const PortSample> samples) {
  PortRange range = kFullRange;
  for (const PortSample& sample : samples) {
    if (sample.mapped) {
      range.first = std::min(range.first, sample.mapped->port);
    }
  }
  return range;
}

std::map<IpAddress, std::vector<uint16_t>> PortsByAddress(
    std::span<const PortSample> samples) {
  std::map<IpAddress, std::vector<uint16_t>> ports;
  for (const PortSample& sample : samples) {
    if (sample.mapped) {
      ports[sample.mapped->address].push_back(sample.mapped->port);
    }
  }
  return ports;
}

/// The block of `size` ports that all of `ports` lie in, aligned to `offset`.
std::optional<PortRange> BlockAround(const std::vector<uint16_t>& ports,
                                     uint32_t size, uint32_t offset) {
  const auto [low, high] = std::ranges::minmax(ports);
  if (low < offset || (low - offset) / size != (high - offset) / size) {
    return std::nullopt;
  }
  const uint32_t first = offset + (low - offset) / size * size;
  const uint32_t last = std::min(first + size - 1, 65535U);
  return PortRange{static_cast<uint16_t>(first), static_cast<uint16_t>(last)};
}

}  // namespace

std::optional<PortSequence> FindSequence(std::span<const PortSample> samples) {
  if (PortsByAddress(samples).size() != 1) {
    return std::nullopt;
  }
  const Advances advances = AdvancesOf(samples);
  std::optional<Candidate> best;
  for (int size = kMaxPortStep; size >= 1; --size) {
    for (const int step : {size, -size}) {
      const auto candidate = Explain(advances, step);
      if (candidate && (!best || candidate->chance < best->chance)) {
        best = candidate;
      }
    }
  }
  if (!best || best->chance > kSignificance) {
    return std::nullopt;
  }
  const double seconds = std::chrono::duration<double>(advances.time).count();
  return PortSequence{.step = best->step,
                      .foreign_rate = seconds > 0 ? best->foreign / seconds : 0,
                      .range = RangeOf(samples),
                      .confidence = 1 - best->chance};
}

std::optional<PortBlocksSeen> FindBlocks(std::span<const PortSample> samples) {
  // Blocks begin at multiples of their size, counted from 0 or from 1024.
  struct Shape {
    uint32_t size, offset;
  };

  static constexpr std::array<Shape, 9> kShapes = {
      Shape{64, 0},      Shape{128, 0},  Shape{256, 0},
      Shape{512, 0},     Shape{1024, 0}, Shape{2048, 0},
      Shape{2048, 1024}, Shape{4096, 0}, Shape{4096, 1024}};
  const auto ports = PortsByAddress(samples);
  size_t total = 0;
  for (const auto& [address, seen] : ports) {
    total += seen.size();
  }
  const size_t extra = total - ports.size();
  if (extra < 7 || ports.size() > kMaxPortAreas) {
    return std::nullopt;
  }
  for (const Shape& shape : kShapes) {
    PortBlocksSeen blocks;
    for (const auto& [address, seen] : ports) {
      if (const auto block = BlockAround(seen, shape.size, shape.offset)) {
        blocks.areas.push_back({address, *block});
      }
    }
    const double chance =
        std::pow(static_cast<double>(shape.size) / kFullRange.size(),
                 static_cast<double>(extra));
    if (blocks.areas.size() == ports.size() && chance < kSignificance) {
      blocks.confidence = 1 - chance;
      return blocks;
    }
  }
  return std::nullopt;
}

PortRange FindRange(std::span<const PortSample> samples) {
  // pf, RFC 6335's dynamic ports, Linux' ephemeral ports, the upper half.
  static constexpr std::array<PortRange, 4> kRanges = {
      PortRange{50001, 65535}, PortRange{49152, 65535}, PortRange{32768, 60999},
      PortRange{32768, 65535}};
  size_t count = 0;
  uint16_t low = 65535;
  uint16_t high = 0;
  for (const PortSample& sample : samples) {
    if (sample.mapped) {
      low = std::min(low, sample.mapped->port);
      high = std::max(high, sample.mapped->port);
      ++count;
    }
  }
  for (const PortRange& range : kRanges) {
    const double chance =
        std::pow(static_cast<double>(range.size()) / kFullRange.size(),
                 static_cast<double>(count));
    if (low >= range.first && high <= range.last &&
        chance < kRangeSignificance) {
      return range;
    }
  }
  PortRange full = kFullRange;
  full.first = std::min(full.first, low);
  return full;
}

}  // namespace natkit::nat
