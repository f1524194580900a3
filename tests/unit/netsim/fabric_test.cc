#include "fabric/fabric.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "ethernet/neighbor_messages.h"
#include "fabric/delay_queue.h"
#include "natkit/netsim/packet.h"
#include "natkit/netsim/profile.h"

namespace natkit::netsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Instant kStart = Instant{} + seconds(1000);

constexpr IpAddress kHost = IpAddress::V4(10, 0, 0, 10);
constexpr IpAddress kGateway = IpAddress::V4(10, 0, 0, 1);
constexpr IpAddress kServer = IpAddress::V4(192, 0, 2, 10);
constexpr IpAddress kExternal = IpAddress::V4(192, 0, 2, 1);

IpPrefix Prefix(std::string_view text) {
  return IpPrefix::Parse(text).value();
}

struct Sent {
  size_t port = 0;
  std::vector<uint8_t> frame;
  bool operator==(const Sent&) const = default;
};

class Recorder final : public FrameSink {
 public:
  void SendFrame(size_t port, ByteView frame) override {
    sent.push_back({port, {frame.begin(), frame.end()}});
  }

  std::vector<Sent> Take() { return std::exchange(sent, {}); }

  std::vector<Sent> sent;
};

MacAddress MacOf(size_t port) {
  return MacAddress::Numbered(static_cast<uint32_t>(1000 + port));
}

std::vector<uint8_t> Udp(const MacAddress& from_mac, const MacAddress& to_mac,
                         const Endpoint& from, const Endpoint& to) {
  const auto packet = BuildUdp(from, to, AsBytes("hello"));
  std::vector<uint8_t> frame(kEthernetHeaderSize + packet.size());
  std::ranges::copy(packet, frame.begin() + kEthernetHeaderSize);
  WriteFrameHeader(frame, to_mac, from_mac, kEtherTypeIpv4);
  return frame;
}

PacketInfo Info(const std::vector<uint8_t>& frame) {
  return ParsePacket(ByteView(frame).subspan(kEthernetHeaderSize)).value();
}

/// Three ports on one network.
FabricConfig OneNetwork(const LinkConfig& up = {}) {
  FabricConfig config;
  config.network_count = 1;
  config.ports = {{"a", 0, up, {}}, {"b", 0, {}, {}}, {"c", 0, {}, {}}};
  return config;
}

class FabricSwitching : public testing::Test {
 protected:
  void Send(Fabric& fabric, Instant now, size_t from, size_t to) {
    auto frame = Udp(MacOf(from), MacOf(to), {kHost, 1}, {kServer, 2});
    fabric.HandleFrame(now, from, frame);
  }

  std::vector<size_t> Ports() {
    std::vector<size_t> ports;
    for (const Sent& sent : recorder_.Take()) {
      ports.push_back(sent.port);
    }
    return ports;
  }

  Recorder recorder_;
};

TEST_F(FabricSwitching, FloodsUntilItHasLearned) {
  Fabric fabric(OneNetwork(), recorder_);
  Send(fabric, kStart, 0, 1);
  EXPECT_THAT(Ports(), testing::ElementsAre(1, 2));
  Send(fabric, kStart, 1, 0);
  EXPECT_THAT(Ports(), testing::ElementsAre(0));
  Send(fabric, kStart, 0, 1);
  EXPECT_THAT(Ports(), testing::ElementsAre(1));
  EXPECT_EQ(fabric.NextTimeout(), std::nullopt);
}

TEST_F(FabricSwitching, NeverSendsAFrameBack) {
  Fabric fabric(OneNetwork(), recorder_);
  Send(fabric, kStart, 0, 1);
  Ports();
  Send(fabric, kStart, 0, 0);
  EXPECT_TRUE(Ports().empty());
}

TEST_F(FabricSwitching, IgnoresRunts) {
  Fabric fabric(OneNetwork(), recorder_);
  std::vector<uint8_t> runt(kEthernetHeaderSize);
  fabric.HandleFrame(kStart, 0, runt);
  EXPECT_TRUE(Ports().empty());
}

TEST_F(FabricSwitching, DelaysOneDirection) {
  LinkConfig link;
  link.delay = milliseconds(20);
  Fabric fabric(OneNetwork(link), recorder_);
  Send(fabric, kStart, 1, 2);
  Ports();
  Send(fabric, kStart, 0, 1);
  EXPECT_TRUE(Ports().empty());
  EXPECT_EQ(fabric.NextTimeout(), kStart + milliseconds(20));
  fabric.HandleTimeout(kStart + milliseconds(20) - Duration(1));
  EXPECT_TRUE(Ports().empty());
  fabric.HandleTimeout(kStart + milliseconds(20));
  EXPECT_THAT(Ports(), testing::ElementsAre(1));
  Send(fabric, kStart + milliseconds(30), 1, 0);
  EXPECT_THAT(Ports(), testing::ElementsAre(0));
}

TEST_F(FabricSwitching, UnpluggingLosesWhatIsUnderWay) {
  LinkConfig link;
  link.delay = milliseconds(20);
  Fabric fabric(OneNetwork(link), recorder_);
  Send(fabric, kStart, 0, 1);
  fabric.SetPlugged(0, false);
  Send(fabric, kStart, 0, 1);
  Send(fabric, kStart, 1, 0);
  EXPECT_THAT(Ports(), testing::ElementsAre(2));
  fabric.SetPlugged(0, true);
  fabric.HandleTimeout(kStart + seconds(1));
  EXPECT_TRUE(Ports().empty());
  Send(fabric, kStart + seconds(1), 1, 0);
  EXPECT_THAT(Ports(), testing::Contains(0));
}

TEST_F(FabricSwitching, BlackholesACableForAWhile) {
  Fabric fabric(OneNetwork(), recorder_);
  fabric.Blackhole(0, kStart + seconds(2));
  Send(fabric, kStart + seconds(1), 0, 1);
  Send(fabric, kStart + seconds(1), 1, 0);
  EXPECT_THAT(Ports(), testing::ElementsAre(2));
  EXPECT_EQ(fabric.links(0)[0]->counters().dropped_blackhole, 1U);
  Send(fabric, kStart + seconds(2), 0, 1);
  EXPECT_THAT(Ports(), testing::ElementsAre(1));
}

TEST_F(FabricSwitching, ChangesLinksWhileTheyRun) {
  Fabric fabric(OneNetwork(), recorder_);
  LinkConfig lossy;
  lossy.loss = 1;
  fabric.Configure(0, lossy, {});
  Send(fabric, kStart, 0, 1);
  EXPECT_TRUE(Ports().empty());
  fabric.Configure(0, {}, {});
  Send(fabric, kStart, 0, 1);
  EXPECT_THAT(Ports(), testing::ElementsAre(1, 2));
}

TEST_F(FabricSwitching, KeepsTheOrderWhenADelayEnds) {
  LinkConfig slow;
  slow.delay = milliseconds(20);
  Fabric fabric(OneNetwork(slow), recorder_);
  Send(fabric, kStart, 0, 1);
  fabric.Configure(0, {}, {});
  Send(fabric, kStart, 0, 2);
  fabric.HandleTimeout(kStart + milliseconds(20));
  const auto sent = recorder_.Take();
  ASSERT_EQ(sent.size(), 4U);
  EXPECT_EQ(FrameDestination(sent[0].frame), MacOf(1));
  EXPECT_EQ(FrameDestination(sent[2].frame), MacOf(2));
}

/// A link that shows no mercy to packets.
LinkConfig WorstLink() {
  LinkConfig link;
  link.delay = seconds(2);
  link.loss = 1;
  link.duplicate = 1;
  link.reorder = 1;
  link.rate = 1;
  return link;
}

TEST_F(FabricSwitching, PassesQuestionsAboutNeighborsUnharmed) {
  FabricConfig config = OneNetwork(WorstLink());
  config.ports[1].down = WorstLink();
  Fabric fabric(config, recorder_);
  fabric.Blackhole(2, kStart + seconds(60));
  const IpAddress host6 = IpAddress::Parse("2001:db8::10").value();
  const IpAddress server6 = IpAddress::Parse("2001:db8::1").value();
  for (auto frame : {BuildQuestion(kHost, MacOf(0), kServer),
                     BuildAnnouncement(kHost, MacOf(0)),
                     BuildQuestion(host6, MacOf(0), server6),
                     BuildAnnouncement(host6, MacOf(0))}) {
    fabric.HandleFrame(kStart, 0, frame);
    EXPECT_THAT(Ports(), testing::ElementsAre(1, 2));
  }
  EXPECT_EQ(fabric.links(0)[0]->counters().sent, 0U);
  EXPECT_EQ(fabric.NextTimeout(), std::nullopt);
  fabric.SetPlugged(0, false);
  auto question = BuildQuestion(kHost, MacOf(0), kServer);
  fabric.HandleFrame(kStart, 0, question);
  EXPECT_TRUE(Ports().empty());
}

TEST_F(FabricSwitching, CountsWhatPassesPerfectCables) {
  Fabric fabric(OneNetwork(), recorder_);
  Send(fabric, kStart, 1, 0);
  Send(fabric, kStart, 0, 1);
  Send(fabric, kStart, 0, 1);
  auto question = BuildQuestion(kHost, MacOf(0), kServer);
  fabric.HandleFrame(kStart, 0, question);
  const auto [up, down] = fabric.links(0);
  EXPECT_EQ(up->counters().sent, 2U);
  EXPECT_EQ(up->counters().delivered, 2U);
  EXPECT_EQ(down->counters().sent, 1U);
  EXPECT_EQ(down->counters().delivered, 1U);
  EXPECT_EQ(fabric.links(2)[1]->counters().sent, 1U);  // was flooded
  std::vector<uint8_t> large(kEthernetHeaderSize + 1501);
  WriteFrameHeader(large, MacOf(1), MacOf(0), kEtherTypeIpv4);
  fabric.HandleFrame(kStart, 0, large);
  EXPECT_EQ(up->counters().sent, 3U);
  EXPECT_EQ(up->counters().dropped_mtu, 1U);
}

TEST_F(FabricSwitching, IsBoundedUnderFlood) {
  LinkConfig slow;
  slow.delay = seconds(3600);
  Fabric fabric(OneNetwork(slow), recorder_);
  std::vector<uint8_t> frame(60000);
  WriteFrameHeader(frame, MacOf(1), MacOf(0), kEtherTypeIpv4);
  LinkConfig large = slow;
  large.mtu = 65535;
  fabric.Configure(0, large, {});
  const size_t fits = Fabric::kMaxDelayedBytes / frame.size();
  for (size_t i = 0; i < fits + 100; ++i) {
    fabric.HandleFrame(kStart, 0, frame);
  }
  EXPECT_EQ(fabric.dropped(), 100U);
}

/// A router between a network with port 0 (the host) and one with port 1 (the
/// server); the box's own ports are 2 and 3.
FabricConfig RouterBetween(LinkConfig inside_up = {}) {
  FabricConfig config;
  config.network_count = 2;
  config.ports = {{"host", 0, std::move(inside_up), {}},
                  {"server", 1, {}, {}},
                  {"box", 0, {}, {}},
                  {"box", 1, {}, {}}};
  FabricBox box;
  box.name = "box";
  box.config = FindProfile("open")->make();
  box.config.ipv6 = Ipv6Mode::kDrop;
  box.config.external = {kExternal};
  box.config.inside_address = kGateway;
  box.ports = {2, 3};
  box.inside_addresses = {kGateway};
  box.outside_addresses = {kExternal};
  box.inside_routes = {{Prefix("10.0.0.0/24"), std::nullopt}};
  box.outside_routes = {{Prefix("192.0.2.0/24"), std::nullopt},
                        {Prefix("0.0.0.0/0"), IpAddress::V4(192, 0, 2, 254)}};
  config.boxes.push_back(std::move(box));
  return config;
}

class FabricBoxes : public testing::Test {
 protected:
  void SendFromHost(Fabric& fabric, const IpAddress& to) {
    auto frame = Udp(MacOf(0), MacAddress::Numbered(2), {kHost, 1}, {to, 2});
    fabric.HandleFrame(kStart, 0, frame);
  }

  void Answer(Fabric& fabric, const IpAddress& who, size_t port,
              size_t box_port) {
    auto answer =
        BuildAnswer(who, MacOf(port), kExternal,
                    MacAddress::Numbered(static_cast<uint32_t>(box_port)));
    fabric.HandleFrame(kStart, port, answer);
  }

  Recorder recorder_;
};

TEST_F(FabricBoxes, AnnounceThemselves) {
  Fabric fabric(RouterBetween(), recorder_);
  fabric.Start(kStart);
  EXPECT_THAT(
      recorder_.Take(),
      testing::UnorderedElementsAre(
          Sent{0, BuildAnnouncement(kGateway, MacAddress::Numbered(2))},
          Sent{1, BuildAnnouncement(kExternal, MacAddress::Numbered(3))}));
}

TEST_F(FabricBoxes, AskForTheNextHopThenForward) {
  Fabric fabric(RouterBetween(), recorder_);
  SendFromHost(fabric, kServer);
  EXPECT_THAT(
      recorder_.Take(),
      testing::ElementsAre(
          Sent{1, BuildQuestion(kExternal, MacAddress::Numbered(3), kServer)}));
  Answer(fabric, kServer, 1, 3);
  const auto sent = recorder_.Take();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].port, 1U);
  EXPECT_EQ(FrameDestination(sent[0].frame), MacOf(1));
  EXPECT_EQ(Info(sent[0].frame).destination, (Endpoint{kServer, 2}));
  EXPECT_EQ(Info(sent[0].frame).ttl, 63);
}

TEST_F(FabricBoxes, RouteByTheLongestPrefix) {
  Fabric fabric(RouterBetween(), recorder_);
  SendFromHost(fabric, IpAddress::V4(198, 51, 100, 1));
  EXPECT_THAT(recorder_.Take(),
              testing::ElementsAre(
                  Sent{1, BuildQuestion(kExternal, MacAddress::Numbered(3),
                                        IpAddress::V4(192, 0, 2, 254))}));
}

TEST_F(FabricBoxes, AnswerQuestionsOnTheirSideOnly) {
  Fabric fabric(RouterBetween(), recorder_);
  auto question = BuildQuestion(kHost, MacOf(0), kGateway);
  fabric.HandleFrame(kStart, 0, question);
  EXPECT_THAT(
      recorder_.Take(),
      testing::ElementsAre(Sent{
          0, BuildAnswer(kGateway, MacAddress::Numbered(2), kHost, MacOf(0))}));
  question = BuildQuestion(kHost, MacOf(0), kExternal);
  fabric.HandleFrame(kStart, 0, question);
  EXPECT_TRUE(recorder_.Take().empty());
}

TEST_F(FabricBoxes, AskAgainWhenTheirTimeComes) {
  Fabric fabric(RouterBetween(), recorder_);
  SendFromHost(fabric, kServer);
  recorder_.Take();
  ASSERT_TRUE(fabric.NextTimeout());
  EXPECT_LE(*fabric.NextTimeout(), kStart + seconds(1));
  fabric.HandleTimeout(kStart + seconds(1));
  EXPECT_EQ(recorder_.Take().size(), 1U);
}

TEST_F(FabricBoxes, HaveCablesToo) {
  FabricConfig config = RouterBetween();
  config.ports[3].up.delay = milliseconds(5);
  Fabric fabric(config, recorder_);
  SendFromHost(fabric, kServer);
  recorder_.Take();
  Answer(fabric, kServer, 1, 3);
  EXPECT_TRUE(recorder_.Take().empty());
  fabric.HandleTimeout(kStart + milliseconds(5));
  EXPECT_EQ(recorder_.Take().size(), 1U);
}

TEST_F(FabricBoxes, AskAnewAfterTheCableWasOut) {
  Fabric fabric(RouterBetween(), recorder_);
  SendFromHost(fabric, kServer);
  fabric.SetPlugged(3, false);
  EXPECT_EQ(fabric.NextTimeout(), std::nullopt);
  fabric.SetPlugged(3, true);
  recorder_.Take();
  SendFromHost(fabric, kServer);
  EXPECT_EQ(recorder_.Take().size(), 1U);
}

TEST_F(FabricBoxes, AnnounceANewAddress) {
  Fabric fabric(RouterBetween(), recorder_);
  const IpAddress moved = IpAddress::V4(192, 0, 2, 99);
  fabric.Reboot(kStart, 0, moved);
  EXPECT_THAT(recorder_.Take(),
              testing::Contains(
                  Sent{1, BuildAnnouncement(moved, MacAddress::Numbered(3))}));
  auto question = BuildQuestion(kServer, MacOf(1), kExternal);
  fabric.HandleFrame(kStart, 1, question);
  EXPECT_TRUE(recorder_.Take().empty());
}

TEST_F(FabricBoxes, DoNotPassBroadcastsOn) {
  Fabric fabric(RouterBetween(), recorder_);
  auto frame = Udp(MacOf(0), MacAddress::Broadcast(), {kHost, 1}, {kServer, 2});
  fabric.HandleFrame(kStart, 0, frame);
  EXPECT_TRUE(recorder_.Take().empty());
}

TEST(DelayQueue, KeepsTheOrderOfEqualTimes) {
  DelayQueue queue(1000);
  const std::vector<uint8_t> bytes(10);
  ASSERT_TRUE(queue.Push(kStart + seconds(1), 1, bytes));
  ASSERT_TRUE(queue.Push(kStart, 2, bytes));
  ASSERT_TRUE(queue.Push(kStart, 3, bytes));
  EXPECT_EQ(queue.next(), kStart);
  EXPECT_EQ(queue.Pop(kStart)->tag, 2U);
  EXPECT_EQ(queue.Pop(kStart)->tag, 3U);
  EXPECT_FALSE(queue.Pop(kStart));
  EXPECT_EQ(queue.bytes(), 10U);
  EXPECT_FALSE(queue.Push(kStart, 4, std::vector<uint8_t>(991)));
}

}  // namespace
}  // namespace natkit::netsim
