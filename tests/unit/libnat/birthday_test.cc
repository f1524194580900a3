#include "natkit/nat/birthday.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>

namespace natkit::nat {
namespace {

constexpr uint32_t kFullRange = 64512;  // 1024 to 65535

TEST(Birthday, GivesTheTableOfTheFullRange) {
  // nat.md 12.3, in percent.
  struct Row {
    uint32_t open;
    std::array<double, 8> percent;
  };

  constexpr std::array<uint32_t, 8> kProbes = {64,  128,  174,  256,
                                               512, 1024, 2048, 4096};
  constexpr std::array<Row, 4> kRows = {
      Row{64, {6.2, 11.9, 15.9, 22.5, 40.0, 64.1, 87.3, 98.5}},
      Row{128, {11.9, 22.5, 29.3, 39.9, 64.0, 87.1, 98.4, 99.98}},
      Row{256, {22.5, 39.9, 50.0, 63.9, 87.1, 98.4, 99.97, 100}},
      Row{512, {40.0, 64.0, 75.1, 87.1, 98.3, 99.97, 100, 100}}};

  for (const Row& row : kRows) {
    for (size_t i = 0; i < kProbes.size(); ++i) {
      EXPECT_NEAR(BirthdayHit(kFullRange, row.open, kProbes[i]) * 100,
                  row.percent[i], 0.06)
          << row.open << " x " << kProbes[i];
    }
  }
}

TEST(Birthday, GivesTheTableOfPortBlocks) {
  // nat.md 12.4, in percent.
  struct Cell {
    uint32_t block, open, probes;
    double percent;
  };

  constexpr std::array<Cell, 12> kCells = {
      Cell{512, 16, 64, 88.6},   Cell{512, 16, 256, 100},
      Cell{1024, 16, 64, 64.7},  Cell{1024, 16, 256, 99.0},
      Cell{1024, 64, 64, 98.6},  Cell{1024, 64, 128, 100},
      Cell{2048, 16, 64, 39.9},  Cell{2048, 16, 256, 88.3},
      Cell{2048, 64, 64, 87.3},  Cell{2048, 64, 128, 98.5},
      Cell{4096, 16, 256, 64.5}, Cell{4096, 64, 64, 63.8}};

  for (const Cell& cell : kCells) {
    EXPECT_NEAR(BirthdayHit(cell.block, cell.open, cell.probes) * 100,
                cell.percent, 0.06)
        << cell.block << ": " << cell.open << " x " << cell.probes;
  }
}

TEST(Birthday, FindsTheFewestProbesForATarget) {
  EXPECT_EQ(ProbesForHit(kFullRange, 256, 0.5), 175U);
  EXPECT_EQ(ProbesForHit(kFullRange, 256, 0.9), 577U);
  EXPECT_EQ(ProbesForHit(kFullRange, 256, 0.99), 1148U);
  EXPECT_EQ(ProbesForHit(kFullRange, 256, 0.999), 1715U);
  EXPECT_EQ(ProbesForHit(kFullRange, 84, 0.5), 530U);  // 532 by the estimate
  EXPECT_EQ(ProbesForHit(kFullRange, 256, 0), 0U);
  EXPECT_EQ(ProbesForHit(kFullRange, 0, 0.1), std::nullopt);
}

TEST(Birthday, EveryFewestNumberIsEnoughAndOneLessIsNot) {
  for (const uint32_t ports : {512U, 1024U, 15535U, 64512U}) {
    for (const uint32_t open : {1U, 16U, 100U, 256U}) {
      for (const double target : {0.01, 0.5, 0.99}) {
        const auto probes = ProbesForHit(ports, open, target);
        ASSERT_TRUE(probes);
        EXPECT_GE(BirthdayHit(ports, open, *probes), target);
        EXPECT_LT(BirthdayHit(ports, open, *probes - 1), target);
      }
    }
  }
}

TEST(Birthday, IsZeroWithNothingAndCertainWhenAMissIsImpossible) {
  EXPECT_EQ(BirthdayHit(0, 1, 1), 0);
  EXPECT_EQ(BirthdayHit(10, 0, 5), 0);
  EXPECT_EQ(BirthdayHit(10, 5, 0), 0);
  EXPECT_EQ(BirthdayHit(10, 5, 6), 1);
  EXPECT_LT(BirthdayHit(10, 5, 5), 1);
  EXPECT_NEAR(BirthdayHit(10, 1, 3), 0.3, 1e-12);
}

TEST(Birthday, EstimateIsNearTheExactValueWhereFewPortsAreUsed) {
  EXPECT_NEAR(BirthdayHitEstimate(kFullRange, 256, 174),
              BirthdayHit(kFullRange, 256, 174), 0.002);
  EXPECT_EQ(BirthdayHitEstimate(0, 1, 1), 0);
}

TEST(Birthday, TwoHardSidesCrossAsTheTableSays) {
  // nat.md 12.5.
  EXPECT_NEAR(CrossingHit(65535, 256, 65535, 2048), 0.00012, 0.00001);
  EXPECT_NEAR(CrossingHit(65535, 2048, 65535, 2048), 0.001, 0.0001);
  EXPECT_NEAR(CrossingHit(65535, 54000, 65535, 54000), 0.49, 0.01);
  EXPECT_NEAR(CrossingHit(1024, 1024, 1024, 1024), 0.632, 0.001);
  EXPECT_NEAR(CrossingHit(1024, 2048, 1024, 2048), 0.982, 0.001);
  EXPECT_NEAR(CrossingHit(2048, 4096, 2048, 4096), 0.982, 0.001);
}

TEST(Birthday, ChoosesWithinTheLimitsAndReachesTheTargetIfThatIsPossible) {
  const auto full =
      ChooseBirthday(kFullRange, 0.99, {.max_open = 256, .max_probes = 2048});
  EXPECT_EQ(full.open, 256U);
  EXPECT_EQ(full.probes, 1148U);
  EXPECT_GE(full.chance, 0.99);

  // A block needs far fewer: about the same of both.
  const auto block =
      ChooseBirthday(1024, 0.99, {.max_open = 256, .max_probes = 2048});
  EXPECT_LE(block.open + block.probes, 140U);
  EXPECT_GE(block.chance, 0.99);

  const auto few_probes =
      ChooseBirthday(1024, 0.99, {.max_open = 256, .max_probes = 32});
  EXPECT_EQ(few_probes.probes, 32U);
  EXPECT_GE(few_probes.chance, 0.99);

  const auto hopeless =
      ChooseBirthday(kFullRange, 0.99, {.max_open = 16, .max_probes = 64});
  EXPECT_EQ(hopeless.open, 16U);
  EXPECT_EQ(hopeless.probes, 64U);
  EXPECT_LT(hopeless.chance, 0.02);

  EXPECT_EQ(ChooseBirthday(1024, 0.99, {.max_open = 0, .max_probes = 64}),
            BirthdayChoice{});
}

}  // namespace
}  // namespace natkit::nat
