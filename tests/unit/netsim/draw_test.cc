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

}  // namespace
}  // namespace natkit::netsim
