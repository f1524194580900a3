// The packet filter's rules as text; that nft takes them and what they do is
// for tests/system/meshnode_routes_test.py.

#include "routes/nft_rules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace natkit::meshnode {
namespace {

constexpr uint32_t kMark = 0x1234;

size_t Count(const std::string& text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos;
       at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

std::string Script(const routing::Firewall& firewall) {
  return NftScript("natkit0", kMark, firewall);
}

TEST(NftTable, HasANameForEveryInterface) {
  EXPECT_EQ("natkit_natkit0", NftTable("natkit0"));
  EXPECT_EQ("natkit_wg_0_1_", NftTable("wg-0.1\""));
}

TEST(NftScript, RemovesTheTableWhereNothingIsNeeded) {
  EXPECT_EQ("add table inet natkit_natkit0\ndelete table inet natkit_natkit0\n",
            Script({}));
}

TEST(NftScript, ReplacesTheTableInOneGo) {
  const std::string script = Script({.forwards = true});
  EXPECT_TRUE(script.starts_with(Script({})));
  EXPECT_EQ(1U, Count(script, "\ntable inet natkit_natkit0 {"));
  EXPECT_EQ(std::ranges::count(script, '{'), std::ranges::count(script, '}'));
}

TEST(NftScript, MasqueradesWhatComesFromTheMeshOnly) {
  const std::string script = Script({.forwards = true, .masquerades = true});
  EXPECT_EQ(1U, Count(script,
                      "iifname \"natkit0\" oifname != \"natkit0\" meta "
                      "mark set meta mark | 536870912"));
  EXPECT_EQ(1U, Count(script,
                      "oifname != \"natkit0\" meta mark & 536870912 == "
                      "536870912 masquerade"));
  EXPECT_EQ(0U, Count(Script({.forwards = true}), "masquerade"));
}

TEST(NftScript, ClampsSegmentsToTheTunnelInBothDirections) {
  const std::string script = Script({.forwards = true, .mtu = 1280});
  EXPECT_EQ(4U, Count(script, "maxseg size set"));
  EXPECT_EQ(2U, Count(script,
                      "ipv4 tcp flags & (syn | rst) == syn tcp option "
                      "maxseg size set 1240"));
  EXPECT_EQ(2U, Count(script,
                      "ipv6 tcp flags & (syn | rst) == syn tcp option "
                      "maxseg size set 1220"));
  EXPECT_EQ(0U, Count(Script({.forwards = true, .mtu = 60}), "maxseg"));
}

TEST(NftScript, GuardsEveryAddressWhileAnExitIsChosen) {
  const std::string script =
      Script({.guards_exit = true,
              .addresses = {*IpAddress::Parse("100.64.0.1"),
                            *IpAddress::Parse("fd7a::1")}});
  EXPECT_EQ(1U, Count(script,
                      "iifname != { \"natkit0\", \"lo\" } ip daddr "
                      "100.64.0.1 fib saddr type != local drop"));
  EXPECT_EQ(1U, Count(script, "ip6 daddr fd7a::1 fib"));
  EXPECT_EQ(1U, Count(script, "meta mark 4660 ct mark set meta mark"));
  EXPECT_EQ(1U, Count(script, "ct mark 4660 meta mark set ct mark"));
  EXPECT_EQ(0U, Count(script, "hook forward"));
}

}  // namespace
}  // namespace natkit::meshnode
