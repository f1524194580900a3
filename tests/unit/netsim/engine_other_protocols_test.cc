// Protocols without ports under NAPT: GRE, ESP and the rest.

#include <gtest/gtest.h>

#include <chrono>

#include "nat_engine_fixture.h"

namespace natkit::netsim {
namespace {

using namespace std::chrono_literals;

constexpr uint8_t kGre = 47;
constexpr uint8_t kEsp = 50;

NatConfig TranslatingNat() {
  NatConfig config = TestNat();
  config.other_protocols = OtherProtocols::kTranslateAddress;
  config.timeouts.other = 600s;
  return config;
}

std::vector<uint8_t> Packet(uint8_t protocol, const IpAddress& from,
                            const IpAddress& to, size_t size = 20) {
  const std::vector<uint8_t> payload(size, 0x5a);
  auto packet = BuildUdp({from, 0x2000}, {to, 0x88be}, payload);
  packet[9] = protocol;
  FixChecksums(packet);
  return packet;
}

/// The source that the outside sees.
std::optional<IpAddress> Out(NatHarness& nat, uint8_t protocol,
                             const IpAddress& from, const IpAddress& to) {
  const auto got = nat.Send(Side::kInside, Packet(protocol, from, to));
  return got && got->side == Side::kOutside
             ? std::optional(got->info.source.address)
             : std::nullopt;
}

/// The inside host that it reaches.
std::optional<IpAddress> In(NatHarness& nat, uint8_t protocol,
                            const IpAddress& from,
                            const IpAddress& to = kExternal) {
  const auto got = nat.Send(Side::kOutside, Packet(protocol, from, to));
  return got && got->side == Side::kInside
             ? std::optional(got->info.destination.address)
             : std::nullopt;
}

TEST(NatOtherProtocols, AreDroppedByDefault) {
  NatHarness nat(TestNat());
  EXPECT_FALSE(Out(nat, kGre, kHost1, kServer1));
  EXPECT_FALSE(In(nat, kGre, kServer1));
  EXPECT_EQ(nat.engine.counters().dropped_policy, 2U);
  EXPECT_EQ(nat.engine.mapping_count(), 0U);
}

TEST(NatOtherProtocols, OnlyAddressesAreExchanged) {
  NatHarness nat(TranslatingNat());
  const auto sent = Packet(kGre, kHost1, kServer1);
  const auto got = nat.Send(Side::kInside, sent);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->info.source.address, kExternal);
  EXPECT_EQ(got->info.destination.address, kServer1);
  EXPECT_TRUE(std::equal(sent.begin() + 20, sent.end(), got->bytes.begin() + 20,
                         got->bytes.end()));
  EXPECT_EQ(In(nat, kGre, kServer1), kHost1);
  EXPECT_EQ(nat.engine.mapping_count(), 1U);
  EXPECT_EQ(nat.engine.session_count(), 1U);
}

TEST(NatOtherProtocols, TheRemoteAddressIsFilteredWhateverTheFilter) {
  for (const auto filtering :
       {Dependence::kEndpointIndependent, Dependence::kAddressDependent,
        Dependence::kAddressAndPortDependent}) {
    NatConfig config = TranslatingNat();
    config.filtering = filtering;
    NatHarness nat(config);
    EXPECT_FALSE(In(nat, kEsp, kServer1));
    EXPECT_EQ(nat.engine.counters().dropped_unmapped, 1U);
    EXPECT_EQ(Out(nat, kEsp, kHost1, kServer1), kExternal);
    EXPECT_FALSE(In(nat, kEsp, kServer2));
    EXPECT_FALSE(In(nat, kGre, kServer1));
    EXPECT_EQ(nat.engine.counters().dropped_filtered, 1U);
    EXPECT_EQ(nat.engine.counters().dropped_unmapped, 2U);
    EXPECT_EQ(In(nat, kEsp, kServer1), kHost1);
  }
}

TEST(NatOtherProtocols, OneHostPerProtocolAndRemoteAddress) {
  NatHarness nat(TranslatingNat());
  EXPECT_EQ(Out(nat, kEsp, kHost1, kServer1), kExternal);
  EXPECT_FALSE(Out(nat, kEsp, kHost2, kServer1));
  EXPECT_EQ(nat.engine.counters().dropped_full, 1U);
  EXPECT_EQ(Out(nat, kEsp, kHost2, kServer2), kExternal);
  EXPECT_EQ(Out(nat, kGre, kHost2, kServer1), kExternal);
  EXPECT_EQ(In(nat, kEsp, kServer1), kHost1);
  EXPECT_EQ(In(nat, kEsp, kServer2), kHost2);
  EXPECT_EQ(In(nat, kGre, kServer1), kHost2);
}

TEST(NatOtherProtocols, ASecondExternalAddressServesASecondHost) {
  constexpr IpAddress kSecond = IpAddress::V4(198, 51, 100, 2);
  NatConfig config = TranslatingNat();
  config.external.push_back(kSecond);
  config.pooling = Pooling::kArbitrary;
  NatHarness nat(config);
  const auto first = Out(nat, kEsp, kHost1, kServer1);
  const auto second = Out(nat, kEsp, kHost2, kServer1);
  ASSERT_TRUE(first && second);
  EXPECT_NE(first, second);
  EXPECT_EQ(In(nat, kEsp, kServer1, *first), kHost1);
  EXPECT_EQ(In(nat, kEsp, kServer1, *second), kHost2);
}

TEST(NatOtherProtocols, FlowsEndOnTheTickInBothScopes) {
  for (const auto scope : {TimerScope::kMapping, TimerScope::kSession}) {
    NatConfig config = TranslatingNat();
    config.timer_scope = scope;
    NatHarness nat(config);
    EXPECT_TRUE(Out(nat, kEsp, kHost1, kServer1));
    EXPECT_EQ(nat.engine.NextTimeout(), nat.now + 600s);
    nat.Wait(600s - 1ns);
    EXPECT_EQ(In(nat, kEsp, kServer1), kHost1);
    nat.Wait(1ns);
    EXPECT_FALSE(In(nat, kEsp, kServer1));
    EXPECT_EQ(Out(nat, kEsp, kHost2, kServer1), kExternal);
  }
}

TEST(NatOtherProtocols, WithoutALifetimeOfTheirOwnTheyHaveThatOfUdp) {
  NatConfig config = TranslatingNat();
  config.timeouts.other = 0s;
  NatHarness nat(config);
  EXPECT_TRUE(Out(nat, kEsp, kHost1, kServer1));
  nat.Wait(120s);
  EXPECT_FALSE(In(nat, kEsp, kServer1));
}

TEST(NatOtherProtocols, AnErrorAboutOneReachesItsSender) {
  NatHarness nat(TranslatingNat());
  const auto got = nat.Send(Side::kInside, Packet(kEsp, kHost1, kServer1));
  ASSERT_TRUE(got);
  // Path MTU discovery of a tunnel.
  const auto error = nat.Send(Side::kOutside,
                              BuildIcmpError(kServer2, 3, 4, 1400, got->bytes));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->info.destination.address, kHost1);
  const auto quoted = ParseQuotedPacket(ByteView(error->bytes).subspan(28));
  ASSERT_TRUE(quoted);
  EXPECT_EQ(quoted->source.address, kHost1);
  EXPECT_EQ(InternetChecksum(ByteView(error->bytes).subspan(28, 20)), 0);
}

TEST(NatOtherProtocols, FragmentsFollowTheFirst) {
  NatHarness nat(TranslatingNat());
  for (auto& fragment :
       FragmentPacket(Packet(kGre, kHost1, kServer1, 2500), 1000, 0)) {
    nat.Send(Side::kInside, std::move(fragment));
  }
  ASSERT_EQ(nat.seen.size(), 3U);
  for (const Seen& seen : nat.seen) {
    EXPECT_EQ(seen.info.source.address, kExternal);
    EXPECT_EQ(seen.info.fragment_id, nat.seen[0].info.fragment_id);
  }
}

TEST(NatOtherProtocols, NobodyIsMeantByAHairpin) {
  NatConfig config = TranslatingNat();
  config.hairpinning = Hairpinning::kExternalSource;
  NatHarness nat(config);
  EXPECT_FALSE(nat.Send(Side::kInside, Packet(kGre, kHost1, kExternal)));
  EXPECT_EQ(nat.engine.mapping_count(), 0U);
  EXPECT_EQ(nat.engine.counters().dropped_unmapped, 1U);
}

TEST(NatOtherProtocols, BelowAFirewallTheLifetimeHoldsToo) {
  NatConfig config = TranslatingNat();
  config.translation = Translation::kNone;
  NatHarness nat(config);
  EXPECT_EQ(Out(nat, kEsp, kHost1, kServer1), kHost1);
  EXPECT_EQ(Out(nat, kEsp, kHost2, kServer1), kHost2);
  nat.Wait(600s - 1ns);
  EXPECT_EQ(In(nat, kEsp, kServer1, kHost1), kHost1);
  nat.Wait(1ns);
  EXPECT_FALSE(In(nat, kEsp, kServer1, kHost1));
}

}  // namespace
}  // namespace natkit::netsim
