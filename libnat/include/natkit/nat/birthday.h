#pragma once

#include <cstdint>
#include <optional>

namespace natkit::nat {

/// The chance that `probes` distinct ports out of `ports`, drawn at random, hit
/// at least one of `open` ports: 1 - C(N-n,k)/C(N,k), exactly (nat.md 12.3).
/// 0 when any of the three is 0; 1 when a hit cannot be avoided.
[[nodiscard]] double BirthdayHit(uint32_t ports, uint32_t open,
                                 uint32_t probes);

/// The usual approximation of BirthdayHit(), 1 - exp(-n*k/N), for a quick look.
[[nodiscard]] double BirthdayHitEstimate(uint32_t ports, uint32_t open,
                                         uint32_t probes);

/// The chance that two hard NATs meet: a hit needs a probe of one side whose
/// source and destination port are the destination and source port of a probe
/// of the other, 1 - exp(-a*b/(M*N)) (nat.md 12.5). `ours` probes leave from
/// ports out of `our_ports`, `theirs` from ports out of `their_ports`.
[[nodiscard]] double CrossingHit(uint32_t our_ports, uint32_t ours,
                                 uint32_t their_ports, uint32_t theirs);

/// The fewest probes for which BirthdayHit() is at least `target`, in [0, 1];
/// nullopt if none suffice.
[[nodiscard]] std::optional<uint32_t> ProbesForHit(uint32_t ports,
                                                   uint32_t open,
                                                   double target);

/// The fewest open ports for which BirthdayHit() is at least `target`.
[[nodiscard]] std::optional<uint32_t> OpenPortsForHit(uint32_t ports,
                                                      uint32_t probes,
                                                      double target);

/// What a birthday attack may use.
struct BirthdayLimits {
  uint32_t max_open = 256;
  uint32_t max_probes = 2048;
};

/// How many ports to open and to probe, and what that promises.
struct BirthdayChoice {
  uint32_t open = 0;
  uint32_t probes = 0;
  double chance = 0;
  bool operator==(const BirthdayChoice&) const = default;
};

/// The cheapest choice within the limits that reaches `target`, where a probed
/// port costs as much as an open one; if none does, the limits themselves and
/// what they give. Both numbers are 0 if a limit or `ports` is.
[[nodiscard]] BirthdayChoice ChooseBirthday(uint32_t ports, double target,
                                            const BirthdayLimits& limits);

}  // namespace natkit::nat
