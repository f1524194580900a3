#include "natkit/netsim/draw.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace natkit::netsim {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Draw, ShowsEveryNetworkHostAndBoxAndEscapesText) {
  const auto scenario = ParseScenario(R"(
name = "a<b>&c"
[[network]]
name = "internet"
cidr = "203.0.113.0/24"
[[network]]
name = "lan"
cidr = "192.168.1.0/24"
[[host]]
name = "laptop"
network = "lan"
address = "192.168.1.10"
[[nat]]
name = "router"
profile = "symmetric"
inside = "lan"
outside = "internet"
address = "203.0.113.20"
)");
  ASSERT_TRUE(scenario);
  const std::string svg = DrawSvg(*scenario);
  for (const char* text :
       {">internet<", ">203.0.113.0/24<", ">lan<", ">192.168.1.0/24<",
        ">laptop<", ">192.168.1.10<", ">router<", ">symmetric<",
        ">203.0.113.20<", "a&lt;b&gt;&amp;c"}) {
    EXPECT_THAT(svg, HasSubstr(text));
  }
  EXPECT_THAT(svg, Not(HasSubstr("a<b>")));
  EXPECT_TRUE(svg.starts_with("<svg "));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
}

TEST(DrawSvg, SaysWhatCablesDoToPackets) {
  const auto scenario = ParseScenario(R"(
[[network]]
name = "internet"
cidr = "203.0.113.0/24"
delay = "25ms"
[[host]]
name = "server"
network = "internet"
address = "203.0.113.1"
[[link]]
member = "server"
direction = "up"
delay = "20ms"
jitter = "5ms"
loss = 0.05
rate = "10Mbit"
)");
  ASSERT_TRUE(scenario);
  const std::string svg = DrawSvg(*scenario);
  EXPECT_THAT(svg, HasSubstr(">up 20ms+5ms, 5% loss, 10Mbit<"));
  EXPECT_THAT(svg, HasSubstr("203.0.113.0/24 · 25ms<"));
}

}  // namespace
}  // namespace natkit::netsim
