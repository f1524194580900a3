#include "natkit/nat/birthday.h"

#include <algorithm>
#include <cmath>

namespace natkit::nat {

double BirthdayHit(uint32_t ports, uint32_t open, uint32_t probes) {
  if (ports == 0 || open == 0 || probes == 0) {
    return 0;
  }
  if (uint64_t{open} + probes > ports) {
    return 1;
  }
  // The i-th probe misses if it is one of the closed ports that are left. The
  // roles of `open` and `probes` are symmetric: loop over the smaller.
  const uint32_t steps = std::min(open, probes);
  const uint32_t others = std::max(open, probes);
  double log_miss = 0;
  for (uint32_t i = 0; i < steps; ++i) {
    log_miss += std::log1p(-static_cast<double>(others) / (ports - i));
  }
  return -std::expm1(log_miss);
}

double BirthdayHitEstimate(uint32_t ports, uint32_t open, uint32_t probes) {
  return ports == 0 ? 0
                    : -std::expm1(-static_cast<double>(open) * probes / ports);
}

double CrossingHit(uint32_t our_ports, uint32_t ours, uint32_t their_ports,
                   uint32_t theirs) {
  if (our_ports == 0 || their_ports == 0) {
    return 0;
  }
  return -std::expm1(-static_cast<double>(ours) / our_ports * theirs /
                     their_ports);
}

std::optional<uint32_t> ProbesForHit(uint32_t ports, uint32_t open,
                                     double target) {
  if (target <= 0) {
    return 0;
  }
  if (BirthdayHit(ports, open, ports) < target) {
    return std::nullopt;
  }
  uint32_t low = 0;  // too few
  uint32_t high = ports;
  while (high - low > 1) {
    const uint32_t middle = low + (high - low) / 2;
    (BirthdayHit(ports, open, middle) < target ? low : high) = middle;
  }
  return high;
}

std::optional<uint32_t> OpenPortsForHit(uint32_t ports, uint32_t probes,
                                        double target) {
  return ProbesForHit(ports, probes, target);
}

BirthdayChoice ChooseBirthday(uint32_t ports, double target,
                              const BirthdayLimits& limits) {
  const uint32_t max_open = std::min(limits.max_open, ports);
  const uint32_t max_probes = std::min(limits.max_probes, ports);
  if (max_open == 0 || max_probes == 0) {
    return {};
  }
  BirthdayChoice best{
      .open = max_open,
      .probes = max_probes,
      .chance = BirthdayHit(ports, max_open, max_probes),
  };
  // n * k is about constant for one target, so n + k is least where they are
  // equal, or as near to that as the limits allow: start from equality.
  const double square =
      std::sqrt(-std::log1p(-std::min(target, 0.999999)) * ports);
  const auto equal = static_cast<uint32_t>(std::max(1.0, std::ceil(square)));
  const uint32_t open = std::min(equal, max_open);
  const auto probes = ProbesForHit(ports, open, target);
  if (!probes) {
    return best;
  }
  if (*probes <= max_probes) {
    return {.open = open,
            .probes = std::max(*probes, 1U),
            .chance = BirthdayHit(ports, open, std::max(*probes, 1U))};
  }
  const auto more = OpenPortsForHit(ports, max_probes, target);
  if (more && *more <= max_open) {
    best.open = *more;
    best.chance = BirthdayHit(ports, *more, max_probes);
  }
  return best;
}

}  // namespace natkit::nat
