// What becomes of flows in PacketFilter when rules, time or room change.

#include "filter_fixture.h"

namespace natkit::mesh {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::Echo;
using testing::Ip;
using testing::Ping;
using testing::Tcp;
using testing::Udp;

using PacketFilterReload = FilterTest;
using PacketFilterWindows = FilterTest;

// Monday, 2026-11-23, 00:00 UTC.
constexpr int64_t kMonday = 1'795'392'000;

ZonedWindow OfficeHours() {
  return {.window = {.days = 0x1f,
                     .from_minute = 9 * 60,
                     .to_minute = 18 * 60,
                     .zone = "UTC"},
          .rules = std::make_shared<const ZoneRules>(FixedZone(0))};
}

TEST_F(PacketFilterReload, FlowsEndWithTheirRule) {
  PutIn(PeerToHere());
  ConnectIn(kPeer, kHere);
  ASSERT_EQ(In(Udp(kPeer, kHere)), Verdict::kAccept);
  filter_.RemoveRule(now_, Direction::kInbound, 1);
  EXPECT_EQ(Out(Tcp(kHere, kPeer, kAck)), Verdict::kNoFlow);
  EXPECT_EQ(In(Tcp(kPeer, kHere, kAck)), Verdict::kNoFlow);
  EXPECT_EQ(Out(Udp(kHere, kPeer)), Verdict::kNoRule);
  EXPECT_EQ(In(Udp(kPeer, kHere)), Verdict::kNoRule);
  EXPECT_EQ(filter_.counters().flows_revoked, 2u);
  EXPECT_EQ(filter_.counters().flows, 0u);
}

TEST_F(PacketFilterReload, FlowsGoOnUnderAnotherRule) {
  PutIn(PeerToHere(1));
  ConnectIn(kPeer, kHere);
  PutIn(WithPorts(PeerToHere(2), {{443, 443}}));
  filter_.RemoveRule(now_, Direction::kInbound, 1);
  EXPECT_EQ(Out(Tcp(kHere, kPeer, kAck)), Verdict::kAccept);
  EXPECT_EQ(filter_.counters().flows_revoked, 0u);
  filter_.RemoveRule(now_, Direction::kInbound, 2);
  EXPECT_EQ(Out(Tcp(kHere, kPeer, kAck)), Verdict::kNoFlow);
}

TEST_F(PacketFilterReload, NarrowerRulesEndWhatTheyNoLongerAllow) {
  PutIn(PeerToHere());
  const Endpoint ssh{kHere.address, 22};
  ConnectIn(kPeer, kHere);
  ConnectIn(kPeer, ssh);
  PutIn(WithPorts(PeerToHere(), {{443, 443}}));
  EXPECT_EQ(In(Tcp(kPeer, kHere, kAck)), Verdict::kAccept);
  EXPECT_EQ(In(Tcp(kPeer, ssh, kAck)), Verdict::kNoFlow);
}

TEST_F(PacketFilterReload, ARuleInTheOtherDirectionKeepsNoFlow) {
  PutIn(PeerToHere());
  PutOut(WithPorts(HereToPeer(), {{1, 1000}}));
  ConnectIn(kPeer, kHere);
  filter_.RemoveRule(now_, Direction::kInbound, 1);
  EXPECT_EQ(Out(Tcp(kHere, kPeer, kAck)), Verdict::kNoFlow);
}

TEST_F(PacketFilterReload, EchoAndErrorsEndWithTheRule) {
  PutOut(HereToPeer());
  const auto about = Udp(kHere, kPeer);
  const auto error = testing::Unreachable(kPeer.address, kHere.address, about);
  ASSERT_EQ(Out(about), Verdict::kAccept);
  ASSERT_EQ(Out(Ping(kHere.address, kPeer.address, Echo::kRequest, 1)),
            Verdict::kAccept);
  ASSERT_EQ(In(error), Verdict::kAccept);
  filter_.RemoveRule(now_, Direction::kOutbound, 1);
  EXPECT_EQ(In(error), Verdict::kUnrelatedIcmp);
  EXPECT_EQ(In(Ping(kPeer.address, kHere.address, Echo::kReply, 1)),
            Verdict::kUnrelatedIcmp);
}

TEST_F(PacketFilterReload, RevocationEndsFlowsOfThePrefix) {
  PutIn(PeerToHere(1));
  auto other = PeerToHere(2);
  other.sources = Prefixes({"100.64.0.3"});
  PutIn(other);
  ConnectIn(kPeer, kHere);
  ConnectIn(kOther, kHere);
  filter_.DropFlowsOf(Prefixes({"100.64.0.2", "fd7a::2"}));
  EXPECT_EQ(Out(Tcp(kHere, kPeer, kAck)), Verdict::kNoFlow);
  EXPECT_EQ(Out(Tcp(kHere, kOther, kAck)), Verdict::kAccept);
  EXPECT_EQ(filter_.counters().flows_revoked, 1u);
}

TEST_F(PacketFilterReload, AWithdrawnRouteEndsFlowsToWhatIsBehindIt) {
  const Endpoint behind{Ip("192.168.7.7"), 443};
  auto rule = PeerToHere();
  rule.destinations = Prefixes({"192.168.0.0/16", "100.64.0.1"});
  PutIn(rule);
  ConnectIn(kPeer, behind);
  ConnectIn(kPeer, kHere);
  filter_.DropFlowsOf(Prefixes({"192.168.7.0/24"}));
  EXPECT_EQ(Out(Tcp(behind, kPeer, kAck)), Verdict::kNoFlow);
  EXPECT_EQ(Out(Tcp(kHere, kPeer, kAck)), Verdict::kAccept);
}

TEST_F(PacketFilterReload, RevocationForgetsFragments) {
  PutIn(PeerToHere());
  const auto fragment = [&](const testing::Packet& payload, uint16_t place) {
    return In(testing::IpPacket(kPeer.address, kHere.address, 17, payload,
                                {.id = 5, .fragment = place, .options = {}}));
  };
  ASSERT_EQ(fragment(testing::UdpPayload(1, 2, 24), 0x2000), Verdict::kAccept);
  ASSERT_EQ(fragment(testing::Packet(8), 0x2004), Verdict::kAccept);
  filter_.DropFlowsOf(Prefixes({"100.64.0.2"}));
  EXPECT_EQ(fragment(testing::Packet(8), 5), Verdict::kNoFirstFragment);
}

TEST_F(PacketFilterWindows, AreClosedUntilTheTimeIsKnown) {
  auto rule = PeerToHere();
  rule.windows = {OfficeHours()};
  PutIn(rule);
  EXPECT_EQ(In(Udp(kPeer, kHere)), Verdict::kNoRule);
  filter_.SetUnixTime(now_, kMonday + 10 * 3600);
  EXPECT_EQ(In(Udp(kPeer, kHere)), Verdict::kAccept);
}

TEST_F(PacketFilterWindows, OpenAndCloseOnTime) {
  filter_.SetUnixTime(now_, kMonday + 8 * 3600);
  auto rule = PeerToHere();
  rule.windows = {OfficeHours()};
  PutIn(rule);
  EXPECT_EQ(filter_.NextTimeout(), now_ + hours{1});
  EXPECT_EQ(In(Udp(kPeer, kHere)), Verdict::kNoRule);
  now_ += hours{1} - seconds{1};
  EXPECT_EQ(In(Udp(kPeer, kHere)), Verdict::kNoRule);
  now_ += seconds{1};
  filter_.HandleTimeout(now_);
  ConnectIn(kPeer, kHere);
  EXPECT_EQ(In(Udp(kPeer, kHere)), Verdict::kAccept);
  now_ += hours{9} - seconds{1};
  EXPECT_EQ(In(Udp(kPeer, kHere)), Verdict::kAccept);
  ConnectIn({kPeer.address, 9}, kHere);
  // Nobody called HandleTimeout; what ends, ends all the same.
  now_ += seconds{1};
  EXPECT_EQ(In(Udp(kPeer, kHere)), Verdict::kNoRule);
  EXPECT_EQ(Out(Tcp(kHere, {kPeer.address, 9}, kAck)), Verdict::kNoFlow);
  // Until tomorrow at nine.
  filter_.HandleTimeout(now_);
  now_ += hours{15};
  EXPECT_EQ(In(Udp(kPeer, kHere)), Verdict::kAccept);
}

TEST_F(PacketFilterWindows, FlowsGoOnWhereAnotherRuleIsOpen) {
  filter_.SetUnixTime(now_, kMonday + 17 * 3600);
  auto rule = PeerToHere(1);
  rule.windows = {OfficeHours()};
  PutIn(rule);
  ConnectIn(kPeer, kHere);
  PutIn(WithPorts(PeerToHere(2), {{443, 443}}));
  now_ += hours{1};
  EXPECT_EQ(Out(Tcp(kHere, kPeer, kAck)), Verdict::kAccept);
}

TEST_F(PacketFilterWindows, AnyOpenOneSuffices) {
  filter_.SetUnixTime(now_, kMonday + 20 * 3600);
  auto night = OfficeHours();
  night.window.from_minute = 19 * 60;
  night.window.to_minute = 3 * 60;
  auto rule = PeerToHere();
  rule.windows = {OfficeHours(), night};
  PutIn(rule);
  EXPECT_EQ(In(Udp(kPeer, kHere)), Verdict::kAccept);
  now_ += hours{7};
  EXPECT_EQ(In(Udp(kPeer, kHere)), Verdict::kNoRule);
}

TEST_F(PacketFilterWindows, FollowAClockThatJumps) {
  filter_.SetUnixTime(now_, kMonday + 10 * 3600);
  auto rule = PeerToHere();
  rule.windows = {OfficeHours()};
  PutIn(rule);
  ASSERT_EQ(In(Udp(kPeer, kHere)), Verdict::kAccept);
  filter_.SetUnixTime(now_, kMonday + 20 * 3600);
  EXPECT_EQ(In(Udp(kPeer, kHere)), Verdict::kNoRule);
  filter_.SetUnixTime(now_, kMonday + 18 * 3600 - 60);
  EXPECT_EQ(In(Udp(kPeer, kHere)), Verdict::kAccept);
  now_ += seconds{30};
  filter_.SetUnixTime(now_, kMonday + 18 * 3600 - 30);
  now_ += seconds{30};
  EXPECT_EQ(In(Udp(kPeer, kHere)), Verdict::kNoRule);
  filter_.SetUnixTime(now_, INT64_MAX);
  filter_.SetUnixTime(now_, INT64_MIN);
  filter_.HandleTimeout(now_);
}

class PacketFilterRoom : public FilterTest {
 protected:
  PacketFilterRoom() {
    filter_ = PacketFilter(FilterConfig{.max_flows = 64, .timeouts = {}}, rng_);
    FilterRule rule;
    rule.sources = Prefixes({"100.64.0.0/10"});
    rule.destinations = Prefixes({"100.64.0.1"});
    EXPECT_TRUE(filter_.PutRule(now_, Direction::kInbound, rule));
  }

  static Endpoint From(uint16_t port) { return {Ip("100.64.0.2"), port}; }
};

TEST_F(PacketFilterRoom, IsFixedAndNewFlowsFindSome) {
  for (uint16_t port = 1; port <= 1000; ++port) {
    now_ += std::chrono::milliseconds{1};
    ASSERT_EQ(In(Udp(From(port), kHere)), Verdict::kAccept);
    ASSERT_EQ(Out(Udp(kHere, From(port))), Verdict::kAccept);
  }
  EXPECT_EQ(filter_.counters().flows, 64u);
  EXPECT_EQ(filter_.counters().flows_evicted, 936u);
}

TEST_F(PacketFilterRoom, AFloodDoesNotPushOutFlowsOfOthers) {
  ConnectIn(kOther, kHere);
  ASSERT_EQ(In(Udp(kOther, kHere)), Verdict::kAccept);
  for (uint16_t port = 1; port <= 1000; ++port) {
    now_ += std::chrono::milliseconds{1};
    ASSERT_EQ(In(Udp(From(port), kHere)), Verdict::kAccept);
    ASSERT_EQ(Out(Udp(kHere, From(port))), Verdict::kAccept);
  }
  EXPECT_EQ(Out(Tcp(kHere, kOther, kAck)), Verdict::kAccept);
  EXPECT_EQ(Out(Udp(kHere, kOther)), Verdict::kAccept);
}

TEST_F(PacketFilterRoom, ANewPeerTakesItFromTheOneThatHasMost) {
  ASSERT_EQ(In(Udp(kOther, kHere)), Verdict::kAccept);
  for (uint16_t port = 1; port <= 63; ++port) {
    ASSERT_EQ(In(Udp(From(port), kHere)), Verdict::kAccept);
  }
  ASSERT_EQ(In(Udp({Ip("100.64.0.4"), 1}, kHere)), Verdict::kAccept);
  EXPECT_EQ(filter_.counters().flows_evicted, 1u);
  EXPECT_EQ(Out(Udp(kHere, kOther)), Verdict::kAccept);
  EXPECT_EQ(Out(Udp(kHere, {Ip("100.64.0.4"), 1})), Verdict::kAccept);
  EXPECT_EQ(Out(Udp(kHere, From(1))), Verdict::kNoRule);
}

TEST_F(PacketFilterRoom, AmongEqualsWhoAsksGivesUp) {
  for (uint16_t port = 1; port <= 32; ++port) {
    ASSERT_EQ(In(Udp({kOther.address, port}, kHere)), Verdict::kAccept);
  }
  for (uint16_t port = 1; port <= 500; ++port) {
    ASSERT_EQ(In(Udp(From(port), kHere)), Verdict::kAccept);
  }
  for (uint16_t port = 1; port <= 32; ++port) {
    EXPECT_EQ(Out(Udp(kHere, {kOther.address, port})), Verdict::kAccept);
  }
}

TEST_F(PacketFilterRoom, APeerWithManyAddressesIsOnePeer) {
  ASSERT_EQ(In(Udp(kOther, kHere), 3), Verdict::kAccept);
  for (uint8_t host = 4; host < 250; ++host) {
    ASSERT_EQ(In(Udp({IpAddress::V4(100, 64, 1, host), 9}, kHere), 2),
              Verdict::kAccept);
  }
  EXPECT_EQ(Out(Udp(kHere, kOther), 3), Verdict::kAccept);
  EXPECT_EQ(filter_.counters().flows_evicted, 1u + 246 - 64);
}

TEST_F(PacketFilterRoom, ClosedConnectionsGoFirst) {
  ConnectIn(kOther, kHere);
  ASSERT_EQ(Out(Tcp(kHere, kOther, kRst)), Verdict::kAccept);
  for (uint16_t port = 1; port <= 64; ++port) {
    now_ += std::chrono::milliseconds{1};
    ASSERT_EQ(In(Udp(From(port), kHere)), Verdict::kAccept);
  }
  EXPECT_EQ(Out(Tcp(kHere, kOther, kRst)), Verdict::kNoFlow);
  EXPECT_EQ(Out(Udp(kHere, From(1))), Verdict::kAccept);
}

TEST_F(PacketFilterRoom, OwnUnansweredFlowsGoBeforeAnsweredOnes) {
  ASSERT_EQ(In(Udp(From(1), kHere)), Verdict::kAccept);
  ASSERT_EQ(Out(Udp(kHere, From(1))), Verdict::kAccept);
  for (uint16_t port = 2; port <= 100; ++port) {
    now_ += std::chrono::milliseconds{1};
    ASSERT_EQ(In(Udp(From(port), kHere)), Verdict::kAccept);
  }
  EXPECT_EQ(Out(Udp(kHere, From(1))), Verdict::kAccept);
  EXPECT_EQ(Out(Udp(kHere, From(2))), Verdict::kNoRule);
  EXPECT_EQ(Out(Udp(kHere, From(100))), Verdict::kAccept);
}

TEST_F(PacketFilterRoom, WhatIsOverGoesBeforeWhatLives) {
  ASSERT_EQ(In(Udp(kOther, kHere)), Verdict::kAccept);
  now_ += minutes{3};
  for (uint16_t port = 1; port <= 64; ++port) {
    ASSERT_EQ(In(Udp(From(port), kHere)), Verdict::kAccept);
  }
  EXPECT_EQ(filter_.counters().flows_evicted, 0u);
  EXPECT_EQ(filter_.counters().flows_expired, 1u);
}

}  // namespace
}  // namespace natkit::mesh
