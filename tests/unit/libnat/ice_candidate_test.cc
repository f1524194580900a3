#include "natkit/nat/ice_candidate.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace natkit::ice {
namespace {

TEST(CandidatePriority, GivesTheValuesOfASingleHomedHost) {
  EXPECT_EQ(CandidatePriority(CandidateType::kHost, 65535), 2130706431U);
  EXPECT_EQ(CandidatePriority(CandidateType::kPeerReflexive, 65535),
            1862270975U);
  EXPECT_EQ(CandidatePriority(CandidateType::kServerReflexive, 65535),
            1694498815U);
  EXPECT_EQ(CandidatePriority(CandidateType::kRelayed, 65535), 16777215U);
}

TEST(CandidatePriority, FallsByOneStepPerLocalPreference) {
  EXPECT_EQ(CandidatePriority(CandidateType::kHost, 65534), 2130706175U);
}

TEST(PairPriority, MatchesTheHostToServerReflexiveVector) {
  const uint32_t host = CandidatePriority(CandidateType::kHost, 65535);
  const uint32_t srflx =
      CandidatePriority(CandidateType::kServerReflexive, 65535);
  EXPECT_EQ(PairPriority(host, srflx), 7277816997797167103U);
  EXPECT_EQ(PairPriority(srflx, host), 7277816997797167102U);
}

TEST(PairPriority, IsEqualOnBothSidesUpToTheTieBreak) {
  EXPECT_EQ(PairPriority(7, 7), (uint64_t{7} << 32) + 14);
  EXPECT_GT(PairPriority(3, 9), PairPriority(2, 9));
  EXPECT_EQ(PairPriority(3, 9), PairPriority(9, 3) - 1);
}

TEST(FormatCandidate, WritesAHostCandidate) {
  const Candidate host{
      .type = CandidateType::kHost,
      .endpoint = {.address = IpAddress::V4(192, 0, 2, 1), .port = 5000},
      .base = {.address = IpAddress::V4(192, 0, 2, 1), .port = 5000},
      .priority = 2130706431,
      .foundation = "1"};
  EXPECT_EQ(FormatCandidate(host),
            "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host");
}

TEST(FormatCandidate, ShowsOrHidesTheBase) {
  const Candidate reflexive{
      .type = CandidateType::kServerReflexive,
      .endpoint = {.address = IpAddress::V4(198, 51, 100, 7), .port = 6000},
      .base = {.address = IpAddress::V4(10, 0, 0, 2), .port = 5000},
      .priority = 1694498815,
      .foundation = "2"};
  EXPECT_EQ(FormatCandidate(reflexive),
            "candidate:2 1 udp 1694498815 198.51.100.7 6000 typ srflx raddr "
            "10.0.0.2 rport 5000");
  EXPECT_EQ(FormatCandidate(reflexive, RelatedAddress::kHide),
            "candidate:2 1 udp 1694498815 198.51.100.7 6000 typ srflx raddr "
            "0.0.0.0 rport 9");
}

TEST(ParseCandidate, ReadsWhatFormatWrites) {
  for (const std::string_view text :
       {"candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host",
        "candidate:ab+/9 1 udp 1 2001:db8::7 65535 typ srflx raddr fd00::1 "
        "rport 1",
        "candidate:3 1 udp 1862270975 198.51.100.7 1 typ prflx",
        "candidate:4 1 udp 16777215 198.51.100.7 7 typ relay raddr 0.0.0.0 "
        "rport 9"}) {
    const auto candidate = ParseCandidate(text);
    ASSERT_TRUE(candidate) << text;
    EXPECT_EQ(FormatCandidate(*candidate), text);
  }
}

TEST(ParseCandidate, SkipsThePrefixAndExtensions) {
  const auto candidate = ParseCandidate(
      "a=candidate:842163049 1 UDP 1677729535 198.51.100.7 61665 typ srflx "
      "raddr 10.0.0.2 rport 51999 generation 0 ufrag QNvE network-id 1");
  ASSERT_TRUE(candidate);
  EXPECT_EQ(candidate->type, CandidateType::kServerReflexive);
  EXPECT_EQ(
      candidate->endpoint,
      (Endpoint{.address = IpAddress::V4(198, 51, 100, 7), .port = 61665}));
  EXPECT_EQ(candidate->base,
            (Endpoint{.address = IpAddress::V4(10, 0, 0, 2), .port = 51999}));
  EXPECT_EQ(candidate->foundation, "842163049");
}

TEST(ParseCandidate, RefusesMalformedText) {
  for (const std::string_view text :
       {"", "candidate:", "candidate:1 1 udp 1",
        "1 1 udp 1 192.0.2.1 1 typ host",
        "candidate:1 0 udp 1 192.0.2.1 1 typ host",
        "candidate:1 257 udp 1 192.0.2.1 1 typ host",
        "candidate:1 1 udp 0 192.0.2.1 1 typ host",
        "candidate:1 1 udp 4294967296 192.0.2.1 1 typ host",
        "candidate:1 1 udp -1 192.0.2.1 1 typ host",
        "candidate:1 1 udp 1 192.0.2.1 0 typ host",
        "candidate:1 1 udp 1 192.0.2.1 65536 typ host",
        "candidate:1 1 udp 1 192.0.2 1 typ host",
        "candidate:1 1 udp 1 192.0.2.1 1 typ hosts",
        "candidate:1 1 udp 1 192.0.2.1 1 host",
        "candidate:1 1 udp 1 192.0.2.1 1 typ srflx raddr",
        "candidate:1 1 udp 1 192.0.2.1 1 typ srflx raddr x rport 1",
        "candidate:1 1 udp 1 192.0.2.1 1 typ srflx raddr 10.0.0.1 rport x",
        "candidate:a-b 1 udp 1 192.0.2.1 1 typ host",
        "candidate:123456789012345678901234567890123 1 udp 1 192.0.2.1 1 typ "
        "host"}) {
    const auto candidate = ParseCandidate(text);
    ASSERT_FALSE(candidate) << text;
    EXPECT_EQ(candidate.error().code, Errc::kBadCandidate) << text;
  }
}

TEST(ParseCandidate, ReportsWhatItDoesNotSupport) {
  for (const std::string_view text :
       {"candidate:1 2 udp 1 192.0.2.1 1 typ host",
        "candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active",
        "candidate:1 1 udp 1 "
        "1f4712db-ea17-4bcf-a596-105139dfd8bf.local 1 typ host"}) {
    const auto candidate = ParseCandidate(text);
    ASSERT_FALSE(candidate) << text;
    EXPECT_EQ(candidate.error().code, Errc::kUnsupported) << text;
  }
}

TEST(ParseCandidate, RefusesOverlongText) {
  const std::string text = "candidate:1 1 udp 1 192.0.2.1 1 typ host " +
                           std::string(600, 'x') + " 1";
  EXPECT_EQ(ParseCandidate(text).error().code, Errc::kBadLength);
}

TEST(IsUsableRemote, WantsAUnicastAddressAPortAndAPriority) {
  const Candidate good{
      .endpoint = {.address = IpAddress::V4(192, 0, 2, 1), .port = 5000},
      .priority = 1,
      .foundation = "1"};
  EXPECT_TRUE(IsUsableRemote(good));
  Candidate bad = good;
  bad.endpoint.port = 0;
  EXPECT_FALSE(IsUsableRemote(bad));
  bad = good;
  bad.endpoint.address = IpAddress::V4(224, 0, 0, 1);
  EXPECT_FALSE(IsUsableRemote(bad));
  bad = good;
  bad.endpoint.address = IpAddress();
  EXPECT_FALSE(IsUsableRemote(bad));
  bad = good;
  bad.endpoint.address = IpAddress::V4(255, 255, 255, 255);
  EXPECT_FALSE(IsUsableRemote(bad));
  bad = good;
  bad.priority = 0;
  EXPECT_FALSE(IsUsableRemote(bad));
  bad = good;
  bad.foundation.clear();
  EXPECT_FALSE(IsUsableRemote(bad));
}

}  // namespace
}  // namespace natkit::ice
