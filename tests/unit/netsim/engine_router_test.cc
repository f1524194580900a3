// Boxes that do less or other than NAPT, and what all boxes share: routers,
// firewalls, basic NAT, policies, exempt destinations, reboots, rotation.

#include <gtest/gtest.h>

#include <chrono>

#include "nat_engine_fixture.h"

namespace natkit::netsim {
namespace {

using namespace std::chrono_literals;

constexpr Endpoint kInside{kHost1, 5000};
constexpr Endpoint kRemote{kServer1, 80};
constexpr IpAddress kExternal2 = IpAddress::V4(198, 51, 100, 2);

NatConfig Router(Dependence filtering) {
  NatConfig config = TestNat();
  config.translation = Translation::kNone;
  config.filtering = filtering;
  return config;
}

TEST(NatRouter, WithoutTranslationAndFilterEverythingPassesStateless) {
  NatHarness nat(Router(Dependence::kEndpointIndependent));
  EXPECT_EQ(nat.Out(kInside, kRemote), kInside);
  EXPECT_EQ(nat.In({kServer2, 1}, {kHost2, 1}), (Endpoint{kHost2, 1}));
  EXPECT_TRUE(nat.TcpIn(kRemote, kInside, kTcpAck));
  EXPECT_TRUE(
      nat.Send(Side::kOutside,
               BuildEcho(kServer1, kHost1, EchoKind::kRequest, 1, 1, {})));
  EXPECT_EQ(nat.engine.session_count(), 0U);
}

TEST(NatRouter, AFirewallAdmitsOnlyWhatTheInsideAskedFor) {
  NatHarness nat(Router(Dependence::kAddressAndPortDependent));
  EXPECT_EQ(nat.In(kRemote, kInside), std::nullopt);
  EXPECT_EQ(nat.Out(kInside, kRemote), kInside);
  EXPECT_EQ(nat.In(kRemote, kInside), kInside);
  EXPECT_EQ(nat.In({kServer1, 81}, kInside), std::nullopt);
  EXPECT_FALSE(nat.TcpIn(kRemote, kInside, kTcpSyn));
  nat.Wait(120s);
  EXPECT_EQ(nat.In(kRemote, kInside), std::nullopt);
}

TEST(NatRouter, AFirewallPassesPingsAndErrorsOfItsFlowsOnly) {
  NatHarness nat(Router(Dependence::kAddressAndPortDependent));
  const auto ping = [](EchoKind kind, const IpAddress& from,
                       const IpAddress& to) {
    return BuildEcho(from, to, kind, 4, 1, {});
  };
  EXPECT_FALSE(
      nat.Send(Side::kOutside, ping(EchoKind::kRequest, kServer1, kHost1)));
  EXPECT_TRUE(
      nat.Send(Side::kInside, ping(EchoKind::kRequest, kHost1, kServer1)));
  EXPECT_TRUE(
      nat.Send(Side::kOutside, ping(EchoKind::kReply, kServer1, kHost1)));
  EXPECT_FALSE(
      nat.Send(Side::kOutside, ping(EchoKind::kReply, kServer2, kHost1)));
  const auto cause = BuildUdp(kInside, kRemote, {});
  const auto error = BuildIcmpError(kServer2, 3, 1, 0, cause);
  EXPECT_FALSE(nat.Send(Side::kOutside, error));
  EXPECT_TRUE(nat.Send(Side::kInside, cause));
  EXPECT_TRUE(nat.Send(Side::kOutside, error));
}

// 2001:db8:1::x inside, 2001:db8:2::x outside.
IpAddress V6(uint8_t network, uint8_t host) {
  return IpAddress::V6(
      {0x20, 0x01, 0x0d, 0xb8, 0, network, 0, 0, 0, 0, 0, 0, 0, 0, 0, host});
}

NatConfig Firewall6(Dependence filtering) {
  NatConfig config = TestNat();
  config.ipv6 = Ipv6Mode::kFirewall;
  config.filtering = filtering;
  config.inside_prefix6 = IpPrefix::Make(V6(1, 0), 64).value();
  config.inside_address6 = V6(1, 1);
  config.outside_address6 = V6(2, 1);
  return config;
}

TEST(NatFirewall6, AdmitsByTheFilterRfc6092) {
  const Endpoint inside{V6(1, 10), 5000};
  const Endpoint remote{V6(2, 20), 80};
  for (const auto filtering :
       {Dependence::kEndpointIndependent, Dependence::kAddressDependent,
        Dependence::kAddressAndPortDependent}) {
    NatHarness nat(Firewall6(filtering));
    const bool is_open = filtering == Dependence::kEndpointIndependent;
    EXPECT_EQ(nat.In(remote, inside).has_value(), is_open);
    EXPECT_EQ(nat.Out(inside, remote), inside);
    EXPECT_EQ(nat.In(remote, inside), inside);
    EXPECT_EQ(nat.In({V6(2, 20), 81}, inside).has_value(),
              filtering != Dependence::kAddressAndPortDependent);
    EXPECT_EQ(nat.In({V6(2, 21), 80}, inside).has_value(), is_open);
    nat.Wait(120s);
    EXPECT_EQ(nat.In(remote, inside).has_value(), is_open);
  }
}

TEST(NatFirewall6, PassesErrorsAboutItsFlowsAndReportsItsOwn) {
  const Endpoint inside{V6(1, 10), 5000};
  const Endpoint remote{V6(2, 20), 80};
  NatConfig config = Firewall6(Dependence::kAddressAndPortDependent);
  config.outside_mtu = 1300;
  NatHarness nat(config);
  const auto cause = BuildUdp(inside, remote, {});
  const auto error = BuildIcmpError(V6(2, 99), 1, 0, 0, cause);
  EXPECT_FALSE(nat.Send(Side::kOutside, error));
  EXPECT_TRUE(nat.Send(Side::kInside, cause));
  EXPECT_TRUE(nat.Send(Side::kOutside, error));
  const auto too_big = nat.Send(
      Side::kInside, BuildUdp(inside, remote, std::vector<uint8_t>(1400, 0)));
  ASSERT_TRUE(too_big);
  EXPECT_EQ(too_big->side, Side::kInside);
  EXPECT_EQ(too_big->info.source.address, V6(1, 1));
  EXPECT_EQ(too_big->info.icmp_type, 2);
}

TEST(NatFirewall6, IsAHostItself) {
  NatHarness nat(Firewall6(Dependence::kAddressAndPortDependent));
  EXPECT_TRUE(nat.Send(Side::kInside, BuildEcho(V6(1, 10), V6(1, 1),
                                                EchoKind::kRequest, 1, 1, {})));
}

NatConfig OneToOne(Dependence filtering) {
  NatConfig config = TestNat();
  config.translation = Translation::kOneToOne;
  config.filtering = filtering;
  config.external = {kExternal, kExternal2};
  config.hairpinning = Hairpinning::kExternalSource;
  return config;
}

TEST(NatOneToOne, TheIthHostOwnsTheIthAddressWithAllItsPorts) {
  NatHarness nat(OneToOne(Dependence::kEndpointIndependent));
  EXPECT_EQ(nat.Out({kHost2, 5000}, kRemote), (Endpoint{kExternal, 5000}));
  EXPECT_EQ(nat.Out({kHost1, 5000}, kRemote), (Endpoint{kExternal2, 5000}));
  EXPECT_EQ(nat.Out({IpAddress::V4(192, 168, 1, 77), 1}, kRemote),
            std::nullopt);
  nat.Wait(1000h);
  EXPECT_EQ(nat.In({kServer2, 9}, {kExternal2, 4321}),
            (Endpoint{kHost1, 4321}));
  const auto got = nat.Hairpin({kHost1, 1}, {kExternal, 2});
  ASSERT_TRUE(got);
  EXPECT_EQ(got->info.source, (Endpoint{kExternal2, 1}));
  EXPECT_EQ(got->info.destination, (Endpoint{kHost2, 2}));
}

TEST(NatOneToOne, AFilterMakesItStateful) {
  NatHarness nat(OneToOne(Dependence::kAddressAndPortDependent));
  EXPECT_EQ(nat.Out(kInside, kRemote), (Endpoint{kExternal, 5000}));
  EXPECT_EQ(nat.In(kRemote, {kExternal, 5000}), kInside);
  EXPECT_EQ(nat.In({kServer2, 1}, {kExternal, 5000}), std::nullopt);
}

TEST(NatOneToOne, PingsPassInBothDirections) {
  NatHarness nat(OneToOne(Dependence::kEndpointIndependent));
  EXPECT_TRUE(nat.Out(kInside, kRemote));
  const auto got =
      nat.Send(Side::kOutside,
               BuildEcho(kServer1, kExternal, EchoKind::kRequest, 4, 1, {}));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->side, Side::kInside);
  EXPECT_EQ(got->info.destination.address, kHost1);
  const auto reply = nat.Send(
      Side::kInside, BuildEcho(kHost1, kServer1, EchoKind::kReply, 4, 1, {}));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->info.source.address, kExternal);
  EXPECT_EQ(reply->info.icmp_id, 4);
}

TEST(NatPolicyRules, OnlyAllowedPortsGoOut) {
  NatConfig config = TestNat();
  config.policy.udp = false;
  config.policy.icmp = false;
  config.policy.tcp_ports = {443};
  NatHarness nat(config);
  EXPECT_EQ(nat.Out(kInside, kRemote), std::nullopt);
  EXPECT_FALSE(nat.TcpOut(kInside, kRemote, kTcpSyn));
  EXPECT_TRUE(nat.TcpOut(kInside, {kServer1, 443}, kTcpSyn));
  EXPECT_FALSE(
      nat.Send(Side::kInside,
               BuildEcho(kHost1, kServer1, EchoKind::kRequest, 1, 1, {})));
  EXPECT_EQ(nat.engine.counters().dropped_policy, 3U);
}

TEST(NatPolicyRules, ExemptDestinationsAreForwardedUntranslatedRfc6888Req6) {
  NatConfig config = TestNat();
  config.exempt = {IpPrefix::Parse("203.0.113.2/32").value()};
  NatHarness nat(config);
  EXPECT_EQ(nat.Out(kInside, {kServer2, 80}), kInside);
  EXPECT_EQ(nat.In({kServer2, 80}, kInside), kInside);
  EXPECT_EQ(nat.Out(kInside, kRemote)->address, kExternal);
  EXPECT_EQ(nat.In(kRemote, kInside), std::nullopt);
}

TEST(NatPolicyRules, BlockedUdpPassesNeitherWayUntilItIsUnblocked) {
  NatHarness nat(TestNat());
  const auto external = nat.Out(kInside, kRemote);
  nat.engine.SetUdpBlocked(true);
  EXPECT_EQ(nat.Out(kInside, kRemote), std::nullopt);
  EXPECT_EQ(nat.In(kRemote, *external), std::nullopt);
  EXPECT_TRUE(nat.TcpOut(kInside, kRemote, kTcpSyn));
  nat.engine.SetUdpBlocked(false);
  EXPECT_EQ(nat.In(kRemote, *external), kInside);
}

TEST(NatUnsolicited, RejectAnswersUdpWithPortUnreachable) {
  NatConfig config = TestNat();
  config.unsolicited = Unsolicited::kReject;
  NatHarness nat(config);
  const auto got =
      nat.Send(Side::kOutside, BuildUdp(kRemote, {kExternal, 4000}, {}));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->side, Side::kOutside);
  EXPECT_EQ(got->info.source.address, kExternal);
  EXPECT_EQ(got->info.icmp_type, 3);
  EXPECT_EQ(got->info.icmp_code, 3);
}

TEST(NatLife, ARebootLosesStateAndMayChangeTheAddress) {
  NatHarness nat(TestNat());
  const auto external = nat.Out(kInside, kRemote);
  nat.engine.Reboot(nat.now, kExternal2);
  EXPECT_EQ(nat.engine.external_address(), kExternal2);
  EXPECT_EQ(nat.engine.mapping_count(), 0U);
  EXPECT_EQ(nat.In(kRemote, *external), std::nullopt);
  EXPECT_EQ(nat.Out(kInside, kRemote)->address, kExternal2);
  EXPECT_EQ(nat.engine.counters().forwarded_out, 2U);
}

TEST(NatLife, AddressesRotateAndStateGoesWithThem) {
  NatConfig config = TestNat();
  config.external = {kExternal, kExternal2};
  config.address_lifetime = 10min;
  config.timeouts.udp_unreplied = 1h;
  NatHarness nat(config);
  EXPECT_EQ(nat.Out(kInside, kRemote)->address, kExternal);
  EXPECT_EQ(nat.engine.NextTimeout(), nat.now + 10min);
  nat.Wait(10min - 1ns);
  EXPECT_TRUE(nat.In(kRemote, {kExternal, 5000}));
  nat.Wait(1ns);
  nat.engine.HandleTimeout(nat.now);
  EXPECT_EQ(nat.engine.external_address(), kExternal2);
  EXPECT_FALSE(nat.In(kRemote, {kExternal, 5000}));
  EXPECT_EQ(nat.Out(kInside, kRemote)->address, kExternal2);
  nat.Wait(30min);  // three periods, late
  EXPECT_EQ(nat.Out(kInside, kRemote)->address, kExternal);
  EXPECT_EQ(nat.engine.NextTimeout(), nat.now + 10min);
}

TEST(NatLife, MalformedPacketsAreCountedAndDropped) {
  NatHarness nat(TestNat());
  auto cut = BuildTcp(kInside, kRemote, {.flags = kTcpSyn}, {});
  cut.resize(30);
  cut[3] = 30;
  uint32_t sum = 0;
  cut[10] = cut[11] = 0;
  sum = InternetChecksum(ByteView(cut).first(20));
  cut[10] = static_cast<uint8_t>(sum >> 8);
  cut[11] = static_cast<uint8_t>(sum);
  EXPECT_FALSE(nat.Send(Side::kInside, cut));
  EXPECT_FALSE(nat.Send(Side::kInside, {}));
  EXPECT_FALSE(nat.Send(Side::kInside, {0x45, 0, 0, 20}));
  EXPECT_FALSE(nat.Send(
      Side::kInside, BuildUdp({IpAddress::V4(127, 0, 0, 1), 1}, kRemote, {})));
  EXPECT_FALSE(
      nat.Send(Side::kOutside, BuildUdp({kExternal, 1}, {kExternal, 2}, {})));
  EXPECT_EQ(nat.engine.counters().dropped_malformed, 5U);
}

TEST(NatLife, AMulticastPacketGoesNowhere) {
  NatHarness nat(TestNat());
  EXPECT_FALSE(nat.Send(
      Side::kInside,
      BuildUdp(kInside, {IpAddress::V4(239, 255, 255, 250), 1900}, {})));
  EXPECT_EQ(nat.engine.mapping_count(), 0U);
}

}  // namespace
}  // namespace natkit::netsim
