#include "natkit/netsim/draw.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <string>
#include <vector>

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

struct Box {
  int x, y, width, height;
  std::string style;
};

/// The rectangles of an image that stand for something.
std::vector<Box> BoxesOf(const std::string& svg) {
  static const std::regex kRect(
      "<rect x=\"(\\d+)\" y=\"(\\d+)\" width=\"(\\d+)\" "
      "height=\"(\\d+)\" rx=\"\\d+\" class=\"([a-z]+)\"/>");
  std::vector<Box> boxes;
  for (std::sregex_iterator at(svg.begin(), svg.end(), kRect), end; at != end;
       ++at) {
    boxes.push_back({std::stoi((*at)[1]), std::stoi((*at)[2]),
                     std::stoi((*at)[3]), std::stoi((*at)[4]), (*at)[5]});
  }
  return boxes;
}

bool Overlap(const Box& a, const Box& b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height &&
         b.y < a.y + a.height;
}

void ExpectLegible(const std::string& svg, size_t count) {
  const std::vector<Box> boxes = BoxesOf(svg);
  EXPECT_EQ(boxes.size(), count);
  for (size_t i = 0; i < boxes.size(); ++i) {
    EXPECT_LE(boxes[i].x + boxes[i].width, 1400);
    for (size_t j = 0; j < i; ++j) {
      ASSERT_FALSE(Overlap(boxes[i], boxes[j])) << i << ' ' << j;
    }
  }
  // No cable crosses a box: it ends at its edge.
  static const std::regex kLine(
      "<line x1=\"(\\d+)\" y1=\"(\\d+)\" x2=\"(\\d+)\" y2=\"(\\d+)\"");
  for (std::sregex_iterator at(svg.begin(), svg.end(), kLine), end; at != end;
       ++at) {
    const int x = std::stoi((*at)[1]);
    const int y = std::stoi((*at)[2]);
    const Box wire = {x, y, std::stoi((*at)[3]) - x + 1,
                      std::stoi((*at)[4]) - y, ""};
    for (const Box& box : boxes) {
      ASSERT_FALSE(Overlap(wire, box)) << at->str();
    }
  }
}

std::string Host(int number, const std::string& network,
                 const std::string& range) {
  return "[[host]]\nname = \"h" + std::to_string(number) + "\"\nnetwork = \"" +
         network + "\"\naddress = \"" + range + "." +
         std::to_string(number % 250 + 2) + "\"\n";
}

TEST(DrawSvg, ManyHostsStandInRows) {
  std::string text = "[[network]]\nname = \"lan\"\ncidr = \"10.0.0.0/24\"\n";
  for (int i = 0; i < 200; ++i) {
    text += Host(i, "lan", "10.0.0");
  }
  const auto scenario = ParseScenario(text);
  ASSERT_TRUE(scenario) << scenario.error().front().text;
  ExpectLegible(DrawSvg(*scenario), 201);
}

TEST(DrawSvg, ManyHomesAndNetworksStandInRows) {
  std::string text =
      "[[network]]\nname = \"internet\"\ncidr = \"203.0.0.0/16\"\n";
  for (int i = 0; i < 40; ++i) {
    const std::string number = std::to_string(i);
    text += "[[network]]\nname = \"lan" + number +
            "\"\ncidr = \"192.168.1.0/24\"\n[[network]]\nname = \"alone" +
            number + "\"\ncidr = \"10.0.0.0/24\"\n";
    for (int j = 0; j < (i == 7 ? 20 : 2); ++j) {
      text += Host(i * 20 + j, "lan" + number, "192.168.1");
    }
    text += "[[nat]]\nname = \"box" + number +
            "\"\nprofile = \"home-over-cgn\"\ninside = \"lan" + number +
            "\"\noutside = \"internet\"\naddress = \"203.0.1." +
            std::to_string(i + 1) + "\"\n";
  }
  const auto scenario = ParseScenario(text);
  ASSERT_TRUE(scenario) << scenario.error().front().text;
  ExpectLegible(DrawSvg(*scenario), 1 + 40 * 7 + 18);
}

TEST(DrawSvg, ShowsPoolsForwardsAndLinksOfABox) {
  std::string text = R"(
[[network]]
name = "internet"
cidr = "203.0.113.0/24"
cidr6 = "2001:db8::/64"
mtu = 1400
[[network]]
name = "lan"
cidr = "192.168.1.0/24"
[[host]]
name = "laptop"
network = "lan"
address = "192.168.1.10"
[[nat]]
name = "few"
profile = "cgn-random"
inside = "lan"
outside = "internet"
address = ["203.0.113.20", "203.0.113.22"]
[[network]]
name = "lan2"
cidr = "192.168.1.0/24"
[[nat]]
name = "many"
profile = "cgn-random"
inside = "lan2"
outside = "internet"
address = ["203.0.113.30", "203.0.113.31", "203.0.113.32", "203.0.113.33"]
[[link]]
member = "few"
network = "internet"
delay = "20ms"
loss = 0.01
[[link]]
member = "few"
network = "lan"
direction = "down"
rate = "10Mbit"
duplicate = 0.1
)";
  for (int port = 80; port < 87; ++port) {
    text += "[[forward]]\nnat = \"few\"\nprotocol = \"tcp\"\nport = " +
            std::to_string(port) + "\nto = \"192.168.1.10:80\"\n";
  }
  const auto scenario = ParseScenario(text);
  ASSERT_TRUE(scenario) << scenario.error().front().text;
  const std::string svg = DrawSvg(*scenario);
  for (const char* line :
       {">203.0.113.20<", ">203.0.113.22<", ">203.0.113.30 .. 203.0.113.33<",
        ">4 addresses<", ">tcp 80 &gt; 192.168.1.10:80<",
        ">and 2 more forwards<", ">outside: 20ms, 1% loss<",
        ">inside: down 10% twice, 10Mbit<",
        ">203.0.113.0/24 2001:db8::/64 · MTU 1400<"}) {
    EXPECT_THAT(svg, HasSubstr(line));
  }
  ExpectLegible(svg, 6);
}

}  // namespace
}  // namespace natkit::netsim
