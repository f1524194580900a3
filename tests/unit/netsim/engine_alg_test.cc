// Application level gateways: boxes that rewrite payloads.

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "nat_engine_fixture.h"

namespace natkit::netsim {
namespace {

// 192.168.1.10:5000 outside is 198.51.100.1:5000, or of another port.
constexpr Endpoint kInside{kHost1, 5000};
constexpr Endpoint kRemote{kServer1, 3478};
constexpr Endpoint kSipServer{kServer1, 5060};

NatConfig NatWith(Alg alg) {
  NatConfig config = TestNat();
  config.alg = alg;
  // Another port than the inside one.
  config.port_range = {.first = 40000, .last = 40000};
  return config;
}

using Bytes = std::vector<uint8_t>;

std::string PayloadOf(const Seen& seen) {
  const auto payload = UdpPayload(seen.bytes, seen.info);
  return payload ? std::string(payload->begin(), payload->end()) : "?";
}

std::optional<std::string> Pass(NatHarness& nat, Side from,
                                const Endpoint& source, const Endpoint& to,
                                std::string_view payload) {
  const Bytes bytes(payload.begin(), payload.end());
  const auto got = nat.Send(from, BuildUdp(source, to, bytes));
  return got && got->side != from ? std::optional(PayloadOf(*got))
                                  : std::nullopt;
}

std::string Text(const Bytes& bytes) {
  return {bytes.begin(), bytes.end()};
}

// MAPPED-ADDRESS: 0x0001, length 8, 0, family 1, port, address.
std::string MappedAddress(uint16_t port, const IpAddress& address) {
  Bytes out = {0,
               1,
               0,
               8,
               0,
               1,
               static_cast<uint8_t>(port >> 8),
               static_cast<uint8_t>(port)};
  out.insert(out.end(), address.bytes().begin(), address.bytes().end());
  return Text(out);
}

TEST(NatAlg, NoneLeavesPayloadsAlone) {
  NatHarness nat(NatWith(Alg::kNone));
  const std::string payload = MappedAddress(5000, kHost1);
  EXPECT_EQ(Pass(nat, Side::kInside, kInside, kRemote, payload), payload);
}

TEST(NatAlg, GenericRewritesMappedAddressesBothWaysRfc8489) {
  NatHarness nat(NatWith(Alg::kGeneric));
  EXPECT_EQ(
      Pass(nat, Side::kInside, kInside, kRemote, MappedAddress(5000, kHost1)),
      MappedAddress(40000, kExternal));
  EXPECT_EQ(Pass(nat, Side::kOutside, kRemote, {kExternal, 40000},
                 MappedAddress(40000, kExternal)),
            MappedAddress(5000, kHost1));
  // Other ports stay, other addresses too.
  EXPECT_EQ(
      Pass(nat, Side::kOutside, kRemote, {kExternal, 40000},
           MappedAddress(40001, kExternal) + MappedAddress(40000, kServer2)),
      MappedAddress(40001, kHost1) + MappedAddress(40000, kServer2));
}

TEST(NatAlg, GenericFindsThemAtAnyOffset) {
  for (size_t offset = 0; offset < 4; ++offset) {
    NatHarness nat(NatWith(Alg::kGeneric));
    const std::string pad(offset, '\x11');
    const std::string tail(1, '\x22');
    // Address, then port, as some protocols have it.
    const Bytes before = {192, 168, 1, 10, 0x13, 0x88};
    const Bytes after = {198, 51, 100, 1, 0x9c, 0x40};
    EXPECT_EQ(Pass(nat, Side::kInside, kInside, kRemote,
                   pad + Text(before) + Text(before) + tail),
              pad + Text(after) + Text(after) + tail);
  }
}

TEST(NatAlg, GenericKeepsWrongAndMissingChecksums) {
  NatHarness nat(NatWith(Alg::kGeneric));
  const std::string text = MappedAddress(5000, kHost1);
  Bytes packet = BuildUdp(kInside, kRemote, Bytes(text.begin(), text.end()));
  packet[26] = 0;
  packet[27] = 0;
  const auto got = nat.Send(Side::kInside, packet);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->bytes[26], 0);
  EXPECT_EQ(got->bytes[27], 0);
  EXPECT_EQ(PayloadOf(*got), MappedAddress(40000, kExternal));
  packet[26] = 0x12;
  const auto side = nat.engine.Process(nat.now, Side::kInside, packet);
  ASSERT_EQ(side, Side::kOutside);
  EXPECT_FALSE(HasValidTransportChecksum(packet, *ParsePacket(packet)));
}

TEST(NatAlg, GenericCannotFindXorMappedAddresses) {
  NatHarness nat(NatWith(Alg::kGeneric));
  const Bytes hidden = {0,    0x20, 0,    8,    0,    1,
                        0x32, 0x9a, 0xe1, 0xba, 0xa5, 0x48};
  EXPECT_EQ(Pass(nat, Side::kInside, kInside, kRemote, Text(hidden)),
            Text(hidden));
}

TEST(NatAlg, SipRewritesTextAndLengths) {
  NatHarness nat(NatWith(Alg::kSip));
  const std::string body =
      "v=0\r\no=- 1 1 IN IP4 192.168.1.10\r\nc=IN IP4 192.168.1.10\r\n"
      "m=audio 49170 RTP/AVP 0\r\n";
  const std::string rewritten =
      "v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\nc=IN IP4 198.51.100.1\r\n"
      "m=audio 49170 RTP/AVP 0\r\n";
  ASSERT_EQ(body.size(), rewritten.size());
  EXPECT_EQ(
      Pass(nat, Side::kInside, kInside, kSipServer,
           "INVITE sip:bob@203.0.113.1 SIP/2.0\r\n"
           "Via: SIP/2.0/UDP 192.168.1.10:5000;branch=z9\r\n"
           "Contact: <sip:alice@192.168.1.10:5000>, <sip:a@192.168.1.10:7>\r\n"
           "X-Other: 192.168.1.101 1.192.168.1.10 192.168.1.10.\r\n\r\n"),
      "INVITE sip:bob@203.0.113.1 SIP/2.0\r\n"
      "Via: SIP/2.0/UDP 198.51.100.1:40000;branch=z9\r\n"
      "Contact: <sip:alice@198.51.100.1:40000>, <sip:a@198.51.100.1:7>\r\n"
      "X-Other: 192.168.1.101 1.192.168.1.10 198.51.100.1.\r\n\r\n");
  EXPECT_EQ(Pass(nat, Side::kInside, kInside, kSipServer,
                 "INVITE\r\nContent-Length: 85\r\n\r\n" + body),
            "INVITE\r\nContent-Length: 85\r\n\r\n" + rewritten);
}

TEST(NatAlg, SipCorrectsContentLengthBothWays) {
  NatConfig config = NatWith(Alg::kSip);
  config.external = {IpAddress::V4(8, 8, 4, 4)};
  NatHarness nat(config);
  const std::string inside = "c=IN IP4 192.168.1.10\r\n";
  const std::string outside = "c=IN IP4 8.8.4.4\r\n";
  for (const std::string name :
       {"Content-Length:", "l : ", "CONTENT-LENGTH: "}) {
    EXPECT_EQ(Pass(nat, Side::kInside, kInside, kSipServer,
                   "A\r\n" + name + "23\r\nB: 1\r\n\r\n" + inside),
              "A\r\n" + name + "18\r\nB: 1\r\n\r\n" + outside);
    EXPECT_EQ(Pass(nat, Side::kOutside, kSipServer, {config.external[0], 40000},
                   "A\r\n" + name + "18\r\nB: 1\r\n\r\n" + outside),
              "A\r\n" + name + "23\r\nB: 1\r\n\r\n" + inside);
    // A length that was wrong stays wrong.
    EXPECT_EQ(Pass(nat, Side::kInside, kInside, kSipServer,
                   "A\r\n" + name + "99\r\n\r\n" + inside),
              "A\r\n" + name + "99\r\n\r\n" + outside);
  }
  EXPECT_EQ(nat.engine.counters().forwarded_out, 6U);
}

TEST(NatAlg, SipIsOnPort5060Only) {
  NatHarness nat(NatWith(Alg::kSip));
  const std::string text = "Via: 192.168.1.10:5000\r\n";
  EXPECT_EQ(Pass(nat, Side::kInside, kInside, kRemote, text), text);
  const std::string garbage = "\r\n: \r\nl\r\nl:\r\n\r\n192.168.1.10";
  EXPECT_EQ(Pass(nat, Side::kInside, kInside, kSipServer, garbage),
            "\r\n: \r\nl\r\nl:\r\n\r\n198.51.100.1");
}

}  // namespace
}  // namespace natkit::netsim
