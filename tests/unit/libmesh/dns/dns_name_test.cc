#include "natkit/mesh/dns/dns_name.h"

#include <gtest/gtest.h>

#include <string>

#include "natkit/base/endpoint.h"

namespace natkit::dns {
namespace {

Name N(std::string_view text) {
  return *Name::FromText(text);
}

TEST(DnsName, FinalDotMakesNoDifference) {
  EXPECT_EQ(N("a.example"), N("a.example."));
  EXPECT_EQ(N("a.example.").ToText(), "a.example");
  EXPECT_TRUE(N(".").is_root());
  EXPECT_EQ(Name().ToText(), ".");
}

TEST(DnsName, ComparesWithoutCaseAndKeepsItsSpelling) {
  EXPECT_EQ(N("WeB.Corp.Mesh"), N("web.corp.mesh"));
  EXPECT_FALSE(N("WeB.Corp.Mesh").IsSpelledLike(N("web.corp.mesh")));
  EXPECT_EQ(N("WeB.Corp.Mesh").ToText(), "WeB.Corp.Mesh");
  EXPECT_TRUE(N("WeB.Corp.Mesh").Folded().IsSpelledLike(N("web.corp.mesh")));
  EXPECT_EQ(N("B") <=> N("b"), std::strong_ordering::equal);
  EXPECT_NE(N("a") <=> N("b"), std::strong_ordering::equal);
}

TEST(DnsName, EscapesWhatIsNotPlain) {
  const Name odd = N(R"(a\.b\032\255.x\\y)");
  EXPECT_EQ(odd.label_count(), 2U);
  EXPECT_EQ(odd.ToText(), R"(a\.b\032\255.x\\y)");
  EXPECT_EQ(N(odd.ToText()), odd);
}

TEST(DnsName, RefusesWhatIsNoName) {
  for (const std::string text :
       {"", "..", ".a", "a..b", "a\\", "a\\2", "a\\256", "a\\12x"}) {
    EXPECT_EQ(Name::FromText(text).error().code, Errc::kBadEncoding) << text;
  }
  EXPECT_TRUE(Name::FromText(std::string(63, 'a')).has_value());
  EXPECT_EQ(Name::FromText(std::string(64, 'a')).error().code,
            Errc::kBadLength);
}

TEST(DnsName, HoldsTwoHundredFiftyFiveBytesOnTheWire) {
  const std::string label(63, 'x');
  const std::string three = label + "." + label + "." + label + ".";
  EXPECT_TRUE(Name::FromText(three + std::string(61, 'y')).has_value());
  EXPECT_EQ(Name::FromText(three + std::string(62, 'y')).error().code,
            Errc::kBadLength);
}

TEST(DnsName, IsWithinAZoneByWholeLabels) {
  EXPECT_TRUE(N("a.corp.mesh").IsWithin(N("CORP.mesh")));
  EXPECT_TRUE(N("corp.mesh").IsWithin(N("corp.mesh")));
  EXPECT_TRUE(N("corp.mesh").IsWithin(Name()));
  EXPECT_FALSE(N("acorp.mesh").IsWithin(N("corp.mesh")));
  EXPECT_FALSE(N("mesh").IsWithin(N("corp.mesh")));
  EXPECT_EQ(N("a.corp.mesh").Parent(), N("corp.mesh"));
  EXPECT_TRUE(Name().Parent().is_root());
}

TEST(DnsName, ReverseNamesOfBothFamilies) {
  EXPECT_EQ(Name::Reverse(IpAddress::V4(100, 64, 0, 7).bytes()).ToText(),
            "7.0.64.100.in-addr.arpa");
  EXPECT_EQ(Name::Reverse(IpAddress::Parse("fd00::ab")->bytes()).ToText(),
            "b.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f."
            "ip6.arpa");
}

TEST(DnsName, JoinRefusesWhatGetsTooLong) {
  const std::string label(63, 'x');
  const Name half = N(label + "." + label);
  EXPECT_EQ(Join(half, N("a"))->label_count(), 3U);
  EXPECT_EQ(Join(half, half).error().code, Errc::kBadLength);
}

}  // namespace
}  // namespace natkit::dns
