#include "natkit/base/rng.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace natkit {
namespace {

TEST(SeededRng, RepeatsFromTheSameSeedAndDiffersOtherwise) {
  SeededRng a(7);
  SeededRng b(7);
  SeededRng c(8);
  const uint64_t first = a.NextU64();
  EXPECT_EQ(first, b.NextU64());
  EXPECT_NE(first, c.NextU64());
  EXPECT_NE(first, a.NextU64());
}

TEST(Rng, BelowReachesEveryValueAndNoOther) {
  SeededRng rng(1);
  std::set<uint64_t> seen;
  for (int i = 0; i < 200; ++i) {
    seen.insert(rng.Below(5));
  }
  EXPECT_EQ(seen, (std::set<uint64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(rng.Below(0), 0U);
}

class ZeroRng final : public Rng {
 public:
  void Fill(MutableBytes out) override { std::ranges::fill(out, uint8_t{0}); }
};

TEST(Rng, BelowEndsEvenIfTheSourceRepeatsItself) {
  ZeroRng rng;
  EXPECT_EQ(rng.Below(401), 0U);
}

TEST(SystemRng, GivesDifferentBytesEachTime) {
  SystemRng rng;
  EXPECT_NE(rng.NextU64(), rng.NextU64());
}

// UBSan knows that libsodium's functions want a pointer even for no bytes.
TEST(Rng, FillsNothing) {
  SeededRng seeded(1);
  seeded.Fill({});
  SystemRng system;
  system.Fill({});
}

}  // namespace
}  // namespace natkit
