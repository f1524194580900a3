#include "natkit/base/rng.h"

#include <sodium.h>

#include <algorithm>
#include <array>

#include "natkit/base/check.h"

namespace natkit {

uint32_t Rng::NextU32() {
  std::array<uint8_t, 4> raw{};
  Fill(raw);
  uint32_t value = 0;
  (void)ByteReader(raw).ReadU32(value);
  return value;
}

uint64_t Rng::NextU64() {
  std::array<uint8_t, 8> raw{};
  Fill(raw);
  uint64_t value = 0;
  (void)ByteReader(raw).ReadU64(value);
  return value;
}

uint64_t Rng::Below(uint64_t bound) {
  if (bound == 0) {
    return 0;
  }
  // 2^64 mod bound: draws below it would make the low residues more likely.
  const uint64_t threshold = (0 - bound) % bound;
  // A source of the caller's that repeats itself must not hang us. A good one
  // gets this far once in 2^64 calls.
  constexpr int kMaxDraws = 64;
  uint64_t value = NextU64();
  for (int draws = 1; value < threshold && draws < kMaxDraws; ++draws) {
    value = NextU64();
  }
  return value % bound;
}

SystemRng::SystemRng() {
  NATKIT_CHECK(sodium_init() >= 0);
}

void SystemRng::Fill(MutableBytes out) {
  if (!out.empty()) {
    randombytes_buf(out.data(), out.size());
  }
}

void SeededRng::Fill(MutableBytes out) {
  std::array<uint8_t, crypto_stream_chacha20_KEYBYTES> key{};
  ByteWriter(key).WriteU64(seed_);
  std::array<uint8_t, crypto_stream_chacha20_NONCEBYTES> nonce{};
  ByteWriter(nonce).WriteU64(counter_++);
  if (!out.empty()) {
    crypto_stream_chacha20(out.data(), out.size(), nonce.data(), key.data());
  }
}

}  // namespace natkit
