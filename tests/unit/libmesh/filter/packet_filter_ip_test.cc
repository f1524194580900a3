// Addresses, headers, ICMP and fragments in PacketFilter.

#include "filter_fixture.h"

namespace natkit::mesh {
namespace {

using std::chrono::seconds;
using testing::Echo;
using testing::FragmentHeader;
using testing::Ip;
using testing::IpPacket;
using testing::Packet;
using testing::Ping;
using testing::Tcp;
using testing::Udp;
using testing::UdpPayload;
using testing::Unreachable;

using PacketFilterHeaders = FilterTest;
using PacketFilterIcmp = FilterTest;
using PacketFilterFragments = FilterTest;

constexpr uint16_t kMore = 0x2000;

FilterRule Everything() {
  FilterRule rule;
  rule.id = 99;
  rule.sources = {IpPrefix::Parse("0.0.0.0/0").value(),
                  IpPrefix::Parse("::/0").value()};
  rule.destinations = rule.sources;
  for (int protocol = 0; protocol < 256; ++protocol) {
    rule.protocols.push_back(static_cast<uint8_t>(protocol));
  }
  return rule;
}

TEST_F(PacketFilterHeaders, AddressesThatDoNotBelongInATunnelAreDropped) {
  PutIn(Everything());
  PutOut(Everything());
  for (const auto text : {"224.0.0.251", "239.1.2.3", "255.255.255.255",
                          "0.0.0.0", "0.1.2.3", "169.254.1.1", "127.0.0.1"}) {
    EXPECT_EQ(In(Udp({Ip(text), 1}, kHere)), Verdict::kBadAddress) << text;
    EXPECT_EQ(Out(Udp(kHere, {Ip(text), 1})), Verdict::kBadAddress) << text;
  }
  for (const auto text :
       {"ff02::1", "fe80::1", "::", "::1", "::ffff:100.64.0.2"}) {
    EXPECT_EQ(In(Udp({Ip(text), 1}, kHere6)), Verdict::kBadAddress) << text;
    EXPECT_EQ(Out(Udp(kHere6, {Ip(text), 1})), Verdict::kBadAddress) << text;
  }
}

TEST_F(PacketFilterHeaders, EveryCutIsMalformed) {
  PutIn(Everything());
  for (const auto& packet :
       {Udp(kPeer, kHere), Udp(kPeer6, kHere6), Tcp(kPeer, kHere, kSyn),
        Ping(kPeer6.address, kHere6.address, Echo::kRequest, 1)}) {
    for (size_t size = 0; size < packet.size(); ++size) {
      const Packet cut(packet.begin(),
                       packet.begin() + static_cast<ptrdiff_t>(size));
      ASSERT_EQ(In(cut), Verdict::kMalformed) << size;
    }
    Packet padded = packet;
    padded.resize(packet.size() + 15);
    EXPECT_EQ(In(padded), Verdict::kAccept);
  }
}

TEST_F(PacketFilterHeaders, ContradictingLengthsAreMalformed) {
  PutIn(Everything());
  auto packet = Udp(kPeer, kHere);
  packet[0] = 0x44;  // a header of 16 bytes
  EXPECT_EQ(In(packet), Verdict::kMalformed);
  packet = Udp(kPeer, kHere);
  packet[3] = 19;  // a packet shorter than its header
  EXPECT_EQ(In(packet), Verdict::kMalformed);
  packet = Udp(kPeer, kHere);
  packet[20 + 5] = 7;  // UDP shorter than its header
  EXPECT_EQ(In(packet), Verdict::kMalformed);
  packet[20 + 5] = 13;  // UDP longer than the packet
  EXPECT_EQ(In(packet), Verdict::kMalformed);
  packet = Tcp(kPeer, kHere, kSyn);
  packet[20 + 12] = 0x40;
  EXPECT_EQ(In(packet), Verdict::kMalformed);
  packet[20 + 12] = 0x60;
  EXPECT_EQ(In(packet), Verdict::kMalformed);
  packet = Udp(kPeer, kHere);
  packet[0] = 0x55;
  EXPECT_EQ(In(packet), Verdict::kMalformed);
}

TEST_F(PacketFilterHeaders, SourceRoutesAreDropped) {
  PutIn(Everything());
  const auto with = [&](std::vector<uint8_t> options) {
    return In(IpPacket(kPeer.address, kHere.address, 17, UdpPayload(1, 2),
                       {.options = std::move(options)}));
  };
  EXPECT_EQ(with({1, 1, 148, 4, 0, 0, 0, 0}), Verdict::kAccept);
  EXPECT_EQ(with({1, 131, 3, 4}), Verdict::kSourceRoute);
  EXPECT_EQ(with({137, 3, 4, 0}), Verdict::kSourceRoute);
  EXPECT_EQ(with({148, 4, 0, 0, 131, 3, 4, 0}), Verdict::kSourceRoute);
  EXPECT_EQ(with({0, 131, 3, 4}), Verdict::kAccept);  // after the end
  EXPECT_EQ(with({148, 1, 0, 0}), Verdict::kMalformed);
  EXPECT_EQ(with({1, 1, 148, 9}), Verdict::kMalformed);
}

// `kinds` in order, each of eight bytes, before UDP.
Packet WithExtensions(const std::vector<uint8_t>& kinds, uint8_t segments) {
  Packet payload;
  for (size_t i = 0; i < kinds.size(); ++i) {
    const uint8_t next = i + 1 < kinds.size() ? kinds[i + 1] : 17;
    testing::Append(payload, Packet{next, 0, 0, segments, 0, 0, 0, 0});
  }
  testing::Append(payload, UdpPayload(50'000, 443));
  return IpPacket(Ip("fd7a::2"), Ip("fd7a::1"), kinds.front(), payload);
}

TEST_F(PacketFilterHeaders, ExtensionHeadersAreWalked) {
  PutIn(WithPorts(PeerToHere(), {{443, 443}}));
  EXPECT_EQ(In(WithExtensions({0, 60, 43, 60}, 0)), Verdict::kAccept);
  EXPECT_EQ(In(WithExtensions({43}, 1)), Verdict::kSourceRoute);
  EXPECT_EQ(In(WithExtensions({60, 0}, 0)), Verdict::kMalformed);
  EXPECT_EQ(In(WithExtensions(std::vector<uint8_t>(8, 60), 0)),
            Verdict::kAccept);
  EXPECT_EQ(In(WithExtensions(std::vector<uint8_t>(9, 60), 0)),
            Verdict::kMalformed);
  auto packet = WithExtensions({60}, 0);
  packet[41] = 200;  // longer than the packet
  EXPECT_EQ(In(packet), Verdict::kMalformed);
}

TEST_F(PacketFilterIcmp, EchoNeedsAnyRuleForThePair) {
  const auto ping = Ping(kPeer.address, kHere.address, Echo::kRequest, 7);
  EXPECT_EQ(In(ping), Verdict::kNoRule);
  auto rule = WithPorts(PeerToHere(), {{443, 443}});
  rule.protocols = {6};
  PutIn(rule);
  EXPECT_EQ(In(ping), Verdict::kAccept);
  EXPECT_EQ(In(Ping(kPeer6.address, kHere6.address, Echo::kRequest, 7)),
            Verdict::kAccept);
  EXPECT_EQ(In(Ping(kOther.address, kHere.address, Echo::kRequest, 7)),
            Verdict::kNoRule);
}

TEST_F(PacketFilterIcmp, EchoRepliesNeedTheRequest) {
  PutIn(PeerToHere());
  const auto reply = [&](uint16_t id) {
    return Out(Ping(kHere.address, kPeer.address, Echo::kReply, id));
  };
  EXPECT_EQ(reply(7), Verdict::kUnrelatedIcmp);
  ASSERT_EQ(In(Ping(kPeer.address, kHere.address, Echo::kRequest, 7)),
            Verdict::kAccept);
  EXPECT_EQ(reply(7), Verdict::kAccept);
  EXPECT_EQ(reply(8), Verdict::kUnrelatedIcmp);
  // The same identifier does not let this node ask, or the peer answer.
  EXPECT_EQ(Out(Ping(kHere.address, kPeer.address, Echo::kRequest, 7)),
            Verdict::kNoRule);
  EXPECT_EQ(In(Ping(kPeer.address, kHere.address, Echo::kReply, 7)),
            Verdict::kUnrelatedIcmp);
  now_ += seconds{61};
  EXPECT_EQ(reply(7), Verdict::kUnrelatedIcmp);
}

TEST_F(PacketFilterIcmp, ErrorsPassAboutAFlowOnly) {
  PutOut(HereToPeer());
  const auto about = Udp(kHere, kPeer);
  const auto router = Ip("192.168.1.1");
  EXPECT_EQ(In(Unreachable(kPeer.address, kHere.address, about)),
            Verdict::kUnrelatedIcmp);
  ASSERT_EQ(Out(about), Verdict::kAccept);
  EXPECT_EQ(In(Unreachable(kPeer.address, kHere.address, about)),
            Verdict::kAccept);
  EXPECT_EQ(In(Unreachable(router, kHere.address, about, 28)),
            Verdict::kAccept);
  // About the answer: it went the other way.
  EXPECT_EQ(In(Unreachable(kPeer.address, kHere.address, Udp(kPeer, kHere))),
            Verdict::kUnrelatedIcmp);
  // To somebody else, about another port, cut too short.
  EXPECT_EQ(In(Unreachable(kPeer.address, Ip("100.64.0.9"), about)),
            Verdict::kUnrelatedIcmp);
  EXPECT_EQ(In(Unreachable(kPeer.address, kHere.address,
                           Udp(kHere, {kPeer.address, 1}))),
            Verdict::kUnrelatedIcmp);
  EXPECT_EQ(In(Unreachable(kPeer.address, kHere.address, about, 27)),
            Verdict::kUnrelatedIcmp);
  EXPECT_EQ(In(Unreachable(Ip("224.0.0.1"), kHere.address, about)),
            Verdict::kBadAddress);
}

TEST_F(PacketFilterIcmp, ErrorsOfBothFamiliesPass) {
  PutIn(PeerToHere());
  ASSERT_EQ(In(Tcp(kPeer6, kHere6, kSyn)), Verdict::kAccept);
  const auto answer = Tcp(kHere6, kPeer6, kSynAck);
  ASSERT_EQ(Out(answer), Verdict::kAccept);
  EXPECT_EQ(In(Unreachable(kPeer6.address, kHere6.address, answer)),
            Verdict::kAccept);
  EXPECT_EQ(Out(Unreachable(kHere6.address, kPeer6.address,
                            Tcp(kPeer6, kHere6, kAck), 48)),
            Verdict::kAccept);
  const auto ping = Ping(kPeer.address, kHere.address, Echo::kRequest, 3);
  ASSERT_EQ(In(ping), Verdict::kAccept);
  EXPECT_EQ(Out(Unreachable(kHere.address, kPeer.address, ping)),
            Verdict::kAccept);
}

TEST_F(PacketFilterIcmp, ErrorsAboutErrorsAreDropped) {
  PutOut(HereToPeer());
  ASSERT_EQ(Out(Udp(kHere, kPeer)), Verdict::kAccept);
  const auto error =
      Unreachable(kHere.address, kPeer.address, Udp(kPeer, kHere));
  EXPECT_EQ(In(Unreachable(kPeer.address, kHere.address, error)),
            Verdict::kUnrelatedIcmp);
}

TEST_F(PacketFilterIcmp, MessagesOfALinkAreDropped) {
  PutIn(Everything());
  for (const int type : {4, 5, 9, 10}) {
    EXPECT_EQ(In(IpPacket(
                  kPeer.address, kHere.address, 1,
                  testing::IcmpPayload(static_cast<uint8_t>(type), Packet(8)))),
              Verdict::kLinkIcmp)
        << type;
  }
  for (const int type : {130, 133, 134, 135, 136, 137, 143, 151}) {
    EXPECT_EQ(In(IpPacket(
                  kPeer6.address, kHere6.address, 58,
                  testing::IcmpPayload(static_cast<uint8_t>(type), Packet(8)))),
              Verdict::kLinkIcmp)
        << type;
  }
}

TEST_F(PacketFilterIcmp, OtherMessagesNeedTheProtocolAndAllPorts) {
  const auto timestamp = IpPacket(kPeer.address, kHere.address, 1,
                                  testing::IcmpPayload(13, Packet(16)));
  PutIn(WithPorts(PeerToHere(), {{443, 443}}));
  EXPECT_EQ(In(timestamp), Verdict::kNoRule);
  PutIn(PeerToHere());
  EXPECT_EQ(In(timestamp), Verdict::kAccept);
}

Packet Fragment4(const Packet& payload, uint16_t id, size_t begin, bool more) {
  return IpPacket(
      Ip("100.64.0.2"), Ip("100.64.0.1"), 17, payload,
      {.id = id,
       .fragment = static_cast<uint16_t>(begin / 8 | (more ? kMore : 0)),
       .options = {}});
}

Packet Fragment6(const Packet& payload, uint32_t id, size_t begin, bool more) {
  return IpPacket(Ip("fd7a::2"), Ip("fd7a::1"), 44,
                  FragmentHeader(17, begin, more, id, payload));
}

TEST_F(PacketFilterFragments, LaterOnesPassAfterTheFirst) {
  PutIn(WithPorts(PeerToHere(), {{443, 443}}));
  const auto first = UdpPayload(50'000, 443, 24);
  for (const auto fragment :
       {+[](const Packet& payload, uint32_t id, size_t begin, bool more) {
          return Fragment4(payload, static_cast<uint16_t>(id), begin, more);
        },
        +[](const Packet& payload, uint32_t id, size_t begin, bool more) {
          return Fragment6(payload, id, begin, more);
        }}) {
    EXPECT_EQ(In(fragment(Packet(8), 5, 32, true)), Verdict::kNoFirstFragment);
    EXPECT_EQ(In(fragment(first, 5, 0, true)), Verdict::kAccept);
    EXPECT_EQ(In(fragment(Packet(8), 5, 32, true)), Verdict::kAccept);
    EXPECT_EQ(In(fragment(Packet(3), 5, 40, false)), Verdict::kAccept);
    EXPECT_EQ(In(fragment(Packet(3), 6, 40, false)), Verdict::kNoFirstFragment);
    now_ += seconds{60};
    EXPECT_EQ(In(fragment(Packet(3), 5, 40, false)), Verdict::kNoFirstFragment);
  }
}

TEST_F(PacketFilterFragments, OfARefusedDatagramNonePass) {
  PutIn(WithPorts(PeerToHere(), {{80, 80}}));
  EXPECT_EQ(In(Fragment4(UdpPayload(50'000, 443, 24), 5, 0, true)),
            Verdict::kNoRule);
  EXPECT_EQ(In(Fragment4(Packet(8), 5, 32, false)), Verdict::kNoFirstFragment);
}

TEST_F(PacketFilterFragments, TinyFirstOnesAreDropped) {
  PutIn(Everything());
  const auto tcp = testing::TcpPayload(1, 2, kSyn, 4);
  const auto piece = [&](uint8_t protocol, const Packet& whole, size_t size) {
    const Packet payload(whole.begin(),
                         whole.begin() + static_cast<ptrdiff_t>(size));
    return In(IpPacket(kPeer.address, kHere.address, protocol, payload,
                       {.id = 9, .fragment = kMore, .options = {}}));
  };
  EXPECT_EQ(piece(6, tcp, 8), Verdict::kBadFragment);
  EXPECT_EQ(piece(6, tcp, 16), Verdict::kBadFragment);
  EXPECT_EQ(piece(6, tcp, 24), Verdict::kAccept);
  EXPECT_EQ(piece(17, UdpPayload(1, 2, 24), 12), Verdict::kBadFragment);
  // The IPv6 header chain has to be in the first one as well.
  Packet chain{17, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(In(IpPacket(kPeer6.address, kHere6.address, 44,
                        FragmentHeader(60, 0, true, 3, chain))),
            Verdict::kBadFragment);
}

TEST_F(PacketFilterFragments, OverlapsEndTheDatagram) {
  PutIn(Everything());
  const auto first = UdpPayload(1, 2, 24);
  ASSERT_EQ(In(Fragment4(first, 5, 0, true)), Verdict::kAccept);
  EXPECT_EQ(In(Fragment4(first, 5, 0, true)), Verdict::kAccept);  // twice
  EXPECT_EQ(In(Fragment4(Packet(8), 5, 24, true)), Verdict::kBadFragment);
  EXPECT_EQ(In(Fragment4(Packet(8), 5, 32, true)), Verdict::kNoFirstFragment);

  ASSERT_EQ(In(Fragment6(first, 5, 0, true)), Verdict::kAccept);
  EXPECT_EQ(In(Fragment6(UdpPayload(1, 2, 32), 5, 0, true)),
            Verdict::kBadFragment);
  EXPECT_EQ(In(Fragment6(Packet(8), 5, 40, true)), Verdict::kNoFirstFragment);
}

TEST_F(PacketFilterFragments, ImpossibleOnesAreDropped) {
  PutIn(Everything());
  ASSERT_EQ(In(Fragment4(UdpPayload(1, 2, 24), 5, 0, true)), Verdict::kAccept);
  EXPECT_EQ(In(Fragment4(Packet(100), 5, 65'528, false)),
            Verdict::kBadFragment);
  EXPECT_EQ(In(Fragment4({}, 5, 32, false)), Verdict::kBadFragment);
  EXPECT_EQ(In(Fragment4(Packet(7), 5, 32, true)), Verdict::kBadFragment);
}

TEST_F(PacketFilterFragments, AtomicOnesAreWhole) {
  PutIn(WithPorts(PeerToHere(), {{443, 443}}));
  EXPECT_EQ(In(Fragment6(UdpPayload(50'000, 443, 3), 5, 0, false)),
            Verdict::kAccept);
  EXPECT_EQ(In(Fragment6(Packet(3), 5, 16, false)), Verdict::kNoFirstFragment);
  const auto nested = FragmentHeader(
      44, 0, true, 1, FragmentHeader(17, 0, true, 2, UdpPayload(1, 443, 24)));
  EXPECT_EQ(In(IpPacket(kPeer6.address, kHere6.address, 44, nested)),
            Verdict::kMalformed);
}

TEST_F(PacketFilterFragments, NarrowerRulesEndThem) {
  PutIn(PeerToHere());
  ASSERT_EQ(In(Fragment4(UdpPayload(1, 2, 24), 5, 0, true)), Verdict::kAccept);
  filter_.RemoveRule(now_, Direction::kInbound, 1);
  EXPECT_EQ(In(Fragment4(Packet(8), 5, 32, false)), Verdict::kNoFirstFragment);
}

TEST_F(PacketFilterFragments, AFloodLeavesThoseOfOtherPeers) {
  PutIn(Everything());
  const auto first = UdpPayload(1, 2, 24);
  ASSERT_EQ(In(Fragment4(first, 5, 0, true), 1), Verdict::kAccept);
  for (uint32_t id = 0; id < 20'000; ++id) {
    ASSERT_EQ(In(Fragment6(first, id, 0, true), 2), Verdict::kAccept);
  }
  EXPECT_EQ(In(Fragment4(Packet(8), 5, 32, false), 1), Verdict::kAccept);
}

}  // namespace
}  // namespace natkit::mesh
