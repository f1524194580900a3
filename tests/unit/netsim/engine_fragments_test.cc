// Fragments: RFC 4787 section 11, RFC 7857 section 10.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "nat_engine_fixture.h"

namespace natkit::netsim {
namespace {

using namespace std::chrono_literals;
using Packets = std::vector<std::vector<uint8_t>>;

constexpr Endpoint kInside{kHost1, 5000};
constexpr Endpoint kRemote{kServer1, 80};

Packets Fragments(const Endpoint& from, const Endpoint& to, uint16_t id) {
  return FragmentPacket(
      BuildUdp(from, to, std::vector<uint8_t>(2500, 7), {.id = id}), 600, 0);
}

Packets Reversed(Packets packets) {
  std::ranges::reverse(packets);
  return packets;
}

NatConfig With(FragmentMode mode) {
  NatConfig config = TestNat();
  config.fragments = mode;
  config.filtering = Dependence::kEndpointIndependent;
  return config;
}

/// Puts together what was seen; empty if a byte is missing.
std::vector<uint8_t> Reassemble(const std::vector<Seen>& seen) {
  std::vector<uint8_t> payload(2508, 0);
  size_t have = 0;
  for (const Seen& fragment : seen) {
    EXPECT_EQ(fragment.info.fragment_id, seen[0].info.fragment_id);
    EXPECT_EQ(fragment.info.source.address, seen[0].info.source.address);
    EXPECT_EQ(fragment.info.destination.address,
              seen[0].info.destination.address);
    std::copy(fragment.bytes.begin() + 20, fragment.bytes.end(),
              payload.begin() + fragment.info.fragment_offset);
    have += fragment.bytes.size() - 20;
  }
  if (have != payload.size()) {
    return {};
  }
  std::vector<uint8_t> packet(seen[0].bytes.begin(),
                              seen[0].bytes.begin() + 20);
  packet.insert(packet.end(), payload.begin(), payload.end());
  packet[2] = static_cast<uint8_t>(packet.size() >> 8);
  packet[3] = static_cast<uint8_t>(packet.size());
  packet[6] = packet[7] = 0;
  const uint8_t checksum[] = {packet[26], packet[27]};
  FixChecksums(packet);
  EXPECT_EQ(packet[26], checksum[0]);  // what the NAT made of it was right
  EXPECT_EQ(packet[27], checksum[1]);
  return packet;
}

void SendAll(NatHarness& nat, Side from, const Packets& packets) {
  nat.seen.clear();
  for (const auto& packet : packets) {
    (void)nat.Send(from, packet);
  }
}

TEST(NatFragments, PassInOrderBothWaysRfc4787Req14) {
  for (const auto mode : {FragmentMode::kOutOfOrder, FragmentMode::kInOrder}) {
    NatHarness nat(With(mode));
    SendAll(nat, Side::kInside, Fragments(kInside, kRemote, 9));
    const auto out = Reassemble(nat.seen);
    ASSERT_FALSE(out.empty());
    const Endpoint external = ParsePacket(out)->source;
    EXPECT_EQ(external.address, kExternal);
    SendAll(nat, Side::kOutside, Fragments(kRemote, external, 9));
    const auto in = Reassemble(nat.seen);
    ASSERT_FALSE(in.empty());
    EXPECT_EQ(ParsePacket(in)->destination, kInside);
  }
}

TEST(NatFragments, PassReversedWhereConfigured) {
  NatHarness nat(With(FragmentMode::kOutOfOrder));
  const auto external = nat.Out(kInside, kRemote);
  SendAll(nat, Side::kOutside, Reversed(Fragments(kRemote, *external, 9)));
  ASSERT_EQ(nat.seen.size(), 5U);
  EXPECT_EQ(nat.seen[0].info.fragment_offset, 0);  // the first comes first
  EXPECT_FALSE(Reassemble(nat.seen).empty());
  SendAll(nat, Side::kInside, Reversed(Fragments(kInside, kRemote, 9)));
  EXPECT_FALSE(Reassemble(nat.seen).empty());
}

TEST(NatFragments, InOrderModeDropsWhatComesBeforeTheFirst) {
  NatHarness nat(With(FragmentMode::kInOrder));
  const auto external = nat.Out(kInside, kRemote);
  SendAll(nat, Side::kOutside, Reversed(Fragments(kRemote, *external, 9)));
  EXPECT_EQ(nat.seen.size(), 1U);
  EXPECT_EQ(nat.engine.counters().dropped_fragment, 4U);
}

TEST(NatFragments, DropModeDropsThemAll) {
  NatHarness nat(With(FragmentMode::kDrop));
  SendAll(nat, Side::kInside, Fragments(kInside, kRemote, 9));
  EXPECT_TRUE(nat.seen.empty());
  EXPECT_EQ(nat.engine.counters().dropped_fragment, 5U);
  EXPECT_EQ(nat.engine.mapping_count(), 0U);
}

TEST(NatFragments, EqualIdsOfTwoHostsDoNotMixRfc7857Section10) {
  NatHarness nat(With(FragmentMode::kOutOfOrder));
  const auto first = Fragments({kHost1, 1}, kRemote, 9);
  const auto second = Fragments({kHost2, 2}, kRemote, 9);
  for (size_t i = 0; i < first.size(); ++i) {
    (void)nat.Send(Side::kInside, first[i]);
    (void)nat.Send(Side::kInside, second[i]);
  }
  ASSERT_EQ(nat.seen.size(), 10U);
  std::vector<Seen> even;
  std::vector<Seen> odd;
  for (size_t i = 0; i < nat.seen.size(); ++i) {
    (i % 2 == 0 ? even : odd).push_back(nat.seen[i]);
  }
  EXPECT_FALSE(Reassemble(even).empty());
  EXPECT_FALSE(Reassemble(odd).empty());
  EXPECT_NE(even[0].info.fragment_id, odd[0].info.fragment_id);
}

TEST(NatFragments, HeldOnesAreForgottenAfterTheirTime) {
  NatHarness nat(With(FragmentMode::kOutOfOrder));
  const auto external = nat.Out(kInside, kRemote);
  const auto fragments = Fragments(kRemote, *external, 9);
  SendAll(nat, Side::kOutside, {fragments[1]});
  nat.Wait(30s);
  SendAll(nat, Side::kOutside, {fragments[0]});
  EXPECT_EQ(nat.seen.size(), 1U);
  EXPECT_EQ(nat.engine.counters().dropped_fragment, 1U);
  nat.Wait(30s);
  SendAll(nat, Side::kOutside, {fragments[2]});  // the rule is gone too
  EXPECT_TRUE(nat.seen.empty());
}

TEST(NatFragments, AFloodOfOrphansHurtsNobodyRfc4787Req14a) {
  NatConfig config = With(FragmentMode::kOutOfOrder);
  config.limits.held_fragments = 16;
  NatHarness nat(config);
  const auto external = nat.Out(kInside, kRemote);
  for (uint16_t id = 0; id < 5000; ++id) {
    (void)nat.Send(Side::kOutside, Fragments(kRemote, *external, id)[1]);
  }
  EXPECT_EQ(nat.engine.counters().dropped_fragment, 5000U - 16);
  EXPECT_EQ(nat.In(kRemote, *external), kInside);
  SendAll(nat, Side::kOutside, Reversed(Fragments(kRemote, *external, 6000)));
  EXPECT_FALSE(Reassemble(nat.seen).empty());
}

TEST(NatFragments, OfAFilteredPacketDoNotPass) {
  NatConfig config = With(FragmentMode::kOutOfOrder);
  config.filtering = Dependence::kAddressAndPortDependent;
  NatHarness nat(config);
  const auto external = nat.Out(kInside, kRemote);
  SendAll(nat, Side::kOutside, Fragments({kServer2, 1}, *external, 9));
  EXPECT_TRUE(nat.seen.empty());
}

TEST(NatFragments, AreCutFurtherForASmallerLink) {
  NatConfig config = With(FragmentMode::kOutOfOrder);
  config.outside_mtu = 576;
  NatHarness nat(config);
  SendAll(nat, Side::kInside, Fragments(kInside, kRemote, 9));
  EXPECT_GT(nat.seen.size(), 5U);
  EXPECT_FALSE(Reassemble(nat.seen).empty());
}

}  // namespace
}  // namespace natkit::netsim
