#include "natkit/nat/stun_rto_cache.h"

#include <gtest/gtest.h>

#include <chrono>

namespace natkit::stun {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;

const IpAddress kServer = IpAddress::V4(198, 51, 100, 1);
constexpr Instant kStart{};

TEST(RtoCache, StartsAt500Milliseconds) {
  EXPECT_EQ(RtoCache().RtoFor(kStart, kServer), milliseconds(500));
}

// RFC 6298 section 2: the first sample makes SRTT = R, RTTVAR = R / 2.
TEST(RtoCache, FollowsRfc6298) {
  RtoCache cache;
  cache.NoteRtt(kStart, kServer, milliseconds(400));
  EXPECT_EQ(cache.RtoFor(kStart, kServer), milliseconds(1200));
  cache.NoteRtt(kStart, kServer, milliseconds(400));
  EXPECT_EQ(cache.RtoFor(kStart, kServer), milliseconds(1000));
  cache.NoteRtt(kStart, kServer, milliseconds(800));
  EXPECT_EQ(cache.RtoFor(kStart, kServer),
            milliseconds(450) + 4 * microseconds(212500));
}

TEST(RtoCache, IsNeverBelow500Milliseconds) {
  RtoCache cache;
  cache.NoteRtt(kStart, kServer, milliseconds(10));
  EXPECT_EQ(cache.RtoFor(kStart, kServer), milliseconds(500));
}

TEST(RtoCache, ForgetsAfterTenMinutes) {
  RtoCache cache;
  cache.NoteRtt(kStart, kServer, milliseconds(400));
  EXPECT_EQ(cache.RtoFor(kStart + minutes(10) - milliseconds(1), kServer),
            milliseconds(1200));
  EXPECT_EQ(cache.RtoFor(kStart + minutes(10), kServer), milliseconds(500));
  cache.NoteRtt(kStart + minutes(10), kServer, milliseconds(300));
  EXPECT_EQ(cache.RtoFor(kStart + minutes(10), kServer), milliseconds(900));
}

TEST(RtoCache, IsBounded) {
  RtoCache cache;
  for (int i = 0; i < 1000; ++i) {
    cache.NoteRtt(kStart + milliseconds(i),
                  IpAddress::V4(10, 0, static_cast<uint8_t>(i / 256),
                                static_cast<uint8_t>(i)),
                  milliseconds(400));
  }
  EXPECT_EQ(cache.size(), RtoCache::kMaxServers);
  EXPECT_EQ(cache.RtoFor(kStart, IpAddress::V4(10, 0, 0, 0)),
            milliseconds(500));
  EXPECT_EQ(cache.RtoFor(kStart + minutes(1), IpAddress::V4(10, 0, 3, 231)),
            milliseconds(1200));
}

}  // namespace
}  // namespace natkit::stun
