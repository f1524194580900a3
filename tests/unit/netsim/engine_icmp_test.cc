// ICMP queries and errors: RFC 5508, RFC 4787 REQ-12 and 13.

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "nat_engine_fixture.h"

namespace natkit::netsim {
namespace {

using namespace std::chrono_literals;

constexpr Endpoint kInside{kHost1, 5000};
constexpr Endpoint kRemote{kServer1, 80};
constexpr IpAddress kRouter = IpAddress::V4(203, 0, 113, 254);
constexpr IpAddress kInsideRouter = IpAddress::V4(192, 168, 1, 200);
constexpr uint8_t kData[] = {1, 2, 3, 4};

std::vector<uint8_t> Ping(const IpAddress& from, const IpAddress& to,
                          uint16_t id) {
  return BuildEcho(from, to, EchoKind::kRequest, id, 1, kData);
}

std::vector<uint8_t> Pong(const IpAddress& from, const IpAddress& to,
                          uint16_t id) {
  return BuildEcho(from, to, EchoKind::kReply, id, 1, kData);
}

NatConfig Nat() {
  NatConfig config = TestNat();
  config.port_assignment = PortAssignment::kRandom;
  return config;
}

/// The packet quoted by an ICMP error.
std::optional<PacketInfo> QuotedIn(const Seen& seen) {
  return ParseQuotedPacket(
      ByteView(seen.bytes).subspan(seen.info.transport_offset + 8));
}

bool HasValidQuotedHeader(const Seen& seen) {
  return InternetChecksum(ByteView(seen.bytes)
                              .subspan(seen.info.transport_offset + 8, 20)) ==
         0;
}

TEST(NatIcmp, AnEchoIsTranslatedAndItsReplyComesBackRfc5508Req1) {
  NatHarness nat(Nat());
  const auto first = nat.Send(Side::kInside, Ping(kHost1, kServer1, 7));
  const auto second = nat.Send(Side::kInside, Ping(kHost2, kServer1, 7));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->info.source.address, kExternal);
  EXPECT_NE(first->info.icmp_id, second->info.icmp_id);
  const auto reply =
      nat.Send(Side::kOutside, Pong(kServer1, kExternal, second->info.icmp_id));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->info.destination, (Endpoint{kHost2, 7}));
  // The same identifier to another destination keeps its external one (1a).
  EXPECT_EQ(nat.Send(Side::kInside, Ping(kHost1, kServer2, 7))->info.icmp_id,
            first->info.icmp_id);
}

TEST(NatIcmp, AQueryLivesSixtySecondsRfc5508Req2) {
  NatHarness nat(Nat());
  const auto out = nat.Send(Side::kInside, Ping(kHost1, kServer1, 7));
  nat.Wait(60s - 1ns);
  EXPECT_TRUE(
      nat.Send(Side::kOutside, Pong(kServer1, kExternal, out->info.icmp_id)));
  nat.Wait(1ns);
  EXPECT_FALSE(
      nat.Send(Side::kOutside, Pong(kServer1, kExternal, out->info.icmp_id)));
}

/// An engine with one UDP flow, and errors about it from outside.
class NatIcmpErrors : public testing::Test {
 protected:
  std::vector<uint8_t> ErrorAbout(const std::vector<uint8_t>& cause,
                                  uint8_t type = 3, uint8_t code = 1) {
    return BuildIcmpError(kRouter, type, code, 0, cause);
  }

  void SetUp() override { Open(); }

  void Open() {
    out = *nat.Send(Side::kInside, BuildUdp(kInside, kRemote, kData));
  }

  NatHarness nat{Nat()};
  Seen out;
};

TEST_F(NatIcmpErrors, FromAnyRouterReachTheHostRestoredRfc5508Req4) {
  const std::vector<std::pair<uint8_t, uint8_t>> kinds = {
      {3, 0}, {3, 1}, {3, 2}, {3, 3}, {3, 4}, {3, 13}, {11, 0}, {12, 0}};
  for (const auto& [type, code] : kinds) {
    const auto got =
        nat.Send(Side::kOutside, ErrorAbout(out.bytes, type, code));
    ASSERT_TRUE(got);
    EXPECT_EQ(got->side, Side::kInside);
    EXPECT_EQ(got->info.source.address, kRouter);
    EXPECT_EQ(got->info.destination.address, kHost1);
    EXPECT_EQ(got->info.icmp_type, type);
    EXPECT_EQ(got->info.icmp_code, code);
    const auto quoted = QuotedIn(*got);
    ASSERT_TRUE(quoted);
    EXPECT_EQ(quoted->source, kInside);
    EXPECT_EQ(quoted->destination, kRemote);
    EXPECT_TRUE(HasValidQuotedHeader(*got));
  }
}

TEST_F(NatIcmpErrors, NeitherRemoveNorRefreshStateRfc4787Req12) {
  nat.Wait(100s);
  EXPECT_TRUE(nat.Send(Side::kOutside, ErrorAbout(out.bytes)));
  EXPECT_EQ(nat.In(kRemote, out.info.source), kInside);
  nat.Wait(20s);
  EXPECT_EQ(nat.In(kRemote, out.info.source), std::nullopt);
}

TEST_F(NatIcmpErrors, QuenchAndRedirectStayOutsideRfc5508Req10) {
  EXPECT_FALSE(nat.Send(Side::kOutside, ErrorAbout(out.bytes, 4, 0)));
  EXPECT_FALSE(nat.Send(Side::kOutside, ErrorAbout(out.bytes, 5, 1)));
}

TEST_F(NatIcmpErrors, WithoutMappingAreDropped) {
  EXPECT_FALSE(nat.Send(Side::kOutside,
                        ErrorAbout(BuildUdp({kExternal, 9}, kRemote, kData))));
  // Quoting an endpoint that the mapping never sent to.
  EXPECT_FALSE(
      nat.Send(Side::kOutside,
               ErrorAbout(BuildUdp(out.info.source, {kServer2, 1}, kData))));
  EXPECT_EQ(nat.engine.counters().dropped_unmapped, 2U);
}

TEST_F(NatIcmpErrors, WithABadChecksumAreDroppedRfc5508Req3) {
  auto bad = ErrorAbout(out.bytes);
  bad[22] ^= 1;
  EXPECT_FALSE(nat.Send(Side::kOutside, bad));
  auto bad_quote = out.bytes;
  bad_quote[8] ^= 1;  // TTL, against the quoted header checksum
  auto error = ErrorAbout(out.bytes);
  std::copy(bad_quote.begin(), bad_quote.begin() + 20, error.begin() + 28);
  FixChecksums(error);
  EXPECT_FALSE(nat.Send(Side::kOutside, error));
  EXPECT_EQ(nat.engine.counters().dropped_malformed, 2U);
}

TEST_F(NatIcmpErrors, WithABadQuotedTransportChecksumPassRfc5508Req3c) {
  auto cause = out.bytes;
  cause[26] ^= 1;
  EXPECT_TRUE(nat.Send(Side::kOutside, ErrorAbout(cause)));
}

TEST_F(NatIcmpErrors, CutAfterEightBytesOfTransportPass) {
  auto error = ErrorAbout(out.bytes);
  error.resize(20 + 8 + 28);
  error[2] = 0;
  error[3] = static_cast<uint8_t>(error.size());
  FixChecksums(error);
  const auto got = nat.Send(Side::kOutside, error);
  ASSERT_TRUE(got);
  EXPECT_EQ(QuotedIn(*got)->source, kInside);
}

TEST_F(NatIcmpErrors, AreDroppedWhereConfigured) {
  NatConfig config = Nat();
  config.translate_icmp_errors = false;
  nat.engine = NatEngine(config, 1);
  Open();
  EXPECT_FALSE(nat.Send(Side::kOutside, ErrorAbout(out.bytes)));
}

TEST_F(NatIcmpErrors, AboutAnEchoRestoreItsIdentifierRfc5508Req6) {
  const auto ping = nat.Send(Side::kInside, Ping(kHost2, kServer1, 77));
  const auto got = nat.Send(Side::kOutside, ErrorAbout(ping->bytes, 11, 0));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->info.destination.address, kHost2);
  EXPECT_EQ(QuotedIn(*got)->icmp_id, 77);
  EXPECT_EQ(QuotedIn(*got)->source.address, kHost2);
}

TEST_F(NatIcmpErrors, FromInsideShowOnlyTheExternalAddressRfc5508Req5) {
  const auto in =
      nat.Send(Side::kOutside, BuildUdp(kRemote, out.info.source, kData));
  ASSERT_TRUE(in);
  for (const IpAddress& from : {kHost1, kInsideRouter}) {
    const auto got =
        nat.Send(Side::kInside, BuildIcmpError(from, 3, 3, 0, in->bytes));
    ASSERT_TRUE(got);
    EXPECT_EQ(got->side, Side::kOutside);
    EXPECT_EQ(got->info.source.address, kExternal);
    EXPECT_EQ(got->info.destination.address, kServer1);
    EXPECT_EQ(QuotedIn(*got)->destination, out.info.source);
    EXPECT_TRUE(HasValidQuotedHeader(*got));
  }
  EXPECT_FALSE(
      nat.Send(Side::kInside,
               BuildIcmpError(kHost1, 3, 3, 0,
                              BuildUdp({kServer2, 1}, {kHost1, 1}, kData))));
}

TEST(NatIcmp, AHairpinnedErrorReachesTheSenderRfc5508Req7) {
  NatConfig config = Nat();
  config.hairpinning = Hairpinning::kExternalSource;
  config.filtering = Dependence::kEndpointIndependent;
  NatHarness nat(config);
  const auto target = nat.Out({kHost2, 6000}, kRemote);
  const auto got = nat.Hairpin(kInside, *target);
  ASSERT_TRUE(got);
  const auto error =
      nat.Send(Side::kInside, BuildIcmpError(kHost2, 3, 3, 0, got->bytes));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->side, Side::kInside);
  EXPECT_EQ(error->info.destination.address, kHost1);
  EXPECT_EQ(error->info.source.address, kExternal);
  EXPECT_EQ(QuotedIn(*error)->source, kInside);
  EXPECT_EQ(QuotedIn(*error)->destination, *target);
}

TEST(NatIcmp, TheBoxAnswersPingsToItsOwnAddresses) {
  NatHarness nat(Nat());
  const auto inside = nat.Send(Side::kInside, Ping(kHost1, kGateway, 5));
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->side, Side::kInside);
  EXPECT_EQ(inside->info.source.address, kGateway);
  EXPECT_EQ(inside->info.destination, (Endpoint{kHost1, 5}));
  const auto outside = nat.Send(Side::kOutside, Ping(kServer1, kExternal, 6));
  ASSERT_TRUE(outside);
  EXPECT_EQ(outside->side, Side::kOutside);
  EXPECT_EQ(outside->info.destination, (Endpoint{kServer1, 6}));
  const auto hairpin = nat.Send(Side::kInside, Ping(kHost1, kExternal, 7));
  ASSERT_TRUE(hairpin);
  EXPECT_EQ(hairpin->info.source.address, kExternal);
}

TEST(NatIcmp, AClosedPortOfTheGatewayIsUnreachable) {
  NatHarness nat(Nat());
  const auto got =
      nat.Send(Side::kInside, BuildUdp(kInside, {kGateway, 5351}, kData));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->info.icmp_type, 3);
  EXPECT_EQ(got->info.icmp_code, 3);
  EXPECT_EQ(got->info.source.address, kGateway);
}

TEST(NatIcmp, APacketThatRunsOutOfHopsIsReportedAndLeavesNoState) {
  NatHarness nat(Nat());
  const auto got =
      nat.Send(Side::kInside, BuildUdp(kInside, kRemote, kData, {.ttl = 1}));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->side, Side::kInside);
  EXPECT_EQ(got->info.icmp_type, 11);
  EXPECT_EQ(got->info.source.address, kGateway);
  EXPECT_EQ(QuotedIn(*got)->source, kInside);
  EXPECT_EQ(nat.engine.mapping_count(), 0U);
  EXPECT_EQ(nat.engine.counters().dropped_ttl, 1U);
  const auto out =
      nat.Send(Side::kInside, BuildUdp(kInside, kRemote, kData, {.ttl = 2}));
  EXPECT_EQ(out->info.ttl, 1);
  // And from outside, with the address that the sender knows.
  const auto in = nat.Send(
      Side::kOutside, BuildUdp(kRemote, out->info.source, kData, {.ttl = 1}));
  ASSERT_TRUE(in);
  EXPECT_EQ(in->side, Side::kOutside);
  EXPECT_EQ(in->info.source.address, kExternal);
  EXPECT_EQ(QuotedIn(*in)->destination, out->info.source);
}

TEST(NatIcmp, WhatIsDroppedOnItsWayInIsNoTrafficOfItsFlow) {
  NatConfig config = Nat();
  config.refresh.inbound = true;
  config.inside_mtu = 1000;
  NatHarness nat(config);
  const auto external = nat.Out(kInside, kRemote);
  const Endpoint tcp = nat.Connect(kInside, kRemote);
  const auto before = nat.engine.Mappings(nat.now);
  nat.Wait(1s);
  const std::vector<uint8_t> big(1200, 0);
  EXPECT_TRUE(nat.Send(Side::kOutside,
                       BuildUdp(kRemote, *external, kData, {.ttl = 1})));
  EXPECT_TRUE(nat.Send(Side::kOutside, BuildUdp(kRemote, *external, big,
                                                {.dont_fragment = true})));
  EXPECT_TRUE(
      nat.Send(Side::kOutside,
               BuildTcp(kRemote, tcp, {.flags = kTcpRst}, {}, {.ttl = 1})));
  const auto after = nat.engine.Mappings(nat.now);
  ASSERT_EQ(before.size(), after.size());
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(before[i].expires_at, after[i].expires_at);
  }
}

TEST(NatIcmp, AnUnsolicitedPacketWithoutHopsIsNotAnswered) {
  NatHarness nat(Nat());
  EXPECT_FALSE(nat.Send(Side::kOutside,
                        BuildUdp(kRemote, {kExternal, 9}, kData, {.ttl = 1})));
}

TEST(NatIcmp, AReplyThatNobodyAskedForDoesNotLeave) {
  NatHarness nat(Nat());
  EXPECT_FALSE(nat.Send(Side::kInside, Pong(kHost1, kServer1, 2003)));
  EXPECT_EQ(nat.engine.counters().dropped_unmapped, 1U);
  EXPECT_EQ(nat.engine.mapping_count(), 0U);
}

TEST(NatIcmp, TooBigWithDfTellsTheNextMtuRfc4787Req13) {
  NatConfig config = Nat();
  config.outside_mtu = 1400;
  NatHarness nat(config);
  const std::vector<uint8_t> payload(1380, 1);
  const auto got = nat.Send(Side::kInside, BuildUdp(kInside, kRemote, payload,
                                                    {.dont_fragment = true}));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->side, Side::kInside);
  EXPECT_EQ(got->info.icmp_type, 3);
  EXPECT_EQ(got->info.icmp_code, 4);
  EXPECT_EQ(got->bytes[26] << 8 | got->bytes[27], 1400);
  EXPECT_EQ(nat.engine.counters().dropped_mtu, 1U);
}

TEST(NatIcmp, TooBigWithoutDfIsCutInOrderRfc4787Req13a) {
  NatConfig config = Nat();
  config.outside_mtu = 576;
  NatHarness nat(config);
  const std::vector<uint8_t> payload(1400, 1);
  ASSERT_TRUE(
      nat.Send(Side::kInside, BuildUdp(kInside, kRemote, payload, {.id = 3})));
  ASSERT_EQ(nat.seen.size(), 3U);
  size_t expected = 0;
  for (const Seen& fragment : nat.seen) {
    EXPECT_EQ(fragment.side, Side::kOutside);
    EXPECT_LE(fragment.bytes.size(), 576U);
    EXPECT_EQ(fragment.info.source.address, kExternal);
    EXPECT_EQ(fragment.info.fragment_offset, expected);
    EXPECT_EQ(fragment.info.ttl, 63);
    expected += fragment.bytes.size() - 20;
  }
  EXPECT_EQ(expected, 1408U);
  EXPECT_EQ(nat.engine.counters().forwarded_out, 1U);
}

}  // namespace
}  // namespace natkit::netsim
