#include "routes/route_undo.h"

#include <gtest/gtest.h>

#include <string>

#include "temporary_folder.h"

namespace natkit::meshnode {
namespace {

const RouteState kState{.tun = "natkit0",
                        .before = {{"net/ipv4/ip_forward", "0"},
                                   {"net/ipv6/conf/eth0.7/accept_ra", "1"}},
                        .set = {{"net/ipv4/ip_forward", "1"},
                                {"net/ipv6/conf/eth0.7/accept_ra", "2"}}};

TEST(RouteSettings, NodesOfOneSystemStayApart) {
  const RouteSettings first = RouteSettingsFor("natkit0");
  EXPECT_EQ(51880U, first.mesh_table);
  EXPECT_EQ(5200U, first.priority);
  const RouteSettings other = RouteSettingsFor("natkit3");
  EXPECT_EQ("natkit3", other.tun);
  EXPECT_EQ(51886U, other.mesh_table);
  EXPECT_EQ(51887U, other.exit_table);
  EXPECT_EQ(51915U, other.gone_table);
  EXPECT_EQ(5218U, other.priority);
  EXPECT_EQ(5299U, other.gone_priority);
  // What one refuses another may have: its rules come first.
  EXPECT_LT(RouteSettingsFor("natkit15").priority + kRulePriorities - 1,
            first.gone_priority);
  EXPECT_EQ(first.fwmark, other.fwmark);
}

TEST(RouteSettings, NamesWithoutANumberInRangeAreTheFirst) {
  for (const char* name : {"mesh", "natkit16", "natkit99999999999", "m1sh"}) {
    EXPECT_EQ(51880U, RouteSettingsFor(name).mesh_table) << name;
  }
  EXPECT_EQ(51880U + 30, RouteSettingsFor("natkit15").mesh_table);
}

TEST(RouteState, ComesBackAsItWas) {
  EXPECT_EQ(kState, ParseRouteState(FormatRouteState(kState)));
  const RouteState bare{.tun = "mesh"};
  EXPECT_EQ("tun mesh\n", FormatRouteState(bare));
  EXPECT_EQ(bare, ParseRouteState("tun mesh\n"));
}

TEST(RouteState, AnythingElseIsRefused) {
  for (const char* text :
       {"", "tun\n", "tun a", "tun a b\n", "sysctl a 0 1\n", "tun a\nother\n",
        "tun a\nsysctl x 0\n", "tun a\nsysctl x 0 1 2\n",
        "tun a\nsysctl x 0 1\nsysctl x 0 1\n", "tun a\n\n",
        "tun a\nsysctl ../../etc/x 0 1\n", "tun a\nsysctl a/.. 0 1\n",
        "tun a\nsysctl /etc/x 0 1\n"}) {
    EXPECT_EQ(std::nullopt, ParseRouteState(text)) << text;
  }
}

TEST(RestoreSysctls, LeavesWhatSomebodyElseChangedSince) {
  const TemporaryFolder folder;
  folder.Write("net/ipv4/ip_forward", "1\n");
  folder.Write("net/ipv6/conf/eth0.7/accept_ra", "0\n");
  RestoreSysctls({.sysctls = folder.path()}, kState);
  EXPECT_EQ("0", folder.Read("net/ipv4/ip_forward"));
  EXPECT_EQ("0\n", folder.Read("net/ipv6/conf/eth0.7/accept_ra"));
}

TEST(RestoreSysctls, PassesOverWhatIsGone) {
  const TemporaryFolder folder;
  folder.Write("net/ipv6/conf/eth0.7/accept_ra", "2\n");
  RestoreSysctls({.sysctls = folder.path()}, kState);
  EXPECT_EQ("1", folder.Read("net/ipv6/conf/eth0.7/accept_ra"));
}

}  // namespace
}  // namespace natkit::meshnode
