#include "natkit/netsim/packet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <string_view>

#include "natkit/base/encoding.h"
#include "natkit/netsim/sim_rng.h"

namespace natkit::netsim {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using Bytes = std::vector<uint8_t>;

Endpoint At(std::string_view text) {
  return Endpoint::Parse(text).value();
}

IpAddress Ip(std::string_view text) {
  return IpAddress::Parse(text).value();
}

Bytes Hex(std::string_view text) {
  return FromHex(text).value();
}

Bytes Payload(size_t size) {
  Bytes bytes(size);
  std::iota(bytes.begin(), bytes.end(), uint8_t{1});
  return bytes;
}

bool IsIntact(ByteView packet) {
  const auto info = ParsePacket(packet);
  return info && HasValidTransportChecksum(packet, *info);
}

/// With checksums computed from nothing.
Bytes Fixed(Bytes packet) {
  FixChecksums(packet);
  return packet;
}

/// Puts `extra` (extension headers, the first of type `type`) between the
/// IPv6 header and the transport header of a packet.
Bytes WithExtension(Bytes packet, uint8_t type, const Bytes& extra) {
  packet.insert(packet.begin() + 40, extra.begin(), extra.end());
  packet[40] = packet[6];
  packet[6] = type;
  const size_t length = packet.size() - 40;
  packet[4] = static_cast<uint8_t>(length >> 8);
  packet[5] = static_cast<uint8_t>(length);
  return packet;
}

/// The packet whose fragments these are; the IPv6 ones have the fragment
/// header as their only extension.
Bytes Reassemble(const std::vector<Bytes>& fragments) {
  std::map<size_t, Bytes> parts;
  Bytes out;
  for (const Bytes& fragment : fragments) {
    const auto info = ParsePacket(fragment).value();
    EXPECT_TRUE(info.is_fragment);
    EXPECT_EQ(info.has_more_fragments, &fragment != &fragments.back());
    parts[info.fragment_offset] =
        Bytes(fragment.begin() + info.transport_offset, fragment.end());
    if (info.fragment_offset == 0) {
      out.assign(fragment.begin(), fragment.begin() + info.transport_offset);
    }
  }
  const bool is_v4 = out[0] >> 4 == 4;
  if (!is_v4) {
    out[6] = out[40];
    out.resize(40);
  }
  const size_t header = out.size();
  for (const auto& [offset, bytes] : parts) {
    EXPECT_EQ(out.size() - header, offset);
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  const size_t length = is_v4 ? out.size() : out.size() - 40;
  out[is_v4 ? 2 : 4] = static_cast<uint8_t>(length >> 8);
  out[is_v4 ? 3 : 5] = static_cast<uint8_t>(length);
  if (is_v4) {
    out[6] = out[7] = 0;
  }
  return Fixed(out);
}

// RFC 1071 section 3: the words 0001 f203 f4f5 f6f7 sum to ddf2.
TEST(InternetChecksum, MatchesTheExampleOfRfc1071) {
  const Bytes bytes = Hex("0001f203f4f5f6f7");
  EXPECT_EQ(InternetChecksum(bytes), 0xffff - 0xddf2);
  EXPECT_EQ(InternetChecksum(ByteView(bytes).subspan(4), 0x0001 + 0xf203),
            0xffff - 0xddf2);
}

TEST(InternetChecksum, PadsAnOddByteWithZero) {
  EXPECT_EQ(InternetChecksum(Hex("0001f2")), 0xffff - 0xf201);
  EXPECT_EQ(InternetChecksum({}), 0xffff);
}

TEST(InternetChecksum, AgreesWithAPlainLoopOnAnySize) {
  SimRng rng(1);
  for (size_t size = 0; size < 200; ++size) {
    Bytes bytes(size);
    rng.Fill(bytes);
    uint32_t sum = 0;
    for (size_t i = 0; i < size; ++i) {
      sum += static_cast<uint32_t>(bytes[i]) << (i % 2 == 0 ? 8 : 0);
      sum = (sum & 0xffff) + (sum >> 16);
    }
    EXPECT_EQ(InternetChecksum(bytes), static_cast<uint16_t>(~sum)) << size;
  }
}

// All carries there can be: words of ones sum to ones.
TEST(InternetChecksum, LosesNoCarryOfALongPacket) {
  EXPECT_EQ(InternetChecksum(Bytes(65'534, 0xff)), 0);
  EXPECT_EQ(InternetChecksum(Bytes(65'534, 0xff), 1), 0xfffe);
}

TEST(ParsePacket, ReadsAnIpv4UdpPacketMadeByHand) {
  const Bytes packet =
      Hex("4500001f123440004011"
          "0000"
          "c0000201c6336407"
          "9c400050000b0000"
          "616263");
  const Bytes fixed = Fixed(packet);
  const auto info = ParsePacket(fixed).value();
  EXPECT_EQ(info.source, At("192.0.2.1:40000"));
  EXPECT_EQ(info.destination, At("198.51.100.7:80"));
  EXPECT_EQ(info.protocol, 17);
  EXPECT_EQ(info.ttl, 64);
  EXPECT_EQ(info.total_size, 31);
  EXPECT_EQ(info.transport_offset, 20);
  EXPECT_EQ(info.fragment_id, 0x1234);
  EXPECT_TRUE(info.has_dont_fragment);
  EXPECT_FALSE(info.is_fragment);
  EXPECT_TRUE(info.has_transport);
  EXPECT_EQ(AsText(UdpPayload(fixed, info).value()), "abc");
}

// The sums, word by word, on paper.
TEST(FixChecksums, GivesWhatPaperGives) {
  const Bytes fixed =
      Fixed(Hex("4500001f123440004011"
                "0000"
                "c0000201c6336407"
                "9c400050000b0000"
                "616263"));
  const uint32_t header = 0x4500 + 0x001f + 0x1234 + 0x4000 + 0x4011 + 0xc000 +
                          0x0201 + 0xc633 + 0x6407;
  const uint32_t udp = 0xc000 + 0x0201 + 0xc633 + 0x6407 + 0x0011 + 0x000b +
                       0x9c40 + 0x0050 + 0x000b + 0x6162 + 0x6300;
  EXPECT_EQ(header, 0x2c39fU);  // c39f + 2 = c3a1, complement 3c5e
  EXPECT_EQ(udp, 0x34d54U);     // 4d54 + 3 = 4d57, complement b2a8
  EXPECT_EQ(ToHex(ByteView(fixed).subspan(10, 2)), "3c5e");
  EXPECT_EQ(ToHex(ByteView(fixed).subspan(26, 2)), "b2a8");
}

TEST(ParsePacket, ReadsIpv6UdpAndTcp) {
  const Bytes udp = BuildUdp(At("[2001:db8::1]:5000"), At("[2001:db8::2]:53"),
                             AsBytes("query"), {.ttl = 9});
  const auto info = ParsePacket(udp).value();
  EXPECT_EQ(info.source, At("[2001:db8::1]:5000"));
  EXPECT_EQ(info.destination, At("[2001:db8::2]:53"));
  EXPECT_EQ(info.ttl, 9);
  EXPECT_EQ(info.transport_offset, 40);
  EXPECT_EQ(info.total_size, udp.size());
  EXPECT_TRUE(IsIntact(udp));

  const Bytes tcp = BuildTcp(At("[2001:db8::1]:5000"), At("[2001:db8::2]:80"),
                             {.flags = kTcpSyn | kTcpAck, .mss = 1440}, {});
  EXPECT_EQ(ParsePacket(tcp)->tcp_flags, kTcpSyn | kTcpAck);
  EXPECT_EQ(ToHex(ByteView(tcp).last(4)), "020405a0");
  EXPECT_TRUE(IsIntact(tcp));
}

TEST(ParsePacket, PutsTheIdOfAQueryWhereItsAskerIs) {
  for (const auto& [a, b] : {std::pair{"192.0.2.1", "192.0.2.2"},
                             std::pair{"2001:db8::1", "2001:db8::2"}}) {
    const Bytes request =
        BuildEcho(Ip(a), Ip(b), EchoKind::kRequest, 77, 1, AsBytes("ping"));
    const Bytes reply =
        BuildEcho(Ip(b), Ip(a), EchoKind::kReply, 77, 1, AsBytes("ping"));
    const auto out = ParsePacket(request).value();
    const auto in = ParsePacket(reply).value();
    EXPECT_EQ(out.source, (Endpoint{Ip(a), 77}));
    EXPECT_EQ(out.destination, (Endpoint{Ip(b), 0}));
    EXPECT_EQ(in.source, (Endpoint{Ip(b), 0}));
    EXPECT_EQ(in.destination, (Endpoint{Ip(a), 77}));
    EXPECT_TRUE(out.is_icmp_echo() && in.is_icmp_echo());
    EXPECT_FALSE(out.is_icmp_error());
    EXPECT_TRUE(IsIntact(request) && IsIntact(reply));
  }
}

TEST(ParsePacket, WalksExtensionHeaders) {
  const Bytes plain = BuildUdp(At("[2001:db8::1]:1"), At("[2001:db8::2]:2"),
                               AsBytes("payload"));
  Bytes packet = WithExtension(plain, 60, Bytes(16, 0));
  packet[41] = 1;  // destination options of 16 bytes
  packet = WithExtension(packet, 0, Bytes(8, 0));
  const auto info = ParsePacket(packet).value();
  EXPECT_EQ(info.protocol, 17);
  EXPECT_EQ(info.transport_offset, 64);
  EXPECT_EQ(info.source.port, 1);
  EXPECT_TRUE(HasValidTransportChecksum(packet, info));
}

TEST(ParsePacket, DropsAnExtensionHeaderThatRunsPastTheEnd) {
  Bytes packet =
      WithExtension(BuildUdp(At("[2001:db8::1]:1"), At("[2001:db8::2]:2"), {}),
                    60, Bytes(8, 0));
  packet[41] = 200;
  EXPECT_FALSE(ParsePacket(packet));
}

TEST(ParsePacket, TakesAnAtomicFragmentAsWhole) {
  Bytes header(8, 0);
  header[7] = 9;
  const Bytes packet = WithExtension(
      BuildUdp(At("[2001:db8::1]:1"), At("[2001:db8::2]:2"), AsBytes("x")), 44,
      header);
  const auto info = ParsePacket(packet).value();
  EXPECT_FALSE(info.is_fragment);
  EXPECT_EQ(info.fragment_id, 9);
  EXPECT_TRUE(info.has_transport);
}

TEST(ParsePacket, DropsWhatContradictsItself) {
  const Bytes good = BuildUdp(At("192.0.2.1:1"), At("192.0.2.2:2"), Payload(9));
  ASSERT_TRUE(ParsePacket(good));
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(ParsePacket(ByteView(good).first(size))) << size;
  }
  for (size_t i = 0; i < 20; ++i) {
    Bytes bad = good;
    bad[i] ^= 0x10;
    EXPECT_FALSE(ParsePacket(bad)) << "byte " << i;
  }
  Bytes trailing = good;
  trailing.resize(60);
  EXPECT_EQ(ParsePacket(trailing)->total_size, good.size());
}

TEST(ParsePacket, GivesNoPortsToACutTransportHeader) {
  Bytes packet = BuildUdp(At("192.0.2.1:1"), At("192.0.2.2:2"), {});
  packet.resize(24);
  packet[3] = 24;
  const auto info = ParsePacket(Fixed(packet)).value();
  EXPECT_FALSE(info.has_transport);
  EXPECT_EQ(info.source.port, 0);
}

TEST(ParseQuotedPacket, NeedsEightBytesOfTransport) {
  const Bytes packet = BuildTcp(At("192.0.2.1:1000"), At("192.0.2.2:80"),
                                {.flags = kTcpSyn}, Payload(100));
  Bytes quoted(packet.begin(), packet.begin() + 28);
  quoted[10] ^= 0xff;  // a bad header checksum does not matter here
  const auto info = ParseQuotedPacket(quoted).value();
  EXPECT_TRUE(info.has_transport);
  EXPECT_EQ(info.source.port, 1000);
  EXPECT_EQ(info.total_size, packet.size());
  quoted.pop_back();
  EXPECT_FALSE(ParseQuotedPacket(quoted)->has_transport);
}

TEST(HasValidTransportChecksum, TakesZeroAsNoneOverIpv4Only) {
  Bytes v4 = BuildUdp(At("192.0.2.1:1"), At("192.0.2.2:2"), Payload(5));
  v4[26] = v4[27] = 0;
  EXPECT_TRUE(IsIntact(v4));
  v4[27] = 1;
  EXPECT_FALSE(IsIntact(v4));
  Bytes v6 = BuildUdp(At("[2001:db8::1]:1"), At("[2001:db8::2]:2"), Payload(5));
  v6[46] = v6[47] = 0;
  EXPECT_FALSE(IsIntact(v6));
}

/// One packet of every kind that the rewriting knows.
std::vector<Bytes> EveryKind(std::string_view from, std::string_view to,
                             size_t payload) {
  const Endpoint a{Ip(from), 4000};
  const Endpoint b{Ip(to), 80};
  const Bytes data = Payload(payload);
  return {BuildUdp(a, b, data),
          BuildTcp(a, b, {.sequence = 7, .flags = kTcpAck}, data),
          BuildEcho(a.address, b.address, EchoKind::kRequest, 5, 6, data),
          BuildIcmpError(a.address, a.address.is_v4() ? 3 : 1, 1, 0,
                         BuildUdp(b, a, data))};
}

TEST(Rewrite, LeavesTheChecksumsThatAFreshComputationGives) {
  SimRng rng(7);
  for (int round = 0; round < 2000; ++round) {
    const bool is_v4 = round % 2 == 0;
    for (Bytes& packet :
         EveryKind(is_v4 ? "10.0.0.2" : "fd00::2",
                   is_v4 ? "192.0.2.9" : "2001:db8::9", rng.NextBelow(40))) {
      Bytes address(is_v4 ? 4 : 16);
      rng.Fill(address);
      if (round % 7 == 0) {
        std::ranges::fill(address, round % 14 == 0 ? 0xff : 0);
      }
      const Endpoint to{IpAddress::FromBytes(address).value(),
                        static_cast<uint16_t>(rng.NextBelow(65536))};
      auto info = ParsePacket(packet).value();
      RewriteSource(packet, info, to);
      RewriteDestination(packet, info, {to.address, 9});
      RewriteIcmpId(packet, info, to.port);
      DecrementTtl(packet, info);
      EXPECT_EQ(packet, Fixed(packet));
      const auto again = ParsePacket(packet).value();
      EXPECT_EQ(again.source, info.source);
      EXPECT_EQ(again.destination, info.destination);
      EXPECT_EQ(again.icmp_id, info.icmp_id);
      EXPECT_EQ(again.ttl, 63);
    }
  }
}

TEST(Rewrite, LeavesAWrongChecksumWrong) {
  Bytes packet = BuildUdp(At("10.0.0.2:1"), At("192.0.2.2:2"), Payload(5));
  packet[27] ^= 1;
  auto info = ParsePacket(packet).value();
  RewriteSource(packet, info, At("203.0.113.1:999"));
  EXPECT_FALSE(IsIntact(packet));
  EXPECT_NE(packet, Fixed(packet));
}

TEST(Rewrite, KeepsTheUdpChecksumThatIsNotThere) {
  Bytes packet = BuildUdp(At("10.0.0.2:1"), At("192.0.2.2:2"), Payload(5));
  packet[26] = packet[27] = 0;
  auto info = ParsePacket(packet).value();
  RewriteSource(packet, info, At("203.0.113.1:999"));
  EXPECT_EQ(packet[26] | packet[27], 0);
}

TEST(Rewrite, NeverMakesAUdpChecksumOfZero) {
  int at_all_ones = 0;
  for (uint32_t port = 0; port < 65536; ++port) {
    static Bytes packet = BuildUdp(At("10.0.0.2:1"), At("192.0.2.2:2"), {});
    static PacketInfo info = ParsePacket(packet).value();
    RewriteSource(packet, info, {Ip("10.0.0.2"), static_cast<uint16_t>(port)});
    ASSERT_NE(packet[26] | packet[27], 0) << port;
    ASSERT_TRUE(HasValidTransportChecksum(packet, info)) << port;
    at_all_ones += packet[26] == 0xff && packet[27] == 0xff ? 1 : 0;
  }
  EXPECT_GE(at_all_ones, 1);
}

TEST(Rewrite, KnowsBothZerosOfAnIcmpSum) {
  Bytes packet =
      BuildEcho(Ip("192.0.2.1"), Ip("10.0.0.2"), EchoKind::kReply, 7, 0, {});
  auto info = ParsePacket(packet).value();
  RewriteIcmpId(packet, info, 0);
  EXPECT_TRUE(IsIntact(packet));
  EXPECT_EQ(packet, Fixed(packet));
}

TEST(Rewrite, TouchesOnlyAddressesOfLaterFragments) {
  const auto fragments = FragmentPacket(
      BuildUdp(At("10.0.0.2:1"), At("192.0.2.2:2"), Payload(3000)), 1000, 0);
  ASSERT_THAT(fragments, SizeIs(4));
  std::vector<Bytes> moved = fragments;
  for (Bytes& fragment : moved) {
    auto info = ParsePacket(fragment).value();
    RewriteSource(fragment, info, At("203.0.113.1:999"));
  }
  const Bytes& last = moved.back();
  EXPECT_TRUE(
      std::equal(last.begin() + 20, last.end(), fragments.back().begin() + 20));
  const Bytes whole = Reassemble(moved);
  EXPECT_TRUE(IsIntact(whole));
  EXPECT_EQ(ParsePacket(moved[0])->source, At("203.0.113.1:999"));
}

TEST(Rewrite, DoesWithoutTheChecksumOfACutQuote) {
  const Bytes packet =
      BuildTcp(At("192.0.2.1:1000"), At("192.0.2.2:80"), {}, Payload(100));
  Bytes quoted(packet.begin(), packet.begin() + 28);
  auto info = ParseQuotedPacket(quoted).value();
  RewriteSource(quoted, info, At("10.0.0.2:4000"));
  EXPECT_EQ(ParseQuotedPacket(quoted)->source, At("10.0.0.2:4000"));
  EXPECT_EQ(InternetChecksum(ByteView(quoted).first(20)), 0);
  EXPECT_TRUE(
      std::equal(quoted.begin() + 24, quoted.end(), packet.begin() + 24));
}

TEST(BuildIcmpError, QuotesAsMuchAsFits) {
  const Bytes v4 = BuildUdp(At("10.0.0.2:1"), At("192.0.2.2:2"), Payload(900));
  const Bytes error = BuildIcmpError(Ip("192.0.2.254"), 3, 4, 1280, v4);
  EXPECT_THAT(error, SizeIs(576));
  EXPECT_TRUE(IsIntact(error));
  const auto info = ParsePacket(error).value();
  EXPECT_TRUE(info.is_icmp_error());
  EXPECT_EQ(info.destination.address, Ip("10.0.0.2"));
  EXPECT_EQ(ToHex(ByteView(error).subspan(20, 2)), "0304");
  EXPECT_EQ(ToHex(ByteView(error).subspan(24, 4)), "00000500");
  EXPECT_TRUE(std::equal(error.begin() + 28, error.end(), v4.begin()));

  const Bytes v6 =
      BuildUdp(At("[fd00::2]:1"), At("[2001:db8::2]:2"), Payload(1400));
  const Bytes error6 = BuildIcmpError(Ip("2001:db8::fe"), 2, 0, 1280, v6);
  EXPECT_THAT(error6, SizeIs(1280));
  EXPECT_TRUE(IsIntact(error6));
  EXPECT_TRUE(ParsePacket(error6)->is_icmp_error());
}

TEST(BuildIcmpError, SaysNothingAboutWhatRfc1122Forbids) {
  const IpAddress router = Ip("192.0.2.254");
  const Bytes plain = BuildUdp(At("10.0.0.2:1"), At("192.0.2.2:2"), Payload(9));
  const Bytes error = BuildIcmpError(router, 3, 1, 0, plain);
  EXPECT_THAT(BuildIcmpError(router, 3, 1, 0, error), IsEmpty());
  const auto fragments = FragmentPacket(
      BuildUdp(At("10.0.0.2:1"), At("192.0.2.2:2"), Payload(99)), 68, 0);
  EXPECT_THAT(BuildIcmpError(router, 11, 0, 0, fragments[0]),
              testing::Not(IsEmpty()));
  EXPECT_THAT(BuildIcmpError(router, 11, 0, 0, fragments[1]), IsEmpty());
  for (const char* source :
       {"0.0.0.0:1", "127.0.0.1:1", "224.0.0.1:1", "255.255.255.255:1"}) {
    EXPECT_THAT(BuildIcmpError(router, 3, 1, 0,
                               BuildUdp(At(source), At("192.0.2.2:2"), {})),
                IsEmpty());
  }
  EXPECT_THAT(BuildIcmpError(
                  router, 3, 1, 0,
                  BuildUdp(At("10.0.0.2:1"), At("239.255.255.250:1900"), {})),
              IsEmpty());
  EXPECT_THAT(
      BuildIcmpError(router, 3, 1, 0,
                     BuildUdp(At("[fd00::2]:1"), At("[fd00::3]:2"), {})),
      IsEmpty());
}

TEST(BuildIcmpError, MayAnswerMulticastWithPacketTooBig) {
  const Bytes packet = BuildUdp(At("[fd00::2]:1"), At("[ff0e::5]:2"), {});
  EXPECT_THAT(BuildIcmpError(Ip("fd00::1"), 1, 0, 0, packet), IsEmpty());
  EXPECT_TRUE(IsIntact(BuildIcmpError(Ip("fd00::1"), 2, 0, 1280, packet)));
}

TEST(FragmentPacket, CutsWhatReassemblesToTheOriginal) {
  for (const size_t mtu : {68U, 100U, 576U, 1000U, 1280U, 1499U}) {
    const Bytes v4 =
        BuildUdp(At("10.0.0.2:1"), At("192.0.2.2:2"), Payload(1472));
    const Bytes v6 =
        BuildUdp(At("[fd00::2]:1"), At("[2001:db8::2]:2"), Payload(1472));
    for (const Bytes& packet : {v4, v6}) {
      const auto fragments = FragmentPacket(packet, mtu, 0xabcd1234);
      ASSERT_GE(fragments.size(), 2U);
      for (const Bytes& fragment : fragments) {
        EXPECT_LE(fragment.size(), mtu);
      }
      EXPECT_EQ(Reassemble(fragments), packet);
    }
  }
}

TEST(FragmentPacket, GivesBackWhatFits) {
  const Bytes packet = BuildUdp(At("10.0.0.2:1"), At("192.0.2.2:2"), {});
  EXPECT_THAT(FragmentPacket(packet, 28, 0), testing::ElementsAre(packet));
  EXPECT_THAT(FragmentPacket(packet, 27, 0), IsEmpty());
}

TEST(FragmentPacket, CutsFragmentsFurther) {
  const Bytes packet =
      BuildUdp(At("[fd00::2]:1"), At("[2001:db8::2]:2"), Payload(4000));
  std::vector<Bytes> small;
  for (const Bytes& fragment : FragmentPacket(packet, 1500, 7)) {
    for (Bytes& part : FragmentPacket(fragment, 600, 8)) {
      EXPECT_EQ(ParsePacket(part)->fragment_id, 7);
      small.push_back(std::move(part));
    }
  }
  EXPECT_EQ(Reassemble(small), packet);
}

TEST(FragmentPacket, RepeatsOnlyOptionsMadeForIt) {
  // Options: no-operation, record route (not copied), router alert (copied).
  Bytes packet = BuildUdp(At("10.0.0.2:1"), At("192.0.2.2:2"), Payload(200));
  const Bytes options = Hex("010707040000000094040000");
  packet.insert(packet.begin() + 20, options.begin(), options.end());
  packet[0] = 0x48;
  packet[3] = static_cast<uint8_t>(packet[3] + options.size());
  const auto fragments = FragmentPacket(Fixed(packet), 100, 0);
  ASSERT_GE(fragments.size(), 2U);
  EXPECT_EQ(ParsePacket(fragments[0])->transport_offset, 32);
  EXPECT_EQ(ParsePacket(fragments[1])->transport_offset, 24);
  EXPECT_EQ(ToHex(ByteView(fragments[1]).subspan(20, 4)), "94040000");
}

TEST(FragmentPacket, PutsTheHeaderAfterHopByHopAndRouting) {
  Bytes packet = WithExtension(
      BuildUdp(At("[fd00::2]:1"), At("[2001:db8::2]:2"), Payload(600)), 43,
      Bytes(8, 0));
  packet = WithExtension(packet, 0, Bytes(8, 0));
  const auto fragments = FragmentPacket(packet, 400, 1);
  ASSERT_THAT(fragments, SizeIs(2));
  for (const Bytes& fragment : fragments) {
    EXPECT_EQ(fragment[6], 0);
    EXPECT_EQ(fragment[40], 43);
    EXPECT_EQ(fragment[48], 44);
    EXPECT_EQ(fragment[56], 17);
    EXPECT_EQ(ParsePacket(fragment)->transport_offset, 64);
  }
}

TEST(UdpPayload, RefusesALengthThatContradictsThePacket) {
  Bytes packet = BuildUdp(At("192.0.2.1:1"), At("192.0.2.2:2"), Payload(9));
  const auto info = ParsePacket(packet).value();
  packet[25] = 18;
  EXPECT_FALSE(UdpPayload(packet, info));
  packet[25] = 7;
  EXPECT_FALSE(UdpPayload(packet, info));
  packet[25] = 10;
  EXPECT_THAT(UdpPayload(packet, info).value(), testing::ElementsAre(1, 2));
}

}  // namespace
}  // namespace natkit::netsim
