#include "natkit/nat/source_rate_limiter.h"

#include <gtest/gtest.h>

#include <chrono>

namespace natkit::nat {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant kStart{};
const IpAddress kSource = IpAddress::V4(203, 0, 113, 7);
const IpAddress kOther = IpAddress::V4(203, 0, 113, 8);

IpAddress V6(const char* text) {
  return *IpAddress::Parse(text);
}

class SourceRateLimiterTest : public ::testing::Test {
 protected:
  /// Takes tokens until there is none; yields how many there were.
  int Drain(Instant now, const IpAddress& source) {
    int taken = 0;
    while (limiter_.Allow(now, source)) {
      ++taken;
    }
    return taken;
  }

  SeededRng rng_{1};
  SourceRateLimiter limiter_{RateLimit{}, rng_};
};

TEST_F(SourceRateLimiterTest, AllowsABurstThenTheSustainedRate) {
  EXPECT_EQ(Drain(kStart, kSource), 60);
  EXPECT_EQ(Drain(kStart + milliseconds(99), kSource), 0);
  EXPECT_EQ(Drain(kStart + milliseconds(100), kSource), 1);
  EXPECT_EQ(Drain(kStart + milliseconds(1100), kSource), 10);
}

TEST_F(SourceRateLimiterTest, APauseRefillsNoMoreThanTheBurst) {
  EXPECT_EQ(Drain(kStart, kSource), 60);
  EXPECT_EQ(Drain(kStart + hours(1), kSource), 60);
}

TEST_F(SourceRateLimiterTest, SourcesDoNotShareTokens) {
  EXPECT_EQ(Drain(kStart, kSource), 60);
  EXPECT_EQ(Drain(kStart, kOther), 60);
}

TEST_F(SourceRateLimiterTest, AnIpv6SourceIsItsSlash64) {
  EXPECT_EQ(Drain(kStart, V6("2001:db8::1")), 60);
  EXPECT_EQ(Drain(kStart, V6("2001:db8::ffff:0:0:2")), 0);
  EXPECT_EQ(Drain(kStart, V6("2001:db8:0:1::1")), 60);
}

TEST_F(SourceRateLimiterTest, AMappedAddressIsTheIpv4Address) {
  EXPECT_EQ(Drain(kStart, kSource), 60);
  EXPECT_EQ(Drain(kStart, kSource.MappedToV6()), 0);
}

TEST_F(SourceRateLimiterTest, AFloodOfSourcesSharesTheTable) {
  int allowed = 0;
  for (uint32_t i = 0; i < 1'000'000; ++i) {
    const auto byte = [i](int shift) { return uint8_t(i >> shift); };
    allowed +=
        limiter_.Allow(kStart, IpAddress::V4(10, byte(16), byte(8), byte(0)));
  }
  EXPECT_LE(allowed, 60 * 4096);
  EXPECT_GT(allowed, 60 * 4096 * 9 / 10);
}

TEST(SourceRateLimiter, WorksBeforeTheClocksEpoch) {
  SeededRng rng(1);
  SourceRateLimiter limiter({.per_second = 1, .burst = 1, .bucket_count = 1},
                            rng);
  EXPECT_TRUE(limiter.Allow(kStart - hours(1), kSource));
  EXPECT_FALSE(limiter.Allow(kStart - hours(1), kSource));
  EXPECT_TRUE(limiter.Allow(kStart - hours(1) + seconds(1), kSource));
}

}  // namespace
}  // namespace natkit::nat
