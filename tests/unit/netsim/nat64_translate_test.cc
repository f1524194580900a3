// RFC 7915 packet by packet, against packets computed by hand.

#include "ipv6/nat64_translate.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "hex.h"
#include "natkit/netsim/packet.h"

namespace natkit::netsim::ipv6 {
namespace {

IpAddress Ip(std::string_view text) {
  return *IpAddress::Parse(text);
}

const IpPrefix kPrefix = *IpPrefix::Parse("64:ff9b::/96");
const IpAddress kInside6 = Ip("2001:db8:1::10");
const IpAddress kServer4 = Ip("203.0.113.1");
const IpAddress kServer6 = Ip("64:ff9b::203.0.113.1");
const IpAddress kExternal4 = Ip("198.51.100.1");

// The payload is "nat", the traffic class 0x28.
constexpr std::string_view kUdp6 =
    "62812345 000b1140 20010db8000100000000000000000010"
    "0064ff9b0000000000000000cb007101 13880050000b9fd2 6e6174";
constexpr std::string_view kUdp4 =
    "4528001f123400004011023c c6336401cb007101 13880050000ba367 6e6174";

std::vector<uint8_t> Bytes(std::string_view text) {
  return testing::Hex(text);
}

std::vector<uint8_t> ToV4(const std::vector<uint8_t>& packet, const Ends& ends,
                          uint16_t id = 0x1234) {
  return TranslateToV4(packet, *ParsePacket(packet), ends, id);
}

std::vector<uint8_t> ToV6(const std::vector<uint8_t>& packet,
                          const Ends& ends) {
  return TranslateToV6(packet, *ParsePacket(packet), ends);
}

const Ends kEnds4 = {{kExternal4, 5000}, {kServer4, 80}};
const Ends kEnds6 = {{kInside6, 5000}, {kServer6, 80}};

TEST(Nat64Translate, AddressesAreEmbeddedInTheLastFourBytesRfc6052) {
  EXPECT_EQ(Embed(kPrefix, kServer4), kServer6);
  EXPECT_EQ(Extract(kPrefix, kServer6), kServer4);
  EXPECT_EQ(Extract(kPrefix, kInside6), std::nullopt);
  EXPECT_EQ(Extract(kPrefix, kServer4), std::nullopt);
}

TEST(Nat64Translate, UdpBothWays) {
  EXPECT_EQ(ToV4(Bytes(kUdp6), kEnds4), Bytes(kUdp4));
  auto expected = Bytes(kUdp6);
  expected[1] = 0x80;  // the flow label is gone
  expected[2] = expected[3] = 0;
  EXPECT_EQ(ToV6(Bytes(kUdp4), kEnds6), expected);
}

TEST(Nat64Translate, AWrongChecksumStaysWrongAndAMissingOneIsComputed) {
  auto wrong = Bytes(kUdp6);
  wrong[47] ^= 1;
  const auto out = ToV4(wrong, kEnds4);
  EXPECT_FALSE(HasValidTransportChecksum(out, *ParsePacket(out)));
  auto missing = Bytes(kUdp4);
  missing[26] = missing[27] = 0;
  const auto computed = ToV6(missing, kEnds6);
  EXPECT_TRUE(HasValidTransportChecksum(computed, *ParsePacket(computed)));
  EXPECT_EQ(computed[46], 0x9f);
  EXPECT_EQ(computed[47], 0xd2);
}

TEST(Nat64Translate, EchoesChangeTypeAndIdentifier) {
  const auto ping6 = Bytes(
      "60000000 000c3a40 20010db8000100000000000000000010"
      "0064ff9b0000000000000000cb007101 800011df00070001 01020304");
  const auto ping4 = ToV4(ping6, {{kExternal4, 9}, {kServer4, 0}});
  ASSERT_EQ(ping4.size(), 32U);
  EXPECT_EQ(std::vector(ping4.begin() + 20, ping4.end()),
            Bytes("0800f3ef00090001 01020304"));
  EXPECT_EQ(ping4[9], 1);
  const auto pong4 =
      BuildEcho(kServer4, kExternal4, EchoKind::kReply, 9, 1, {});
  EXPECT_EQ(ToV6(pong4, {{kServer6, 0}, {kInside6, 7}}),
            BuildEcho(kServer6, kInside6, EchoKind::kReply, 7, 1, {}));
}

TEST(Nat64Translate, AnEchoReplyOfZerosHasAChecksum) {
  const auto pong6 = BuildEcho(kInside6, kServer6, EchoKind::kReply, 0, 0, {});
  const auto pong4 = ToV4(pong6, {{kExternal4, 0}, {kServer4, 0}});
  EXPECT_TRUE(HasValidTransportChecksum(pong4, *ParsePacket(pong4)));
}

TEST(Nat64Translate, TcpWithEveryPort) {
  for (uint32_t port = 1; port < 65536; port += 97) {
    const Endpoint from{kInside6, static_cast<uint16_t>(port)};
    const Endpoint to{kServer6, static_cast<uint16_t>(65536 - port)};
    const Ends ends = {{kExternal4, to.port}, {kServer4, to.port}};
    const auto out = ToV4(BuildTcp(from, to, {.flags = kTcpSyn}, {}), ends, 0);
    EXPECT_EQ(out,
              BuildTcp(ends.source, ends.destination, {.flags = kTcpSyn}, {}));
  }
}

TEST(Nat64Translate, OnlyLongPacketsMayNotBeCut) {
  const auto size = [](size_t payload) {
    return ToV4(BuildUdp(kEnds6.source, kEnds6.destination,
                         std::vector<uint8_t>(payload, 1)),
                kEnds4);
  };
  EXPECT_FALSE(ParsePacket(size(1232))->has_dont_fragment);
  EXPECT_EQ(ParsePacket(size(1232))->fragment_id, 0x1234);
  EXPECT_TRUE(ParsePacket(size(1233))->has_dont_fragment);
  EXPECT_EQ(ParsePacket(size(1233))->fragment_id, 0);
}

TEST(Nat64Translate, FragmentsThereAndBack) {
  const std::vector<uint8_t> payload(2500, 7);
  const auto whole6 = BuildUdp(kEnds6.source, kEnds6.destination, payload);
  const auto whole4 =
      BuildUdp(kEnds4.source, kEnds4.destination, payload, {.id = 0x77});
  const auto fragments6 = FragmentPacket(whole6, 1280, 0x77);
  for (const auto& fragment : fragments6) {
    const auto out = ToV4(fragment, kEnds4, 0x77);
    const auto before = *ParsePacket(fragment);
    const auto after = ParsePacket(out);
    ASSERT_TRUE(after);
    EXPECT_EQ(after->fragment_offset, before.fragment_offset);
    EXPECT_EQ(after->has_more_fragments, before.has_more_fragments);
    EXPECT_FALSE(after->has_dont_fragment);
    if (before.fragment_offset == 0) {
      EXPECT_EQ(std::vector(out.begin() + 20, out.begin() + 28),
                std::vector(whole4.begin() + 20, whole4.begin() + 28));
    }
    EXPECT_EQ(ToV6(out, kEnds6), fragment);
  }
}

TEST(Nat64Translate, ExtensionHeadersAreLeftOutUnlessTheyMatter) {
  auto packet = Bytes(kUdp6);
  const auto options = Bytes("1100010400000000");  // then UDP
  packet.insert(packet.begin() + 40, options.begin(), options.end());
  packet[5] = 0x13;
  packet[6] = 60;
  EXPECT_TRUE(CheckExtensions(packet).can_translate);
  EXPECT_EQ(ToV4(packet, kEnds4), Bytes(kUdp4));
  packet[6] = 43;
  packet[43] = 0;
  EXPECT_TRUE(CheckExtensions(packet).can_translate);
  packet[43] = 1;  // a stop left
  EXPECT_FALSE(CheckExtensions(packet).can_translate);
  EXPECT_EQ(CheckExtensions(packet).unreached_stop, 43U);
  packet[6] = 51;  // what it authenticates would change
  EXPECT_FALSE(CheckExtensions(packet).can_translate);
  EXPECT_EQ(CheckExtensions(packet).unreached_stop, std::nullopt);
}

TEST(Nat64Translate, SourceRoutesWithStopsLeftAreSeen) {
  auto packet = Bytes(kUdp4);
  const auto route = Bytes("0183070400000000");  // no-op, loose source route
  packet.insert(packet.begin() + 20, route.begin(), route.end());
  packet[0] = 0x47;
  packet[3] = 0x27;
  FixChecksums(packet);
  EXPECT_TRUE(HasSourceRoute(packet));
  packet[23] = 8;  // past the end
  EXPECT_FALSE(HasSourceRoute(packet));
  FixChecksums(packet);
  EXPECT_EQ(ToV6(packet, kEnds6), ToV6(Bytes(kUdp4), kEnds6));
}

// Errors about the packets above.

struct Head {
  int type;
  int code;
  uint32_t rest;
  bool operator==(const Head&) const = default;
};

constexpr Head kNothing = {-1, -1, 0};

Head HeadOf(const std::vector<uint8_t>& packet) {
  const auto info = ParsePacket(packet);
  if (!info) {
    return kNothing;
  }
  EXPECT_TRUE(HasValidTransportChecksum(packet, *info));
  const uint8_t* at = packet.data() + info->transport_offset;
  return {
      at[0], at[1],
      static_cast<uint32_t>(at[4] << 24 | at[5] << 16 | at[6] << 8 | at[7])};
}

Head ErrorToV6(uint8_t type, uint8_t code, uint32_t rest,
               const LinkMtus& mtus = {}) {
  const auto error =
      BuildIcmpError(Ip("203.0.113.254"), type, code, rest, Bytes(kUdp4));
  return HeadOf(TranslateErrorToV6(
      error, *ParsePacket(error),
      {Ip("64:ff9b::203.0.113.254"), kInside6, kEnds6}, mtus));
}

const Ends kIncoming6 = {{kServer6, 80}, {kInside6, 5000}};
const Ends kIncoming4 = {{kServer4, 80}, {kExternal4, 5000}};

Head ErrorToV4(uint8_t type, uint8_t code, uint32_t rest,
               const LinkMtus& mtus = {}) {
  const auto cause = BuildUdp(kIncoming6.source, kIncoming6.destination, {});
  const auto error =
      BuildIcmpError(Ip("2001:db8:1::fe"), type, code, rest, cause);
  return HeadOf(TranslateErrorToV4(error, *ParsePacket(error),
                                   {kExternal4, kServer4, kIncoming4}, mtus));
}

TEST(Nat64Translate, ErrorsToIpv6Rfc7915Section42) {
  EXPECT_EQ(ErrorToV6(3, 0, 0), (Head{1, 0, 0}));
  EXPECT_EQ(ErrorToV6(3, 1, 0), (Head{1, 0, 0}));
  EXPECT_EQ(ErrorToV6(3, 2, 0), (Head{4, 1, 6}));
  EXPECT_EQ(ErrorToV6(3, 3, 0), (Head{1, 4, 0}));
  EXPECT_EQ(ErrorToV6(3, 10, 0), (Head{1, 1, 0}));
  EXPECT_EQ(ErrorToV6(3, 13, 0), (Head{1, 1, 0}));
  EXPECT_EQ(ErrorToV6(3, 14, 0), kNothing);
  EXPECT_EQ(ErrorToV6(3, 16, 0), kNothing);
  EXPECT_EQ(ErrorToV6(11, 0, 0), (Head{3, 0, 0}));
  EXPECT_EQ(ErrorToV6(11, 1, 0), (Head{3, 1, 0}));
  EXPECT_EQ(ErrorToV6(12, 0, 8U << 24), (Head{4, 0, 7}));
  EXPECT_EQ(ErrorToV6(12, 0, 4U << 24), kNothing);
  EXPECT_EQ(ErrorToV6(12, 1, 0), kNothing);
  EXPECT_EQ(ErrorToV6(4, 0, 0), kNothing);
  EXPECT_EQ(ErrorToV6(5, 0, 0), kNothing);
}

TEST(Nat64Translate, ErrorsToIpv4Rfc7915Section52) {
  EXPECT_EQ(ErrorToV4(1, 0, 0), (Head{3, 1, 0}));
  EXPECT_EQ(ErrorToV4(1, 1, 0), (Head{3, 10, 0}));
  EXPECT_EQ(ErrorToV4(1, 3, 0), (Head{3, 1, 0}));
  EXPECT_EQ(ErrorToV4(1, 4, 0), (Head{3, 3, 0}));
  EXPECT_EQ(ErrorToV4(1, 5, 0), kNothing);
  EXPECT_EQ(ErrorToV4(3, 0, 0), (Head{11, 0, 0}));
  EXPECT_EQ(ErrorToV4(4, 0, 7), (Head{12, 0, 8U << 24}));
  EXPECT_EQ(ErrorToV4(4, 0, 30), (Head{12, 0, 16U << 24}));
  EXPECT_EQ(ErrorToV4(4, 0, 2), kNothing);
  EXPECT_EQ(ErrorToV4(4, 1, 0), (Head{3, 2, 0}));
  EXPECT_EQ(ErrorToV4(100, 0, 0), kNothing);
}

TEST(Nat64Translate, MtusDifferByTheHeaders) {
  EXPECT_EQ(ErrorToV6(3, 4, 1400), (Head{2, 0, 1420}));
  EXPECT_EQ(ErrorToV6(3, 4, 1400, {.v4 = 1300, .v6 = 1500}).rest, 1320U);
  EXPECT_EQ(ErrorToV6(3, 4, 1400, {.v4 = 1500, .v6 = 1400}).rest, 1400U);
  EXPECT_EQ(ErrorToV6(3, 4, 600).rest, 1280U);
  EXPECT_EQ(ErrorToV6(3, 4, 0).rest, 1280U);  // a small packet's plateau
  EXPECT_EQ(ErrorToV4(2, 0, 1400), (Head{3, 4, 1380}));
  EXPECT_EQ(ErrorToV4(2, 0, 70000).rest, 1480U);
  EXPECT_EQ(ErrorToV4(2, 0, 1500, {.v4 = 1300, .v6 = 1500}).rest, 1300U);
}

TEST(Nat64Translate, QuotedPacketsAreTranslatedToo) {
  const auto error = BuildIcmpError(Ip("203.0.113.254"), 3, 3, 0, Bytes(kUdp4));
  const auto out =
      TranslateErrorToV6(error, *ParsePacket(error),
                         {Ip("64:ff9b::203.0.113.254"), kInside6, kEnds6}, {});
  auto expected = Bytes(kUdp6);
  expected[1] = 0x80;
  expected[2] = expected[3] = 0;
  ASSERT_EQ(out.size(), 48 + expected.size());
  EXPECT_EQ(std::vector(out.begin() + 48, out.end()), expected);
}

TEST(Nat64Translate, QuotedPacketsMayBeCutAndHaveExtensionsBehind) {
  auto error = BuildIcmpError(Ip("203.0.113.254"), 3, 3, 0, Bytes(kUdp4));
  error.resize(20 + 8 + 28);  // 8 bytes of UDP
  const auto junk = Bytes("2000000000080102");
  error.insert(error.end(), junk.begin(), junk.end());
  error[3] = static_cast<uint8_t>(error.size());
  error[25] = 7;  // RFC 4884: 28 bytes are quoted
  FixChecksums(error);
  const auto out =
      TranslateErrorToV6(error, *ParsePacket(error),
                         {Ip("64:ff9b::203.0.113.254"), kInside6, kEnds6}, {});
  EXPECT_EQ(out.size(), 48U + 48U);
  EXPECT_EQ(HeadOf(out), (Head{1, 4, 0}));
}

}  // namespace
}  // namespace natkit::netsim::ipv6
