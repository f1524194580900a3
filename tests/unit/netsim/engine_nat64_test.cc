// NAT64 in the engine: RFC 6146.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <vector>

#include "nat_engine_fixture.h"

namespace natkit::netsim {
namespace {

using namespace std::chrono_literals;

IpAddress Ip(std::string_view text) {
  return *IpAddress::Parse(text);
}

const IpAddress kBox6 = Ip("2001:db8:1::1");
const IpAddress kPhone = Ip("2001:db8:1::10");
const IpAddress kPhone2 = Ip("2001:db8:1::11");
const IpAddress kServer6 = Ip("64:ff9b::203.0.113.1");
const IpAddress kOther6 = Ip("64:ff9b::203.0.113.2");
const IpAddress kExternal6 = Ip("64:ff9b::198.51.100.1");
const Endpoint kInside{kPhone, 5000};
const Endpoint kRemote{kServer1, 80};
const Endpoint kRemote6{kServer6, 80};

NatConfig Nat64() {
  NatConfig config = TestNat();
  config.translation = Translation::kNat64;
  config.filtering = Dependence::kAddressDependent;
  config.hairpinning = Hairpinning::kExternalSource;
  config.nat64_prefix = *IpPrefix::Parse("64:ff9b::/96");
  config.inside_address6 = kBox6;
  config.inside_prefix6 = *IpPrefix::Parse("2001:db8:1::/64");
  return config;
}

std::optional<PacketInfo> QuotedIn(const Seen& seen) {
  return ParseQuotedPacket(
      ByteView(seen.bytes).subspan(seen.info.transport_offset + 8));
}

/// The word after the checksum of an ICMP message.
uint32_t RestOf(const Seen& seen) {
  const uint8_t* at = seen.bytes.data() + seen.info.transport_offset + 4;
  return static_cast<uint32_t>(at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3]);
}

TEST(Nat64, UdpGoesOutAndTheAnswerComesBack) {
  NatHarness nat(Nat64());
  const auto external = nat.Out(kInside, kRemote6);
  EXPECT_EQ(external, (Endpoint{kExternal, 5000}));
  EXPECT_EQ(nat.seen.back().info.destination, kRemote);
  EXPECT_EQ(nat.seen.back().info.ttl, 63);
  EXPECT_EQ(nat.In(kRemote, *external), kInside);
  EXPECT_EQ(nat.seen.back().info.source, kRemote6);
  EXPECT_EQ(nat.seen.back().info.ttl, 63);
  EXPECT_EQ(nat.engine.counters().forwarded_out, 1U);
  EXPECT_EQ(nat.engine.counters().forwarded_in, 1U);
}

TEST(Nat64, MapsAndFiltersAsConfigured) {
  NatHarness nat(Nat64());
  const auto external = nat.Out(kInside, kRemote6);
  EXPECT_EQ(nat.Out(kInside, {kOther6, 1}), external);
  EXPECT_NE(nat.Out({kPhone2, 5000}, kRemote6), external);
  EXPECT_EQ(nat.In({kServer1, 81}, *external), kInside);
  EXPECT_EQ(nat.In({Ip("203.0.113.3"), 80}, *external), std::nullopt);
  EXPECT_EQ(nat.In(kRemote, {kExternal, 999}), std::nullopt);
  nat.Wait(120s);
  EXPECT_EQ(nat.In(kRemote, *external), std::nullopt);
}

TEST(Nat64, TcpConnects) {
  NatHarness nat(Nat64());
  const auto external = nat.TcpOut(kInside, kRemote6, kTcpSyn);
  ASSERT_TRUE(external);
  EXPECT_EQ(nat.TcpIn(kRemote, *external, kTcpSyn | kTcpAck), kInside);
  EXPECT_EQ(nat.TcpOut(kInside, kRemote6, kTcpAck), external);
  EXPECT_EQ(nat.TcpOut(kInside, {kOther6, 80}, kTcpAck), std::nullopt);
  nat.Wait(2h);
  EXPECT_EQ(nat.TcpIn(kRemote, *external, kTcpAck), kInside);
}

TEST(Nat64, PingsAcrossAndOfTheBoxItself) {
  NatHarness nat(Nat64());
  const auto ping = [](const IpAddress& from, const IpAddress& to) {
    return BuildEcho(from, to, EchoKind::kRequest, 7, 1, {});
  };
  const auto out = nat.Send(Side::kInside, ping(kPhone, kServer6));
  ASSERT_TRUE(out && out->info.is_v4());
  EXPECT_EQ(out->info.icmp_type, 8);
  const auto in =
      nat.Send(Side::kOutside, BuildEcho(kServer1, kExternal, EchoKind::kReply,
                                         out->info.icmp_id, 1, {}));
  ASSERT_TRUE(in && in->side == Side::kInside);
  EXPECT_EQ(in->info.icmp_type, 129);
  EXPECT_EQ(in->info.destination, (Endpoint{kPhone, 7}));
  for (const IpAddress& own : {kBox6, kExternal6}) {
    const auto pong = nat.Send(Side::kInside, ping(kPhone, own));
    ASSERT_TRUE(pong && pong->side == Side::kInside);
    EXPECT_EQ(pong->info.source.address, own);
  }
  const auto pong = nat.Send(Side::kOutside, ping(kServer1, kExternal));
  ASSERT_TRUE(pong && pong->side == Side::kOutside);
}

TEST(Nat64, WhatIsNotForThePrefixIsDropped) {
  NatHarness nat(Nat64());
  EXPECT_EQ(nat.Out(kInside, {Ip("2001:db8:2::1"), 80}), std::nullopt);
  EXPECT_EQ(nat.Out({kHost1, 1}, kRemote), std::nullopt);
  EXPECT_EQ(nat.In({Ip("2001:db8:2::1"), 80}, kInside), std::nullopt);
  EXPECT_EQ(nat.engine.counters().dropped_policy, 3U);
  EXPECT_EQ(nat.Out({kServer6, 1}, kRemote6), std::nullopt);  // would loop
  EXPECT_EQ(nat.Out(kInside, {Ip("64:ff9b::127.0.0.1"), 80}), std::nullopt);
  EXPECT_EQ(nat.Out(kInside, {Ip("64:ff9b::224.0.0.1"), 80}), std::nullopt);
  EXPECT_EQ(nat.engine.counters().dropped_malformed, 3U);
  EXPECT_EQ(nat.engine.mapping_count(), 0U);
}

TEST(Nat64, HairpinShowsTheExternalSource) {
  NatHarness nat(Nat64());
  const auto first = nat.Out(kInside, kRemote6);
  const auto second = nat.Out({kPhone2, 6000}, kRemote6);
  const Endpoint to_first{kExternal6, first->port};
  const Endpoint to_second{kExternal6, second->port};
  EXPECT_FALSE(nat.Hairpin(kInside, to_second));  // the filter
  const auto got = nat.Hairpin({kPhone2, 6000}, to_first);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->info.source, to_second);
  EXPECT_EQ(got->info.destination, kInside);
  EXPECT_EQ(nat.engine.counters().hairpinned, 1U);
  // The receiver reports an error about it.
  const auto error =
      nat.Send(Side::kInside, BuildIcmpError(kPhone, 1, 4, 0, got->bytes));
  ASSERT_TRUE(error && error->side == Side::kInside);
  EXPECT_EQ(error->info.source.address, kExternal6);
  EXPECT_EQ(error->info.destination.address, kPhone2);
  EXPECT_EQ(QuotedIn(*error)->source, (Endpoint{kPhone2, 6000}));
  EXPECT_EQ(QuotedIn(*error)->destination, to_first);
}

TEST(Nat64, HairpinAsConfigured) {
  NatConfig config = Nat64();
  config.filtering = Dependence::kEndpointIndependent;
  config.hairpinning = Hairpinning::kInternalSource;
  NatHarness internal(config);
  const auto first = internal.Out(kInside, kRemote6);
  const Endpoint target{kExternal6, first->port};
  const auto got = internal.Hairpin({kPhone2, 6000}, target);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->info.source, (Endpoint{kPhone2, 6000}));
  config.hairpinning = Hairpinning::kNone;
  NatHarness none(config);
  (void)none.Out(kInside, kRemote6);
  EXPECT_FALSE(none.Hairpin({kPhone2, 6000}, target));
}

TEST(Nat64, ErrorsFromOutsideReachTheSender) {
  NatHarness nat(Nat64());
  const auto out = nat.Send(Side::kInside, BuildUdp(kInside, kRemote6, {}));
  const auto error =
      BuildIcmpError(Ip("203.0.113.254"), 3, 4, 1400, out->bytes);
  const auto in = nat.Send(Side::kOutside, error);
  ASSERT_TRUE(in && in->side == Side::kInside);
  EXPECT_EQ(in->info.icmp_type, 2);
  EXPECT_EQ(RestOf(*in), 1420U);
  EXPECT_EQ(in->info.source.address, Ip("64:ff9b::203.0.113.254"));
  EXPECT_EQ(in->info.destination.address, kPhone);
  EXPECT_EQ(QuotedIn(*in)->source, kInside);
  EXPECT_EQ(QuotedIn(*in)->destination, kRemote6);
  nat.Wait(120s);
  EXPECT_FALSE(nat.Send(Side::kOutside, error));  // the mapping is gone
}

TEST(Nat64, ErrorsFromInsideReachTheSenderAndHideTheRouter) {
  NatHarness nat(Nat64());
  const auto external = nat.Out(kInside, kRemote6);
  (void)nat.In(kRemote, *external);
  const auto cause = nat.seen.back().bytes;
  const auto out = nat.Send(
      Side::kInside, BuildIcmpError(Ip("2001:db8:1::fe"), 2, 0, 1400, cause));
  ASSERT_TRUE(out && out->side == Side::kOutside);
  EXPECT_EQ(out->info.icmp_type, 3);
  EXPECT_EQ(out->info.icmp_code, 4);
  EXPECT_EQ(RestOf(*out), 1380U);
  EXPECT_EQ(out->info.source.address, kExternal);
  EXPECT_EQ(out->info.destination.address, kServer1);
  EXPECT_EQ(QuotedIn(*out)->source, kRemote);
  EXPECT_EQ(QuotedIn(*out)->destination, *external);
}

TEST(Nat64, HopLimitsEndAtTheBox) {
  NatHarness nat(Nat64());
  const auto six =
      nat.Send(Side::kInside, BuildUdp(kInside, kRemote6, {}, {.ttl = 1}));
  ASSERT_TRUE(six && six->side == Side::kInside);
  EXPECT_EQ(six->info.icmp_type, 3);
  EXPECT_EQ(six->info.source.address, kBox6);
  EXPECT_EQ(nat.engine.mapping_count(), 0U);
  const auto external = nat.Out(kInside, kRemote6);
  const auto four =
      nat.Send(Side::kOutside, BuildUdp(kRemote, *external, {}, {.ttl = 1}));
  ASSERT_TRUE(four && four->side == Side::kOutside);
  EXPECT_EQ(four->info.icmp_type, 11);
  EXPECT_EQ(four->info.source.address, kExternal);
}

TEST(Nat64, WhatIsTooLongIsReportedInTheSendersTerms) {
  NatConfig config = Nat64();
  config.outside_mtu = 1400;
  NatHarness nat(config);
  const std::vector<uint8_t> payload(1400, 1);
  const auto six =
      nat.Send(Side::kInside, BuildUdp(kInside, kRemote6, payload));
  ASSERT_TRUE(six && six->info.icmp_type == 2);
  EXPECT_EQ(RestOf(*six), 1420U);
  const auto external = nat.Out(kInside, kRemote6);
  const std::vector<uint8_t> full(1472, 1);  // 1500 bytes over IPv4
  const auto four = nat.Send(Side::kOutside, BuildUdp(kRemote, *external, full,
                                                      {.dont_fragment = true}));
  ASSERT_TRUE(four && four->side == Side::kOutside);
  EXPECT_EQ(four->info.icmp_type, 3);
  EXPECT_EQ(four->info.icmp_code, 4);
  EXPECT_EQ(RestOf(*four), 1480U);
  // Without DF it is cut to what every IPv6 link takes.
  nat.seen.clear();
  (void)nat.Send(Side::kOutside, BuildUdp(kRemote, *external, full));
  ASSERT_EQ(nat.seen.size(), 2U);
  EXPECT_LE(nat.seen[0].bytes.size(), 1280U);
  EXPECT_TRUE(nat.seen[1].info.is_fragment);
  EXPECT_EQ(nat.seen[0].info.destination, kInside);
}

TEST(Nat64, FragmentsPassInAnyOrderBothWays) {
  NatHarness nat(Nat64());
  const std::vector<uint8_t> payload(2500, 7);
  const auto external = nat.Out(kInside, kRemote6);
  auto out = FragmentPacket(BuildUdp(kInside, kRemote6, payload), 1280, 9);
  auto in = FragmentPacket(BuildUdp(kRemote, *external, payload), 600, 0);
  std::ranges::reverse(out);
  std::ranges::reverse(in);
  const auto send = [&nat](Side from, const auto& packets) {
    nat.seen.clear();
    for (const auto& packet : packets) {
      (void)nat.Send(from, packet);
    }
    ASSERT_EQ(nat.seen.size(), packets.size());
    EXPECT_EQ(nat.seen[0].info.fragment_offset, 0);
    for (const Seen& seen : nat.seen) {
      EXPECT_NE(seen.side, from);
      EXPECT_TRUE(seen.info.is_fragment);
      EXPECT_EQ(seen.info.fragment_id, nat.seen[0].info.fragment_id);
      EXPECT_EQ(seen.info.source.address, nat.seen[0].info.source.address);
      EXPECT_EQ(seen.info.destination.address,
                nat.seen[0].info.destination.address);
    }
  };
  send(Side::kInside, out);
  EXPECT_EQ(nat.seen[0].info.destination, kRemote);
  send(Side::kOutside, in);
  EXPECT_EQ(nat.seen[0].info.destination, kInside);
}

TEST(Nat64, UdpChecksumsOfZero) {
  NatHarness nat(Nat64());
  const auto external = nat.Out(kInside, kRemote6);
  const uint8_t payload[] = {'x'};
  auto four = BuildUdp(kRemote, *external, payload);
  four[26] = four[27] = 0;
  const auto in = nat.Send(Side::kOutside, four);
  ASSERT_TRUE(in);  // the harness has looked at the checksum
  EXPECT_EQ(in->info.destination, kInside);
  auto six = BuildUdp(kInside, kRemote6, payload);
  six[46] = six[47] = 0;
  EXPECT_FALSE(nat.Send(Side::kInside, six));
  EXPECT_EQ(nat.engine.counters().dropped_malformed, 1U);
}

TEST(Nat64, FullTellsTheHostInItsOwnLanguage) {
  NatConfig config = Nat64();
  config.limits.max_mappings = 1;
  config.limits.when_full = WhenFull::kIcmp;
  NatHarness nat(config);
  (void)nat.Out(kInside, kRemote6);
  const auto error =
      nat.Send(Side::kInside, BuildUdp({kPhone2, 1}, kRemote6, {}));
  ASSERT_TRUE(error && error->side == Side::kInside);
  EXPECT_EQ(error->info.icmp_type, 1);
  EXPECT_EQ(error->info.icmp_code, 1);
}

TEST(Nat64, ForwardsLeadToIpv6Hosts) {
  NatConfig config = Nat64();
  config.forwards = {
      {.protocol = 17, .external_port = 9000, .inside = {kPhone, 90}}};
  NatHarness nat(config);
  EXPECT_EQ(nat.In(kRemote, {kExternal, 9000}), (Endpoint{kPhone, 90}));
  EXPECT_EQ(nat.Out({kPhone, 90}, kRemote6), (Endpoint{kExternal, 9000}));
  const auto leased = nat.engine.AddForward(
      nat.now, {.inside = {kPhone2, 91}, .lifetime = 60s});
  ASSERT_TRUE(leased);
  EXPECT_EQ(leased->address, kExternal);
  EXPECT_EQ(nat.In(kRemote, *leased), (Endpoint{kPhone2, 91}));
}

}  // namespace
}  // namespace natkit::netsim
