#include "natkit/nat/source_ledger.h"

#include <gtest/gtest.h>

#include <chrono>

#include "natkit/base/rng.h"

namespace natkit::nat {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr Instant kStart{};
constexpr int32_t kAllowance = SourceLedger::kAllowance;

class SourceLedgerTest : public ::testing::Test {
 protected:
  SourceKey Key(uint8_t host) {
    return hash_(IpAddress::V4(203, 0, 113, host));
  }

  /// A request of 20 bytes and its answer of 32.
  bool Ask(Instant now, SourceKey source) {
    ledger_.Receive(now, source, 20);
    return ledger_.Pay(source, 32);
  }

  SeededRng rng_{1};
  SourceHash hash_{rng_};
  SourceLedger ledger_{1};  // all sources share it
};

TEST_F(SourceLedgerTest, ASourceMayOweALittleAndPaysTheRest) {
  int answered = 0;
  for (int i = 0; i < 80; ++i) {
    answered += Ask(kStart, Key(1)) ? 1 : 0;
  }
  EXPECT_LE(32 * answered, 20 * 80 + kAllowance);
  EXPECT_GE(answered, 50);  // five in eight
}

TEST_F(SourceLedgerTest, WhoeverHadTheBucketBeforeIsForgivenInTime) {
  for (int i = 0; i < 1000; ++i) {
    (void)Ask(kStart, Key(1));
  }
  while (ledger_.Pay(Key(1), 1)) {
  }
  EXPECT_FALSE(Ask(kStart + seconds(1), Key(2)));
  while (ledger_.Pay(Key(1), 1)) {
  }
  EXPECT_TRUE(Ask(kStart + SourceLedger::kForgiveness, Key(2)));
}

TEST_F(SourceLedgerTest, ForgivingIsBounded) {
  int64_t received = 0;
  int64_t sent = 0;
  Instant now = kStart;
  for (int i = 0; i < 100'000; ++i, now += seconds(1)) {
    ledger_.Receive(now, Key(1), 20);
    received += 20;
    while (ledger_.Pay(Key(1), 1)) {
      ++sent;
    }
  }
  const int64_t rounds = (now - kStart) / SourceLedger::kForgiveness;
  EXPECT_LE(sent, received + kAllowance * (rounds + 2));
  EXPECT_GT(sent, received + kAllowance * (rounds - 1));
}

TEST_F(SourceLedgerTest, CreditIsNotForgotten) {
  ledger_.Receive(kStart, Key(1), 1000);
  ledger_.Receive(kStart + minutes(60), Key(1), 0);
  EXPECT_EQ(ledger_.CreditOf(Key(1)), 1000U);
}

TEST_F(SourceLedgerTest, AClockThatGoesBackForgivesNothingAtOnce) {
  while (ledger_.Pay(Key(1), 1)) {
  }
  ledger_.Receive(kStart + minutes(60), Key(1), 0);
  while (ledger_.Pay(Key(1), 1)) {
  }
  ledger_.Receive(kStart, Key(1), 0);
  EXPECT_FALSE(ledger_.Pay(Key(1), 1));
  ledger_.Receive(kStart + SourceLedger::kForgiveness, Key(1), 0);
  EXPECT_TRUE(ledger_.Pay(Key(1), 1));
}

/// Buckets take turns, so that no request waits for all of them.
TEST(SourceLedgerRound, GoesOnEvenly) {
  SeededRng rng(1);
  const SourceHash hash(rng);
  SourceLedger ledger(1000);
  const auto key = [&](uint32_t i) {
    return hash(IpAddress::V4(10, 0, static_cast<uint8_t>(i >> 8),
                              static_cast<uint8_t>(i)));
  };
  for (uint32_t i = 0; i < 20'000; ++i) {
    ledger.Charge(key(i), 100);
  }
  ledger.Receive(kStart, key(0), 0);
  const auto able = [&] {
    int count = 0;
    for (uint32_t i = 0; i < 1000; ++i) {
      SourceLedger copy = ledger;
      count += copy.Pay(key(i), 1) ? 1 : 0;
    }
    return count;
  };
  EXPECT_EQ(able(), 0);
  ledger.Receive(kStart + SourceLedger::kForgiveness / 2, key(0), 0);
  EXPECT_NEAR(able(), 500, 100);
  ledger.Receive(kStart + SourceLedger::kForgiveness, key(0), 0);
  EXPECT_EQ(able(), 1000);
}

}  // namespace
}  // namespace natkit::nat
