#include "ethernet/ethernet_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>

#include "ethernet/ethernet_switch.h"
#include "ethernet/neighbor_messages.h"
#include "natkit/netsim/packet.h"
#include "natkit/netsim/sim_rng.h"

namespace natkit::netsim {
namespace {

using std::chrono::seconds;
using Kind = NeighborMessage::Kind;

constexpr MacAddress kOurMac = MacAddress::Numbered(1);
constexpr MacAddress kPeerMac = MacAddress::Numbered(2);
constexpr MacAddress kOtherMac = MacAddress::Numbered(3);
constexpr IpAddress kOurs = IpAddress::V4(192, 0, 2, 1);
constexpr IpAddress kPeer = IpAddress::V4(192, 0, 2, 2);
constexpr IpAddress kOther = IpAddress::V4(192, 0, 2, 3);

IpAddress Ours6() {
  return IpAddress::Parse("2001:db8::1").value();
}

IpAddress Peer6() {
  return IpAddress::Parse("2001:db8::2").value();
}

EthernetPort MakePort() {
  return {kOurMac, {kOurs, Ours6()}};
}

/// Room for a header, and a packet to `to`.
std::vector<uint8_t> FrameTo(const IpAddress& from, const IpAddress& to) {
  const auto packet = BuildUdp({from, 1}, {to, 2}, AsBytes("hello"));
  std::vector<uint8_t> frame(kEthernetHeaderSize + packet.size());
  std::ranges::copy(packet, frame.begin() + kEthernetHeaderSize);
  return frame;
}

std::vector<std::vector<uint8_t>> Drain(EthernetPort& port) {
  std::vector<std::vector<uint8_t>> frames;
  while (auto frame = port.PollTransmit()) {
    frames.push_back(*std::move(frame));
  }
  return frames;
}

void Receive(EthernetPort& port, Instant now, std::vector<uint8_t> frame) {
  EXPECT_FALSE(port.HandleFrame(now, frame));
}

TEST(NeighborMessages, ReadWhatTheyBuild) {
  const auto arp = BuildQuestion(kOurs, kOurMac, kPeer);
  EXPECT_EQ(FrameDestination(arp), MacAddress::Broadcast());
  EXPECT_EQ(ParseNeighborMessage(arp),
            (NeighborMessage{Kind::kQuestion, kOurs, kOurMac, kPeer}));
  const auto solicitation = BuildQuestion(Ours6(), kOurMac, Peer6());
  EXPECT_EQ(FrameDestination(solicitation),
            (MacAddress{{0x33, 0x33, 0xff, 0, 0, 2}}));
  EXPECT_EQ(ParseNeighborMessage(solicitation),
            (NeighborMessage{Kind::kQuestion, Ours6(), kOurMac, Peer6()}));
  EXPECT_EQ(ParseNeighborMessage(BuildAnswer(kOurs, kOurMac, kPeer, kPeerMac)),
            (NeighborMessage{Kind::kAnswer, kOurs, kOurMac, kOurs}));
  EXPECT_EQ(
      ParseNeighborMessage(BuildAnswer(Ours6(), kOurMac, Peer6(), kPeerMac)),
      (NeighborMessage{Kind::kAnswer, Ours6(), kOurMac, Ours6()}));
}

TEST(NeighborMessages, RefuseDiscoveryFromBeyondTheLink) {
  auto frame = BuildQuestion(Ours6(), kOurMac, Peer6());
  frame[kEthernetHeaderSize + 7] = 254;  // RFC 4861 section 7.1.1
  EXPECT_TRUE(IsNeighborMessage(frame));
  EXPECT_FALSE(ParseNeighborMessage(frame));
}

TEST(NeighborMessages, RefuseAWrongChecksum) {
  auto frame = BuildQuestion(Ours6(), kOurMac, Peer6());
  frame.back() ^= 1;
  EXPECT_FALSE(ParseNeighborMessage(frame));
}

TEST(EthernetPort, AnswersForItsAddressesOnly) {
  EthernetPort port = MakePort();
  Receive(port, Instant{}, BuildQuestion(kPeer, kPeerMac, kOther));
  EXPECT_TRUE(Drain(port).empty());
  Receive(port, Instant{}, BuildQuestion(kPeer, kPeerMac, kOurs));
  Receive(port, Instant{}, BuildQuestion(Peer6(), kPeerMac, Ours6()));
  EXPECT_THAT(
      Drain(port),
      testing::ElementsAre(BuildAnswer(kOurs, kOurMac, kPeer, kPeerMac),
                           BuildAnswer(Ours6(), kOurMac, Peer6(), kPeerMac)));
}

TEST(EthernetPort, AnswersProbesForDuplicates) {
  EthernetPort port = MakePort();
  Receive(port, Instant{}, BuildQuestion(IpAddress(), kPeerMac, kOurs));
  const auto frames = Drain(port);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(FrameDestination(frames[0]), kPeerMac);
}

TEST(EthernetPort, LearnsWhoAsksForIt) {
  EthernetPort port = MakePort();
  Receive(port, Instant{}, BuildQuestion(kPeer, kPeerMac, kOurs));
  Drain(port);
  auto frame = FrameTo(kOurs, kPeer);
  EXPECT_TRUE(port.AddressFrame(Instant{}, kPeer, frame));
  EXPECT_EQ(FrameDestination(frame), kPeerMac);
  EXPECT_EQ(FrameSource(frame), kOurMac);
  EXPECT_EQ(FrameType(frame), kEtherTypeIpv4);
}

TEST(EthernetPort, DoesNotLearnStrangersFromTheirAnnouncements) {
  EthernetPort port = MakePort();
  Receive(port, Instant{}, BuildAnnouncement(kPeer, kPeerMac));
  EXPECT_EQ(port.neighbor_count(), 0U);
}

TEST(EthernetPort, KeepsPacketsUntilTheNeighborAnswers) {
  for (const auto& [ours, peer] :
       {std::pair(kOurs, kPeer), std::pair(Ours6(), Peer6())}) {
    EthernetPort port = MakePort();
    auto frame = FrameTo(ours, peer);
    EXPECT_FALSE(port.AddressFrame(Instant{}, peer, frame));
    EXPECT_FALSE(port.AddressFrame(Instant{}, peer, frame));
    EXPECT_THAT(Drain(port),
                testing::ElementsAre(BuildQuestion(ours, kOurMac, peer)));
    Receive(port, Instant{}, BuildAnswer(peer, kPeerMac, ours, kOurMac));
    ASSERT_TRUE(port.AddressFrame(Instant{}, peer, frame));
    EXPECT_THAT(Drain(port), testing::ElementsAre(frame, frame));
    EXPECT_EQ(port.NextTimeout(), std::nullopt);
    EXPECT_EQ(port.waiting_count(), 0U);
  }
}

TEST(EthernetPort, AsksThreeTimesThenDrops) {
  EthernetPort port = MakePort();
  auto frame = FrameTo(kOurs, kPeer);
  EXPECT_FALSE(port.AddressFrame(Instant{}, kPeer, frame));
  EXPECT_EQ(Drain(port).size(), 1U);
  for (int i = 1; i < EthernetPort::kProbes; ++i) {
    EXPECT_EQ(port.NextTimeout(), Instant{} + i * seconds(1));
    port.HandleTimeout(Instant{} + i * seconds(1));
    EXPECT_EQ(Drain(port).size(), 1U);
  }
  port.HandleTimeout(Instant{} + seconds(3));
  EXPECT_TRUE(Drain(port).empty());
  EXPECT_EQ(port.NextTimeout(), std::nullopt);
  EXPECT_EQ(port.neighbor_count(), 0U);
  EXPECT_EQ(port.counters().dropped_unresolved, 1U);
}

TEST(EthernetPort, AsksAgainForAnOldNeighborWhileUsingIt) {
  EthernetPort port = MakePort();
  Receive(port, Instant{}, BuildQuestion(kPeer, kPeerMac, kOurs));
  Drain(port);
  const Instant later = Instant{} + EthernetPort::kFresh + seconds(1);
  auto frame = FrameTo(kOurs, kPeer);
  EXPECT_TRUE(port.AddressFrame(later, kPeer, frame));
  EXPECT_THAT(Drain(port),
              testing::ElementsAre(BuildQuestion(kOurs, kOurMac, kPeer)));
  Receive(port, later, BuildAnswer(kPeer, kOtherMac, kOurs, kOurMac));
  EXPECT_TRUE(port.AddressFrame(later, kPeer, frame));
  EXPECT_EQ(FrameDestination(frame), kOtherMac);
  EXPECT_EQ(port.NextTimeout(), std::nullopt);
}

TEST(EthernetPort, FollowsANeighborThatMoves) {
  EthernetPort port = MakePort();
  Receive(port, Instant{}, BuildQuestion(kPeer, kPeerMac, kOurs));
  Receive(port, Instant{}, BuildAnnouncement(kPeer, kOtherMac));
  auto frame = FrameTo(kOurs, kPeer);
  EXPECT_TRUE(port.AddressFrame(Instant{}, kPeer, frame));
  EXPECT_EQ(FrameDestination(frame), kOtherMac);
}

TEST(EthernetPort, GivesPacketsForItself) {
  EthernetPort port = MakePort();
  auto frame = FrameTo(kPeer, kOurs);
  WriteFrameHeader(frame, kOurMac, kPeerMac, kEtherTypeIpv4);
  const auto packet = port.HandleFrame(Instant{}, frame);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->data(), frame.data() + kEthernetHeaderSize);
  WriteFrameHeader(frame, kOtherMac, kPeerMac, kEtherTypeIpv4);
  EXPECT_FALSE(port.HandleFrame(Instant{}, frame));
}

TEST(EthernetPort, SendsGroupsToTheirMacs) {
  EthernetPort port = MakePort();
  auto frame = FrameTo(kOurs, IpAddress::V4(239, 255, 255, 250));
  EXPECT_TRUE(
      port.AddressFrame(Instant{}, IpAddress::V4(239, 255, 255, 250), frame));
  EXPECT_EQ(FrameDestination(frame),
            (MacAddress{{0x01, 0x00, 0x5e, 0x7f, 0xff, 0xfa}}));
}

TEST(EthernetPort, AnnouncesNewAddresses) {
  EthernetPort port = MakePort();
  port.SetAddresses({kOther});
  EXPECT_THAT(Drain(port),
              testing::ElementsAre(BuildAnnouncement(kOther, kOurMac)));
  Receive(port, Instant{}, BuildQuestion(kPeer, kPeerMac, kOurs));
  EXPECT_TRUE(Drain(port).empty());
}

TEST(EthernetPort, StaysBoundedUnderFlood) {
  EthernetPort port = MakePort();
  for (int i = 0; i < 100000; ++i) {
    const auto a = static_cast<uint8_t>(i >> 16);
    const auto b = static_cast<uint8_t>(i >> 8);
    const IpAddress to = IpAddress::V4(10, a, b, static_cast<uint8_t>(i));
    auto frame = FrameTo(kOurs, to);
    EXPECT_FALSE(port.AddressFrame(Instant{}, to, frame));
  }
  EXPECT_LE(port.neighbor_count(), EthernetPort::kMaxNeighbors);
  EXPECT_LE(port.waiting_count(), EthernetPort::kMaxWaiting);
  EXPECT_LE(Drain(port).size(), EthernetPort::kMaxTransmits);
  for (int second = 1; second <= EthernetPort::kProbes; ++second) {
    port.HandleTimeout(Instant{} + seconds(second));
  }
  EXPECT_EQ(port.neighbor_count(), 0U);
  EXPECT_EQ(port.waiting_count(), 0U);
}

TEST(EthernetPort, ForgetsTheOldestNeighborWhenFull) {
  EthernetPort port = MakePort();
  for (size_t i = 0; i <= EthernetPort::kMaxNeighbors; ++i) {
    const IpAddress who = IpAddress::V4(10, 0, static_cast<uint8_t>(i >> 8),
                                        static_cast<uint8_t>(i));
    Receive(port, Instant{} + seconds(i), BuildQuestion(who, kPeerMac, kOurs));
    Drain(port);
  }
  EXPECT_EQ(port.neighbor_count(), EthernetPort::kMaxNeighbors);
  auto frame = FrameTo(kOurs, kPeer);
  EXPECT_FALSE(port.AddressFrame(Instant{}, IpAddress::V4(10, 0, 0, 0), frame));
}

TEST(EthernetSwitch, LearnsAndStaysBounded) {
  EthernetSwitch bridge;
  EXPECT_EQ(bridge.PortOf(kPeerMac), std::nullopt);
  bridge.Learn(kPeerMac, 3);
  bridge.Learn(kPeerMac, 4);
  EXPECT_EQ(bridge.PortOf(kPeerMac), 4U);
  bridge.Learn(MacAddress::Broadcast(), 5);
  EXPECT_EQ(bridge.PortOf(MacAddress::Broadcast()), std::nullopt);
  for (uint32_t i = 0; i < 10000; ++i) {
    bridge.Learn(MacAddress::Numbered(i), 1);
    ASSERT_LE(bridge.size(), EthernetSwitch::kMaxAddresses);
  }
}

TEST(EthernetSwitch, AgreesWithAnObviousModel) {
  EthernetSwitch bridge;
  std::map<uint32_t, size_t> model;
  SimRng rng(1);
  for (size_t step = 0; step < 20'000; ++step) {
    const uint32_t number = rng.NextBelow(3000);
    if (rng.Chance(0.5)) {
      bridge.Learn(MacAddress::Numbered(number), step);
      model[number] = step;
    }
    const auto found = model.find(number);
    ASSERT_EQ(
        bridge.PortOf(MacAddress::Numbered(number)),
        found == model.end() ? std::nullopt : std::optional(found->second));
  }
  EXPECT_EQ(bridge.size(), model.size());
}

}  // namespace
}  // namespace natkit::netsim
