#include <gtest/gtest.h>

#include <string>

#include "natkit/mesh/agent/description.h"

namespace natkit::mesh {
namespace {

constexpr std::string_view kWhole =
    "a=ice-ufrag:abcd\r\n"
    "a=ice-pwd:0123456789012345678901\r\n"
    "a=ice-options:trickle renomination\r\n"
    "a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\n"
    "a=candidate:2 1 udp 1694498815 203.0.113.1 6000 typ srflx raddr 192.0.2.1 "
    "rport 5000\r\n"
    "a=end-of-candidates\r\n"
    "a=x-natkit-relay:L4QfLUuEX1rp6QNoyrgPGGdtg2WmVf7oKSEAfAMV73w= "
    "relay.example:443\r\n"
    "a=x-natkit-hub:00112233445566ff\r\n";

TEST(ParseDescription, ReadsWhatFormatDescriptionWrites) {
  const auto description = ParseDescription(kWhole);
  ASSERT_TRUE(description);
  ASSERT_TRUE(description->credentials);
  EXPECT_EQ(description->credentials->ufrag, "abcd");
  EXPECT_EQ(description->credentials->password.Expose(),
            "0123456789012345678901");
  ASSERT_EQ(description->candidates.size(), 2U);
  EXPECT_EQ(description->candidates[1].endpoint,
            *Endpoint::Parse("203.0.113.1:6000"));
  EXPECT_TRUE(description->end_of_candidates);
  ASSERT_TRUE(description->place);
  EXPECT_EQ(description->place->relay, "relay.example:443");
  EXPECT_EQ(description->hub, 0x00112233445566ffU);
  EXPECT_EQ(FormatDescription(*description), kWhole);
}

TEST(ParseDescription, KeepsWhatIsKnownOfTheNetwork) {
  auto description = ParseDescription(kWhole);
  ASSERT_TRUE(description);
  nat::PathSide network;
  network.traits.mapping = nat::Dependence::kAddressDependent;
  network.traits.external_addresses = {*IpAddress::Parse("203.0.113.1")};
  network.has_ipv6 = true;
  description->network = network;
  const auto again = ParseDescription(FormatDescription(*description));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->network, network);
}

TEST(ParseDescription, TakesAWholeSdpOfAnotherImplementation) {
  const auto description = ParseDescription(
      "v=0\n"
      "o=- 1 1 IN IP4 0.0.0.0\n"
      "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\n"
      "a=ice-ufrag:abcd\n"
      "a=ice-pwd:0123456789012345678901\n"
      "a=setup:actpass\n"
      "a=candidate:1 1 UDP 2130706431 192.0.2.1 5000 typ host generation 0\n"
      "a=candidate:2 1 TCP 1518280447 192.0.2.1 9 typ host tcptype active\n"
      "a=candidate:3 2 UDP 2130706430 192.0.2.1 5001 typ host\n"
      "a=candidate:4 1 UDP 2130706431 f0f1.local 5000 typ host");
  ASSERT_TRUE(description);
  EXPECT_EQ(description->candidates.size(), 1U);
  EXPECT_FALSE(description->end_of_candidates);
  EXPECT_FALSE(description->place);
}

TEST(ParseDescription, TakesMoreCandidatesAlone) {
  const auto more =
      ParseDescription("candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host");
  ASSERT_TRUE(more);
  EXPECT_FALSE(more->credentials);
  EXPECT_EQ(more->candidates.size(), 1U);
  const auto end = ParseDescription("a=end-of-candidates\n");
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->end_of_candidates);
}

TEST(ParseDescription, SaysWhichLineIsWrong) {
  const std::string credentials =
      "a=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\n";
  for (const std::string line :
       {"a=candidate:1 1 udp many 192.0.2.1 5000 typ host",
        "a=x-natkit-relay:notakey relay", "a=x-natkit-relay:",
        "a=x-natkit-relay:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= zero",
        "a=x-natkit-relay:L4QfLUuEX1rp6QNoyrgPGGdtg2WmVf7oKSEAfAMV73w= ",
        "a=x-natkit-relay:L4QfLUuEX1rp6QNoyrgPGGdtg2WmVf7oKSEAfAMV73w= a b",
        "a=x-natkit-network:0", "a=x-natkit-network:ff", "a=x-natkit-hub:00",
        "a=x-natkit-hub:", "a=x-natkit-hub:00112233445566778",
        "a=x-natkit-hub:001122334455667g", "a=ice-ufrag:"}) {
    const auto parsed = ParseDescription(credentials + line);
    ASSERT_FALSE(parsed) << line;
    EXPECT_EQ(
        parsed.error(),
        (Error{Errc::kBadSignal, static_cast<uint32_t>(credentials.size())}))
        << line;
  }
}

TEST(ParseDescription, RefusesHalfCredentialsNothingAndTooMuch) {
  for (const std::string_view text :
       {"", "\n\n", "v=0\n", "a=ice-ufrag:abcd\n",
        "a=ice-pwd:0123456789012345678901\n",
        "a=ice-ufrag:abc\na=ice-pwd:0123456789012345678901\n",
        "a=ice-ufrag:abcd\na=ice-pwd:tooshort\n"}) {
    const auto parsed = ParseDescription(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Errc::kBadSignal) << text;
  }
  EXPECT_EQ(
      ParseDescription(std::string(kMaxDescriptionText + 1, '\n')).error().code,
      Errc::kBadLength);
}

TEST(ParseDescription, BoundsTheCandidates) {
  std::string text;
  for (int i = 0; i < 100; ++i) {
    text += "candidate:1 1 udp 2130706431 192.0.2.1 " +
            std::to_string(5000 + i) + " typ host\n";
  }
  const auto parsed = ParseDescription(text);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->candidates.size(), kMaxDescriptionCandidates);
}

}  // namespace
}  // namespace natkit::mesh
