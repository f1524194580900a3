// Hairpinning: RFC 4787 section 6, RFC 5382 REQ-8.

#include <gtest/gtest.h>

#include "nat_engine_fixture.h"

namespace natkit::netsim {
namespace {

constexpr Endpoint kInside1{kHost1, 5000};
constexpr Endpoint kInside2{kHost2, 6000};
constexpr Endpoint kRemote{kServer1, 80};

NatConfig With(Hairpinning hairpinning, Dependence filtering) {
  NatConfig config = TestNat();
  config.hairpinning = hairpinning;
  config.filtering = filtering;
  return config;
}

TEST(NatHairpin, ExternalSourceShowsTheSendersMappingRfc4787Req9a) {
  NatHarness nat(
      With(Hairpinning::kExternalSource, Dependence::kEndpointIndependent));
  const auto external2 = nat.Out(kInside2, kRemote);
  const auto got = nat.Hairpin(kInside1, *external2);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->info.destination, kInside2);
  EXPECT_EQ(got->info.source, (Endpoint{kExternal, 5000}));
  EXPECT_EQ(nat.engine.counters().hairpinned, 1U);
  // And back.
  const auto reply = nat.Hairpin(kInside2, got->info.source);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->info.source, *external2);
  EXPECT_EQ(reply->info.destination, kInside1);
}

TEST(NatHairpin, InternalSourceShowsTheSenderItself) {
  NatHarness nat(
      With(Hairpinning::kInternalSource, Dependence::kEndpointIndependent));
  const auto external2 = nat.Out(kInside2, kRemote);
  const auto got = nat.Hairpin(kInside1, *external2);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->info.source, kInside1);
  EXPECT_EQ(got->info.destination, kInside2);
}

TEST(NatHairpin, WithoutItNothingArrives) {
  NatHarness nat(With(Hairpinning::kNone, Dependence::kEndpointIndependent));
  const auto external2 = nat.Out(kInside2, kRemote);
  EXPECT_FALSE(nat.Hairpin(kInside1, *external2));
  EXPECT_EQ(nat.engine.counters().dropped_unmapped, 1U);
}

TEST(NatHairpin, FiltersApplyAndOpenByOwnPackets) {
  NatHarness nat(
      With(Hairpinning::kExternalSource, Dependence::kAddressAndPortDependent));
  const auto external1 = nat.Out(kInside1, kRemote);
  const auto external2 = nat.Out(kInside2, kRemote);
  EXPECT_FALSE(nat.Hairpin(kInside2, *external1));  // opens its own filter
  EXPECT_EQ(nat.engine.counters().dropped_filtered, 1U);
  EXPECT_TRUE(nat.Hairpin(kInside1, *external2));
  EXPECT_TRUE(nat.Hairpin(kInside2, *external1));
}

TEST(NatHairpin, AHostReachesItself) {
  NatHarness nat(
      With(Hairpinning::kExternalSource, Dependence::kEndpointIndependent));
  const auto external = nat.Out(kInside1, kRemote);
  const auto got = nat.Hairpin(kInside1, *external);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->info.source, *external);
  EXPECT_EQ(got->info.destination, kInside1);
}

TEST(NatHairpin, TcpConnectsToAForwardRfc5382Req8) {
  NatConfig config =
      With(Hairpinning::kExternalSource, Dependence::kAddressAndPortDependent);
  config.forwards = {
      {.protocol = 6, .external_port = 443, .inside = {kHost2, 8443}}};
  NatHarness nat(config);
  const auto send = [&](const Endpoint& from, const Endpoint& to,
                        uint8_t flags) {
    return nat.Send(Side::kInside, BuildTcp(from, to, {.flags = flags}, {}));
  };
  const Endpoint server{kHost2, 8443};
  const Endpoint service{kExternal, 443};
  const auto syn = send(kInside1, service, kTcpSyn);
  ASSERT_TRUE(syn);
  EXPECT_EQ(syn->side, Side::kInside);
  EXPECT_EQ(syn->info.destination, server);
  const auto answer = send(server, syn->info.source, kTcpSyn | kTcpAck);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->info.source, service);
  EXPECT_EQ(answer->info.destination, kInside1);
  EXPECT_TRUE(send(kInside1, service, kTcpAck));
}

}  // namespace
}  // namespace natkit::netsim
