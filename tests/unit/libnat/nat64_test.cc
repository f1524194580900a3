// Addresses behind a NAT64 (RFC 6052) and how hosts learn the prefix (RFC
// 7050).

#include "natkit/nat/nat64.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace natkit::nat {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

IpAddress Ip(std::string_view text) {
  return IpAddress::Parse(text).value();
}

IpPrefix Prefix(std::string_view text) {
  return IpPrefix::Parse(text).value();
}

struct Row {
  std::string_view prefix;
  std::string_view v6;
};

/// RFC 6052 section 2.4, for 192.0.2.33.
constexpr Row kTable[] = {
    {"2001:db8::/32", "2001:db8:c000:221::"},
    {"2001:db8:100::/40", "2001:db8:1c0:2:21::"},
    {"2001:db8:122::/48", "2001:db8:122:c000:2:2100::"},
    {"2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"},
    {"2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"},
    {"2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"},
    {"64:ff9b::/96", "64:ff9b::192.0.2.33"},
};

TEST(Nat64, AddressesAreThoseOfTheTable) {
  for (const Row& row : kTable) {
    EXPECT_EQ(SynthesizeNat64(Prefix(row.prefix), Ip("192.0.2.33")), Ip(row.v6))
        << row.prefix;
    EXPECT_EQ(ExtractNat64(Prefix(row.prefix), Ip(row.v6)), Ip("192.0.2.33"))
        << row.prefix;
  }
}

TEST(Nat64, OtherLengthsAndFamiliesAreRefused) {
  EXPECT_EQ(SynthesizeNat64(Prefix("2001:db8::/72"), Ip("192.0.2.1")),
            std::nullopt);
  EXPECT_EQ(SynthesizeNat64(Prefix("192.0.2.0/32"), Ip("192.0.2.1")),
            std::nullopt);
  EXPECT_EQ(SynthesizeNat64(Prefix("64:ff9b::/96"), Ip("::1")), std::nullopt);
  EXPECT_EQ(ExtractNat64(Prefix("64:ff9b::/96"), Ip("2001:db8::1")),
            std::nullopt);
  // The reserved byte is not zero.
  EXPECT_EQ(
      ExtractNat64(Prefix("2001:db8::/32"), Ip("2001:db8:c000:221:100::")),
      std::nullopt);
}

TEST(Nat64, PrefixesOfEveryLengthAreFound) {
  for (const Row& row : kTable) {
    const IpPrefix prefix = Prefix(row.prefix);
    const std::vector addresses = {*SynthesizeNat64(prefix, Ip("192.0.0.170")),
                                   *SynthesizeNat64(prefix, Ip("192.0.0.171"))};
    EXPECT_THAT(FindNat64Prefixes(addresses), ElementsAre(prefix))
        << row.prefix;
    EXPECT_THAT(FindNat64Prefixes(std::vector{addresses[1]}),
                ElementsAre(prefix));
  }
}

TEST(Nat64, AnAddressWithTwoReadingsIsDecidedByTheOther) {
  // 192.0.0.170 stands in the prefix, too.
  const IpPrefix prefix = Prefix("2001:db8:c000:aa::/96");
  const std::vector addresses = {*SynthesizeNat64(prefix, Ip("192.0.0.170")),
                                 *SynthesizeNat64(prefix, Ip("192.0.0.171"))};
  EXPECT_THAT(FindNat64Prefixes(std::vector{addresses[0]}), IsEmpty());
  EXPECT_THAT(FindNat64Prefixes(addresses), ElementsAre(prefix));
}

TEST(Nat64, TwoTranslatorsAreKeptInOrder) {
  EXPECT_THAT(FindNat64Prefixes(std::vector{Ip("2001:db8:1::c000:aa"),
                                            Ip("64:ff9b::192.0.0.170"),
                                            Ip("2001:db8:1::c000:ab")}),
              ElementsAre(Prefix("2001:db8:1::/96"), Prefix("64:ff9b::/96")));
}

TEST(Nat64, RealAddressesAreNoPrefix) {
  EXPECT_THAT(
      FindNat64Prefixes(std::vector{Ip("2001:db8::1"), Ip("192.0.0.170")}),
      IsEmpty());
}

TEST(Nat64, ClatAddresses) {
  EXPECT_TRUE(IsClatAddress(Ip("192.0.0.1")));
  EXPECT_TRUE(IsClatAddress(Ip("192.0.0.7")));
  EXPECT_FALSE(IsClatAddress(Ip("192.0.0.8")));
  EXPECT_FALSE(IsClatAddress(Ip("192.0.0.170")));
  EXPECT_FALSE(IsClatAddress(Ip("10.0.0.1")));
}

}  // namespace
}  // namespace natkit::nat
