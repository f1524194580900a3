#include "natkit/netsim/sim_rng.h"

#include <algorithm>
#include <array>
#include <bit>

namespace natkit::netsim {
namespace {

uint64_t SplitMix(uint64_t& state) {
  state += 0x9E3779B97F4A7C15;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

}  // namespace

SimRng::SimRng(uint64_t seed) {
  for (uint64_t& word : state_) {
    word = SplitMix(seed);
  }
}

uint64_t SimRng::Next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

void SimRng::Fill(MutableBytes out) {
  while (!out.empty()) {
    std::array<uint8_t, 8> raw{};
    ByteWriter(raw).WriteU64(Next());
    const size_t size = std::min(out.size(), raw.size());
    std::copy_n(raw.begin(), size, out.begin());
    out = out.subspan(size);
  }
}

uint32_t SimRng::NextBelow(uint32_t bound) {
  return static_cast<uint32_t>(((Next() >> 32) * bound) >> 32);
}

double SimRng::NextUnit() {
  return static_cast<double>(Next() >> 11) * 0x1.0p-53;
}

bool SimRng::Chance(double probability) {
  return probability > 0 && (probability >= 1 || NextUnit() < probability);
}

uint64_t DeriveSeed(uint64_t seed, std::string_view part) {
  uint64_t state = seed;
  for (const char c : part) {
    state ^= static_cast<uint8_t>(c);
    state = SplitMix(state);
  }
  return SplitMix(state);
}

}  // namespace natkit::netsim
