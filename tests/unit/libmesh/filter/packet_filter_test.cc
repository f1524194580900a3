#include "natkit/mesh/packet_filter.h"

#include "filter_fixture.h"

namespace natkit::mesh {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::Tcp;
using testing::Udp;

using PacketFilterRules = FilterTest;
using PacketFilterUdp = FilterTest;
using PacketFilterTcp = FilterTest;

TEST_F(PacketFilterRules, NothingPassesWithoutARule) {
  EXPECT_EQ(In(Udp(kPeer, kHere)), Verdict::kNoRule);
  EXPECT_EQ(Out(Udp(kHere, kPeer)), Verdict::kNoRule);
  EXPECT_EQ(In(Tcp(kPeer, kHere, kSyn)), Verdict::kNoRule);
  EXPECT_EQ(In(Udp(kPeer6, kHere6)), Verdict::kNoRule);
}

TEST_F(PacketFilterRules, ARuleHoldsInItsDirectionOnly) {
  PutIn(PeerToHere());
  EXPECT_EQ(Out(Udp(kHere, kPeer)), Verdict::kNoRule);
  EXPECT_EQ(Out(Udp(kPeer, kHere)), Verdict::kNoRule);
  EXPECT_EQ(In(Udp(kHere, kPeer)), Verdict::kNoRule);
  EXPECT_EQ(In(Udp(kPeer, kHere)), Verdict::kAccept);
  EXPECT_EQ(In(Udp(kPeer6, kHere6)), Verdict::kAccept);
  EXPECT_EQ(In(Udp(kOther, kHere)), Verdict::kNoRule);
}

TEST_F(PacketFilterRules, OneRuleHasToAllowBothEnds) {
  const Endpoint behind{testing::Ip("192.168.7.7"), 443};
  PutIn(PeerToHere(1));
  auto other = PeerToHere(2);
  other.sources = Prefixes({"100.64.0.3"});
  other.destinations = Prefixes({"192.168.7.0/24"});
  PutIn(other);
  // As many rules name the source as the destination.
  EXPECT_EQ(In(Udp(kPeer, behind)), Verdict::kNoRule);
  EXPECT_EQ(In(Udp(kOther, kHere)), Verdict::kNoRule);
  EXPECT_EQ(In(Udp(kOther, behind)), Verdict::kAccept);
  // More name the source, so they are sought by the destination.
  auto more = PeerToHere(3);
  more.ports = {{1, 1}};
  PutIn(more);
  EXPECT_EQ(In(Udp(kPeer, behind)), Verdict::kNoRule);
  EXPECT_EQ(In(Udp(kPeer, kHere)), Verdict::kAccept);
}

TEST_F(PacketFilterRules, PortsAreThoseOfTheDestination) {
  PutIn(WithPorts(PeerToHere(), {{80, 90}, {443, 443}, {85, 95}}));
  const auto to = [&](uint16_t port) {
    return In(Udp(kPeer, {kHere.address, port}));
  };
  EXPECT_EQ(to(79), Verdict::kNoRule);
  EXPECT_EQ(to(80), Verdict::kAccept);
  EXPECT_EQ(to(95), Verdict::kAccept);
  EXPECT_EQ(to(96), Verdict::kNoRule);
  EXPECT_EQ(to(443), Verdict::kAccept);
  EXPECT_EQ(In(Udp({kPeer.address, 443}, {kHere.address, 1})),
            Verdict::kNoRule);
}

TEST_F(PacketFilterRules, WithoutProtocolsTheyAreTheUsualOnes) {
  PutIn(PeerToHere());
  const auto other = [&](uint8_t protocol) {
    return In(testing::IpPacket(kPeer.address, kHere.address, protocol,
                                testing::Packet(40)));
  };
  EXPECT_EQ(In(Tcp(kPeer, kHere, kSyn)), Verdict::kAccept);
  EXPECT_EQ(other(132), Verdict::kNoRule);  // SCTP
  EXPECT_EQ(other(47), Verdict::kNoRule);   // GRE
}

TEST_F(PacketFilterRules, OtherProtocolsNeedAllPorts) {
  auto rule = PeerToHere();
  rule.protocols = {47, 132};
  rule.ports = {{80, 80}};
  PutIn(rule);
  const auto gre =
      testing::IpPacket(kPeer.address, kHere.address, 47, testing::Packet(4));
  testing::Packet sctp_payload = testing::UdpPayload(9, 80);
  const auto sctp =
      testing::IpPacket(kPeer.address, kHere.address, 132, sctp_payload);
  EXPECT_EQ(In(gre), Verdict::kNoRule);
  EXPECT_EQ(In(sctp), Verdict::kAccept);
  EXPECT_EQ(In(Udp(kPeer, {kHere.address, 80})), Verdict::kNoRule);
  rule.ports = {{1, 65'535}};
  PutIn(rule);
  EXPECT_EQ(In(gre), Verdict::kAccept);
  const auto answer =
      testing::IpPacket(kHere.address, kPeer.address, 47, testing::Packet(4));
  EXPECT_EQ(Out(answer), Verdict::kAccept);
}

TEST_F(PacketFilterRules, PrefixesMayNestAndRepeat) {
  auto rule = PeerToHere();
  rule.sources = Prefixes({"100.64.0.0/10", "100.64.0.2", "100.64.0.0/24",
                           "100.64.0.0/10", "fd7a::/16"});
  rule.destinations = Prefixes({"100.64.0.1", "192.168.0.0/16"});
  PutIn(rule);
  EXPECT_EQ(In(Udp(kOther, kHere)), Verdict::kAccept);
  EXPECT_EQ(In(Udp(kOther, {testing::Ip("192.168.7.7"), 53})),
            Verdict::kAccept);
  EXPECT_EQ(In(Udp({testing::Ip("100.128.0.1"), 1}, kHere)), Verdict::kNoRule);
  EXPECT_EQ(In(Udp(kPeer6, kHere6)), Verdict::kNoRule);
  filter_.RemoveRule(now_, Direction::kInbound, rule.id);
  EXPECT_EQ(In(Udp({kOther.address, 9}, kHere)), Verdict::kNoRule);
  EXPECT_EQ(filter_.counters().rules, 0u);
}

TEST_F(PacketFilterRules, AnUpdateThatCannotBeDoneChangesNothing) {
  PutIn(PeerToHere());
  FilterUpdate update;
  update.removals.push_back({Direction::kInbound, 1});
  update.puts.push_back(
      {Direction::kInbound, WithPorts(PeerToHere(2), {{2, 1}})});
  EXPECT_EQ(filter_.Apply(now_, update).error().code, Errc::kBadValue);
  EXPECT_EQ(In(Udp(kPeer, kHere)), Verdict::kAccept);

  update.puts[0].rule.ports.assign(kMaxRulePorts + 1, {});
  EXPECT_EQ(filter_.Apply(now_, update).error().code, Errc::kLimitExceeded);

  auto windowed = PeerToHere(2);
  windowed.windows = {ZonedWindow{}};
  EXPECT_EQ(filter_.PutRule(now_, Direction::kInbound, windowed).error().code,
            Errc::kBadValue);
  EXPECT_EQ(filter_.counters().rules, 1u);
}

TEST_F(PacketFilterRules, RulesAreBounded) {
  FilterUpdate update;
  for (uint64_t id = 0; id <= kMaxFilterRules; ++id) {
    update.puts.push_back({Direction::kInbound, PeerToHere(id)});
  }
  EXPECT_EQ(filter_.Apply(now_, update).error().code, Errc::kLimitExceeded);
  update.puts.pop_back();
  ASSERT_TRUE(filter_.Apply(now_, update));
  // Replacing needs no more room; removing twice counts once.
  EXPECT_TRUE(filter_.PutRule(now_, Direction::kInbound, PeerToHere(5)));
  EXPECT_FALSE(
      filter_.PutRule(now_, Direction::kInbound, PeerToHere(kMaxFilterRules)));
  FilterUpdate swap;
  swap.removals = {{Direction::kInbound, 7}, {Direction::kInbound, 7}};
  swap.puts = {{Direction::kInbound, PeerToHere(kMaxFilterRules)}};
  EXPECT_TRUE(filter_.Apply(now_, swap));
  EXPECT_EQ(filter_.counters().rules, kMaxFilterRules);
}

TEST_F(PacketFilterUdp, RepliesPassByTheFlow) {
  PutOut(HereToPeer());
  EXPECT_EQ(In(Udp(kPeer, kHere)), Verdict::kNoRule);
  EXPECT_EQ(Out(Udp(kHere, kPeer)), Verdict::kAccept);
  EXPECT_EQ(In(Udp(kPeer, kHere)), Verdict::kAccept);
  EXPECT_EQ(In(Udp({kPeer.address, 50'001}, kHere)), Verdict::kNoRule);
  EXPECT_EQ(In(Udp(kPeer, {kHere.address, 444})), Verdict::kNoRule);
  EXPECT_EQ(filter_.counters().flows, 1u);
}

TEST_F(PacketFilterUdp, FlowsEndAfterTheirTime) {
  PutOut(HereToPeer());
  ASSERT_EQ(Out(Udp(kHere, kPeer)), Verdict::kAccept);
  now_ += minutes{2} + seconds{1};
  EXPECT_EQ(In(Udp(kPeer, kHere)), Verdict::kNoRule);

  ASSERT_EQ(Out(Udp(kHere, kPeer)), Verdict::kAccept);
  now_ += minutes{2};
  ASSERT_EQ(In(Udp(kPeer, kHere)), Verdict::kAccept);
  now_ += minutes{5};  // answered flows live longer
  ASSERT_EQ(In(Udp(kPeer, kHere)), Verdict::kAccept);
  now_ += minutes{5} + seconds{1};
  EXPECT_EQ(In(Udp(kPeer, kHere)), Verdict::kNoRule);
  EXPECT_EQ(filter_.counters().flows_expired, 2u);
}

TEST_F(PacketFilterUdp, TimeoutsAreAnnounced) {
  EXPECT_EQ(filter_.NextTimeout(), std::nullopt);
  PutOut(HereToPeer());
  ASSERT_EQ(Out(Udp(kHere, kPeer)), Verdict::kAccept);
  const Instant end = now_ + minutes{2} + seconds{1};
  EXPECT_EQ(filter_.NextTimeout(), end);
  filter_.HandleTimeout(end - seconds{1});
  EXPECT_EQ(filter_.counters().flows, 1u);
  filter_.HandleTimeout(end);
  EXPECT_EQ(filter_.counters().flows, 0u);
  EXPECT_EQ(filter_.NextTimeout(), std::nullopt);
}

TEST_F(PacketFilterTcp, OneWayPolicyIsStateful) {
  PutIn(WithPorts(PeerToHere(), {{443, 443}}));
  ConnectIn(kPeer, kHere);
  EXPECT_EQ(Out(Tcp(kHere, kPeer, kAck)), Verdict::kAccept);
  // This node may not connect to the peer, not even from the same port.
  EXPECT_EQ(Out(Tcp(kHere, kPeer, kSyn)), Verdict::kNoRule);
  EXPECT_EQ(Out(Tcp(kHere, {kPeer.address, 22}, kSyn)), Verdict::kNoRule);
  // The connection lives on.
  EXPECT_EQ(Out(Tcp(kHere, kPeer, kAck)), Verdict::kAccept);
}

TEST_F(PacketFilterTcp, StraySegmentsAreDropped) {
  EXPECT_EQ(In(Tcp(kPeer, kHere, kAck)), Verdict::kNoFlow);
  EXPECT_EQ(In(Tcp(kPeer, kHere, kRst)), Verdict::kNoFlow);
  EXPECT_EQ(In(Tcp(kPeer, kHere, kSynAck)), Verdict::kNoFlow);
  EXPECT_EQ(In(Tcp(kPeer, kHere, kFin)), Verdict::kNoFlow);
  PutOut(HereToPeer());
  EXPECT_EQ(In(Tcp(kPeer, kHere, kAck)), Verdict::kNoFlow);
  PutIn(PeerToHere());
  EXPECT_EQ(In(Tcp(kPeer, kHere, kRst)), Verdict::kNoFlow);
  EXPECT_EQ(In(Tcp(kPeer, kHere, kSynAck)), Verdict::kNoFlow);
  EXPECT_EQ(filter_.counters().flows, 0u);
}

TEST_F(PacketFilterTcp, ConnectionsOutliveARestartWhereARuleAllowsThem) {
  PutIn(WithPorts(PeerToHere(), {{443, 443}}));
  EXPECT_EQ(Out(Tcp(kHere, kPeer, kAck)), Verdict::kNoFlow);
  EXPECT_EQ(In(Tcp(kPeer, kHere, kAck)), Verdict::kAccept);
  EXPECT_EQ(Out(Tcp(kHere, kPeer, kAck)), Verdict::kAccept);
}

TEST_F(PacketFilterTcp, FlagsThatNoTcpSendsAreDropped) {
  PutIn(PeerToHere());
  for (const int flags : {0x00, 0x01, 0x03, 0x06, 0x05, 0x29, 0x3F, 0x08}) {
    EXPECT_EQ(In(Tcp(kPeer, kHere, static_cast<uint8_t>(flags))),
              Verdict::kBadTcpFlags)
        << flags;
  }
  // ECN (RFC 3168) sets two more bits in SYN.
  EXPECT_EQ(In(Tcp(kPeer, kHere, 0xC2)), Verdict::kAccept);
}

TEST_F(PacketFilterTcp, TimeDependsOnTheState) {
  PutIn(PeerToHere());
  ASSERT_EQ(In(Tcp(kPeer, kHere, kSyn)), Verdict::kAccept);
  now_ += minutes{4} + seconds{1};
  EXPECT_EQ(Out(Tcp(kHere, kPeer, kSynAck)), Verdict::kNoFlow);

  ConnectIn(kPeer, kHere);
  now_ += minutes{124};
  EXPECT_EQ(Out(Tcp(kHere, kPeer, kAck)), Verdict::kAccept);

  ASSERT_EQ(In(Tcp(kPeer, kHere, kFin)), Verdict::kAccept);
  now_ += minutes{124};  // half closed: the other side may go on
  ASSERT_EQ(Out(Tcp(kHere, kPeer, kFin)), Verdict::kAccept);
  ASSERT_EQ(In(Tcp(kPeer, kHere, kAck)), Verdict::kAccept);
  now_ += minutes{4} + seconds{1};
  EXPECT_EQ(Out(Tcp(kHere, kPeer, kAck)), Verdict::kNoFlow);
}

TEST_F(PacketFilterTcp, AnsweredButUnconfirmedIsNotEstablished) {
  PutIn(PeerToHere());
  ASSERT_EQ(In(Tcp(kPeer, kHere, kSyn)), Verdict::kAccept);
  ASSERT_EQ(Out(Tcp(kHere, kPeer, kSynAck)), Verdict::kAccept);
  now_ += minutes{4} + seconds{1};
  EXPECT_EQ(Out(Tcp(kHere, kPeer, kSynAck)), Verdict::kNoFlow);
}

TEST_F(PacketFilterTcp, ResetEndsSoon) {
  PutIn(PeerToHere());
  ConnectIn(kPeer, kHere);
  ASSERT_EQ(Out(Tcp(kHere, kPeer, kRst)), Verdict::kAccept);
  now_ += minutes{4} + seconds{1};
  EXPECT_EQ(Out(Tcp(kHere, kPeer, kAck)), Verdict::kNoFlow);
}

TEST_F(PacketFilterTcp, PortsMayBeUsedAgainAfterTheEnd) {
  PutIn(PeerToHere());
  ConnectIn(kPeer, kHere);
  ASSERT_EQ(In(Tcp(kPeer, kHere, kFin)), Verdict::kAccept);
  ASSERT_EQ(Out(Tcp(kHere, kPeer, kFin)), Verdict::kAccept);
  ConnectIn(kPeer, kHere);
  now_ += minutes{124};
  EXPECT_EQ(Out(Tcp(kHere, kPeer, kAck)), Verdict::kAccept);
  EXPECT_EQ(filter_.counters().flows, 1u);
  EXPECT_EQ(filter_.counters().flows_made, 2u);
}

TEST_F(PacketFilterTcp, AnInitiatorThatWasDoneMayBeginAnew) {
  PutIn(PeerToHere());
  ConnectIn(kPeer, kHere);
  ASSERT_EQ(In(Tcp(kPeer, kHere, kFin)), Verdict::kAccept);
  ConnectIn(kPeer, kHere);
  EXPECT_EQ(filter_.counters().flows_made, 2u);
  // One FIN closes half of the new connection, not the rest of the old one.
  ASSERT_EQ(Out(Tcp(kHere, kPeer, kFin)), Verdict::kAccept);
  now_ += minutes{124};
  EXPECT_EQ(In(Tcp(kPeer, kHere, kAck)), Verdict::kAccept);
}

TEST_F(PacketFilterTcp, ResponderMayConnectBackWhereARuleAllowsIt) {
  PutIn(PeerToHere());
  PutOut(HereToPeer());
  ConnectIn(kPeer, kHere);
  ASSERT_EQ(In(Tcp(kPeer, kHere, kRst)), Verdict::kAccept);
  EXPECT_EQ(Out(Tcp(kHere, kPeer, kSyn)), Verdict::kAccept);
  EXPECT_EQ(In(Tcp(kPeer, kHere, kSynAck)), Verdict::kAccept);
  EXPECT_EQ(Out(Tcp(kHere, kPeer, kAck)), Verdict::kAccept);
  now_ += minutes{124};
  EXPECT_EQ(In(Tcp(kPeer, kHere, kAck)), Verdict::kAccept);
}

TEST_F(PacketFilterRules, VerdictsAreCounted) {
  PutIn(PeerToHere());
  (void)In(Udp(kPeer, kHere));
  (void)In(Udp(kPeer, kHere));
  (void)In(Udp(kOther, kHere));
  (void)Out(Udp(kHere, kOther));
  const auto counters = filter_.counters();
  const auto count = [&](Direction direction, Verdict verdict) {
    return counters
        .packets[static_cast<size_t>(direction)][static_cast<size_t>(verdict)];
  };
  EXPECT_EQ(count(Direction::kInbound, Verdict::kAccept), 2u);
  EXPECT_EQ(count(Direction::kInbound, Verdict::kNoRule), 1u);
  EXPECT_EQ(count(Direction::kOutbound, Verdict::kNoRule), 1u);
  EXPECT_EQ(counters.flows_made, 1u);
  for (size_t i = 0; i < kVerdictCount; ++i) {
    EXPECT_NE(VerdictName(static_cast<Verdict>(i)), "unknown");
  }
  EXPECT_EQ(VerdictName(static_cast<Verdict>(kVerdictCount)), "unknown");
}

}  // namespace
}  // namespace natkit::mesh
