#pragma once

#include <cstdint>
#include <string_view>

#include "natkit/base/rng.h"

namespace natkit::netsim {

/// Reproducible numbers for simulations, from a 64-bit seed: xoshiro256**,
/// seeded by SplitMix64 (Blackman and Vigna, 2018). A draw costs about a
/// nanosecond. Never for keys.
class SimRng final : public Rng {
 public:
  explicit SimRng(uint64_t seed);

  void Fill(MutableBytes out) override;

  [[nodiscard]] uint64_t Next();
  /// Uniform in [0, bound); 0 for bound 0. Bias below 2^-32.
  [[nodiscard]] uint32_t NextBelow(uint32_t bound);
  /// Uniform in [0, 1).
  [[nodiscard]] double NextUnit();
  /// True with this probability; draws nothing for 0 and 1.
  [[nodiscard]] bool Chance(double probability);

 private:
  uint64_t state_[4];
};

/// A seed for one part of a simulation, from the seed of the whole and the
/// part's name, so that adding a part does not disturb the others.
[[nodiscard]] uint64_t DeriveSeed(uint64_t seed, std::string_view part);

}  // namespace natkit::netsim
