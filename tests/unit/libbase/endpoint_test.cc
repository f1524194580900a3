#include "natkit/base/endpoint.h"

#include <gtest/gtest.h>

namespace natkit {
namespace {

TEST(IpAddress, ParsesAndPrintsBothFamilies) {
  EXPECT_EQ(IpAddress::Parse("192.0.2.1")->ToString(), "192.0.2.1");
  EXPECT_EQ(IpAddress::Parse("2001:DB8:0:0::7")->ToString(), "2001:db8::7");
  EXPECT_FALSE(IpAddress::Parse("192.0.2"));
  EXPECT_FALSE(IpAddress::Parse("192.0.2.1 "));
  EXPECT_FALSE(IpAddress::Parse(std::string_view("192.0.2.1\0x", 11)));
  EXPECT_FALSE(IpAddress::Parse(""));
}

TEST(IpAddress, ConvertsToAndFromTheV4MappedForm) {
  const auto v4 = *IpAddress::Parse("203.0.113.7");
  EXPECT_EQ(v4.MappedToV6().ToString(), "::ffff:203.0.113.7");
  EXPECT_EQ(v4.MappedToV6().Unmapped(), v4);
  const auto v6 = *IpAddress::Parse("2001:db8::1");
  EXPECT_EQ(v6.Unmapped(), v6);
}

TEST(IpAddress, KnowsSpecialRanges) {
  EXPECT_TRUE(IpAddress::Parse("100.64.0.1")->is_private());
  EXPECT_FALSE(IpAddress::Parse("100.128.0.1")->is_private());
  EXPECT_TRUE(IpAddress::Parse("172.31.0.1")->is_private());
  EXPECT_TRUE(IpAddress::Parse("fd00::1")->is_private());
  EXPECT_TRUE(IpAddress::Parse("fe80::1")->is_link_local());
  EXPECT_TRUE(IpAddress::Parse("::1")->is_loopback());
  EXPECT_TRUE(IpAddress::Parse("ff02::1")->is_multicast());
}

TEST(Endpoint, ParsesAndPrints) {
  EXPECT_EQ(Endpoint::Parse("192.0.2.1:65535")->ToString(), "192.0.2.1:65535");
  EXPECT_EQ(Endpoint::Parse("[2001:db8::7]:80")->ToString(),
            "[2001:db8::7]:80");
  for (const auto* bad : {"192.0.2.1", "192.0.2.1:", "192.0.2.1:65536",
                          "2001:db8::7:80", "[192.0.2.1]:80", ":80"}) {
    EXPECT_FALSE(Endpoint::Parse(bad)) << bad;
  }
}

TEST(IpPrefix, ClearsHostBitsAndMatches) {
  const auto prefix = *IpPrefix::Parse("10.1.2.3/9");
  EXPECT_EQ(prefix.ToString(), "10.0.0.0/9");
  EXPECT_TRUE(prefix.Contains(*IpAddress::Parse("10.127.255.255")));
  EXPECT_FALSE(prefix.Contains(*IpAddress::Parse("10.128.0.0")));
  EXPECT_FALSE(prefix.Contains(*IpAddress::Parse("::")));
}

TEST(IpPrefix, RejectsLengthsOutsideTheFamily) {
  EXPECT_FALSE(IpPrefix::Parse("10.0.0.0/33"));
  EXPECT_FALSE(IpPrefix::Parse("::/129"));
  EXPECT_FALSE(IpPrefix::Parse("10.0.0.0/-1"));
  EXPECT_FALSE(IpPrefix::Parse("10.0.0.0/"));
  EXPECT_EQ(IpPrefix::Parse("::1")->length(), 128);
}

TEST(IpPrefix, FindsOverlapInEitherDirection) {
  const auto wide = *IpPrefix::Parse("10.0.0.0/8");
  const auto narrow = *IpPrefix::Parse("10.9.0.0/16");
  EXPECT_TRUE(wide.Overlaps(narrow));
  EXPECT_TRUE(narrow.Overlaps(wide));
  EXPECT_FALSE(narrow.Overlaps(*IpPrefix::Parse("10.8.0.0/16")));
}

}  // namespace
}  // namespace natkit
