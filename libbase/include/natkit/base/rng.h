#pragma once

#include <cstdint>

#include "natkit/base/bytes.h"

namespace natkit {

/// Where a core gets randomness from; tests give a seeded one.
class Rng {
 public:
  virtual ~Rng() = default;
  virtual void Fill(MutableBytes out) = 0;

  [[nodiscard]] uint32_t NextU32();
  [[nodiscard]] uint64_t NextU64();
  /// Uniform in [0, bound), without modulo bias; 0 for bound 0.
  [[nodiscard]] uint64_t Below(uint64_t bound);
};

/// The system's cryptographic generator (libsodium). Thread-safe.
class SystemRng final : public Rng {
 public:
  SystemRng();
  void Fill(MutableBytes out) override;
};

/// Reproducible bytes from a 64-bit seed (ChaCha20 keystream), for tests and
/// simulations; never for keys.
class SeededRng final : public Rng {
 public:
  explicit SeededRng(uint64_t seed) : seed_(seed) {}

  void Fill(MutableBytes out) override;

 private:
  uint64_t seed_;
  uint64_t counter_ = 0;
};

}  // namespace natkit
