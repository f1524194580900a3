#include "coord/source_limits.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>

namespace natkit::mesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant kStart{std::chrono::hours(5)};

IpAddress Ip(const char* text) {
  return *IpAddress::Parse(text);
}

/// 10.x.y.z by number.
IpAddress Numbered(uint32_t number) {
  return IpAddress::V4(10, static_cast<uint8_t>(number >> 16U),
                       static_cast<uint8_t>(number >> 8U),
                       static_cast<uint8_t>(number));
}

/// How many of `attempts` at one moment are allowed.
size_t Pass(SourceLimits& limits, Instant now, const IpAddress& source,
            size_t attempts) {
  size_t passed = 0;
  for (size_t i = 0; i < attempts; ++i) {
    if (limits.IsAllowed(now, source)) {
      limits.Count(now, source);
      ++passed;
    }
  }
  return passed;
}

TEST(SourceOf, KeepsIpv4AndTheNetworkOfIpv6) {
  EXPECT_EQ(SourceOf(Ip("192.0.2.7")), Ip("192.0.2.7"));
  EXPECT_EQ(SourceOf(Ip("::ffff:192.0.2.7")), Ip("192.0.2.7"));
  EXPECT_EQ(SourceOf(Ip("2001:db8:1:2:3:4:5:6")), Ip("2001:db8:1:2::"));
  EXPECT_EQ(SourceOf(Ip("2001:db8:1:2::")),
            SourceOf(Ip("2001:db8:1:2:ffff:ffff:ffff:ffff")));
  EXPECT_NE(SourceOf(Ip("2001:db8:1:2::1")), SourceOf(Ip("2001:db8:1:3::1")));
}

TEST(SourceLimits, AllowsABurstAndThenOneARefill) {
  SourceLimits limits(5, seconds(10));
  const IpAddress source = Ip("192.0.2.1");
  EXPECT_EQ(Pass(limits, kStart, source, 20), 5U);
  EXPECT_EQ(Pass(limits, kStart + milliseconds(9'999), source, 3), 0U);
  EXPECT_EQ(Pass(limits, kStart + seconds(10), source, 3), 1U);
  EXPECT_EQ(Pass(limits, kStart + seconds(40), source, 9), 3U);
}

TEST(SourceLimits, FillsUpToTheBurstAndNotBeyond) {
  SourceLimits limits(5, seconds(10));
  const IpAddress source = Ip("192.0.2.1");
  EXPECT_EQ(Pass(limits, kStart, source, 20), 5U);
  EXPECT_EQ(Pass(limits, kStart + std::chrono::hours(24), source, 20), 5U);
}

TEST(SourceLimits, AskingCostsNothing) {
  SourceLimits limits(1, seconds(10));
  const IpAddress source = Ip("192.0.2.1");
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(limits.IsAllowed(kStart, source));
  }
  limits.Count(kStart, source);
  EXPECT_FALSE(limits.IsAllowed(kStart, source));
}

TEST(SourceLimits, SourcesDoNotPayForEachOther) {
  SourceLimits limits(2, seconds(10));
  EXPECT_EQ(Pass(limits, kStart, Ip("192.0.2.1"), 9), 2U);
  EXPECT_EQ(Pass(limits, kStart, Ip("192.0.2.2"), 9), 2U);
  EXPECT_EQ(Pass(limits, kStart, Ip("2001:db8:0:1::1"), 9), 2U);
  EXPECT_EQ(Pass(limits, kStart, Ip("2001:db8:0:2::1"), 9), 2U);
}

TEST(SourceLimits, ASubscriberIsOneSourceWhateverItsAddresses) {
  SourceLimits limits(3, seconds(10));
  EXPECT_EQ(Pass(limits, kStart, Ip("2001:db8:0:1::1"), 2), 2U);
  EXPECT_EQ(Pass(limits, kStart, Ip("2001:db8:0:1:aaaa::2"), 2), 1U);
  EXPECT_EQ(Pass(limits, kStart, Ip("192.0.2.1"), 3), 3U);
  EXPECT_EQ(Pass(limits, kStart, Ip("::ffff:192.0.2.1"), 3), 0U);
}

TEST(SourceLimits, AFloodOfSourcesSharesOneAccount) {
  SourceLimits limits(3, seconds(10));
  const IpAddress first = Numbered(0);
  EXPECT_EQ(Pass(limits, kStart, first, 9), 3U);
  size_t passed = 0;
  constexpr uint32_t kSources = 100'000;
  for (uint32_t i = 1; i < kSources; ++i) {
    passed += Pass(limits, kStart, Numbered(i), 1);
  }
  // 4096 are known one by one, all others together are one source.
  EXPECT_EQ(passed, 4095U + 3U);
  // Who was known before is judged by its own account.
  EXPECT_EQ(Pass(limits, kStart + seconds(10), first, 9), 1U);
}

TEST(SourceLimits, ForgetsSourcesThatOweNothing) {
  SourceLimits limits(3, seconds(10));
  for (uint32_t i = 0; i < 5000; ++i) {
    limits.Count(kStart, Numbered(i));
  }
  const Instant later = kStart + std::chrono::hours(24);
  size_t passed = 0;
  for (uint32_t i = 10'000; i < 12'000; ++i) {
    passed += Pass(limits, later, Numbered(i), 9);
  }
  EXPECT_EQ(passed, 2000U * 3U);
}

}  // namespace
}  // namespace natkit::mesh
