#include "node/icmp_echo.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "hex.h"

namespace natkit::mesh {
namespace {

IcmpEcho Between(const char* source, const char* destination) {
  return {.source = *IpAddress::Parse(source),
          .destination = *IpAddress::Parse(destination),
          .identifier = 0x1234,
          .sequence = 7};
}

TEST(IcmpEcho, BuildsAnIpv4RequestWithBothChecksums) {
  const auto packet = BuildEchoRequest(Between("10.77.0.1", "10.77.0.2"));
  ASSERT_EQ(packet.size(), 84U);
  // Computed by hand from RFC 791 and RFC 792: headers sum to 0xffff.
  uint32_t ip_sum = 0;
  for (size_t i = 0; i < 20; i += 2) {
    ip_sum += static_cast<uint32_t>(packet[i] << 8 | packet[i + 1]);
  }
  EXPECT_EQ((ip_sum & 0xffff) + (ip_sum >> 16), 0xffffU);
  uint32_t icmp_sum = 0;
  for (size_t i = 20; i < 84; i += 2) {
    icmp_sum += static_cast<uint32_t>(packet[i] << 8 | packet[i + 1]);
  }
  EXPECT_EQ((icmp_sum & 0xffff) + (icmp_sum >> 16), 0xffffU);
}

TEST(IcmpEcho, ParsesWhatItBuildsInBothFamilies) {
  for (const auto& echo :
       {Between("10.77.0.1", "10.77.0.2"), Between("fd77::1", "fd77::2")}) {
    const auto parsed = ParseEcho(BuildEchoRequest(echo));
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->source, echo.source);
    EXPECT_EQ(parsed->destination, echo.destination);
    EXPECT_EQ(parsed->identifier, 0x1234);
    EXPECT_EQ(parsed->sequence, 7);
    EXPECT_FALSE(parsed->is_reply);
  }
}

TEST(IcmpEcho, KnowsAReply) {
  auto packet = BuildEchoRequest(Between("10.77.0.1", "10.77.0.2"));
  packet[20] = 0;
  EXPECT_TRUE(ParseEcho(packet)->is_reply);
  packet[20] = 3;  // unreachable
  EXPECT_FALSE(ParseEcho(packet).has_value());
}

TEST(IcmpEcho, RejectsTruncatedFragmentedAndForeignPackets) {
  const auto packet = BuildEchoRequest(Between("10.77.0.1", "10.77.0.2"));
  for (size_t size = 0; size < 28; ++size) {
    EXPECT_FALSE(ParseEcho(ByteView(packet).first(size)).has_value()) << size;
  }
  auto fragment = packet;
  fragment[7] = 1;
  EXPECT_FALSE(ParseEcho(fragment).has_value());
  auto udp = packet;
  udp[9] = 17;
  EXPECT_FALSE(ParseEcho(udp).has_value());
}

}  // namespace
}  // namespace natkit::mesh
