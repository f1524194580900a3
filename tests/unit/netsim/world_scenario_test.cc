// Scenario files in virtual time.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "natkit/netsim/scenario.h"
#include "natkit/netsim/world.h"
#include "world_lab.h"

namespace natkit::netsim {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

constexpr std::string_view kHome = R"(
name = "home"

[[network]]
name = "internet"
cidr = "203.0.113.0/24"

[[network]]
name = "lan"
cidr = "192.168.1.0/24"

[[host]]
name = "server"
network = "internet"
address = "203.0.113.10"

[[host]]
name = "laptop"
network = "lan"
address = "192.168.1.10"

[[nat]]
name = "router"
profile = "port-restricted"
inside = "lan"
outside = "internet"
address = "203.0.113.20"
)";

/// A program on a host that the world has already.
class Guest : public Actor {
 public:
  Guest(World& world, std::string_view host)
      : world_(world), host_(*world.FindHost(host)) {
    EXPECT_TRUE(world.Attach(host_, *this));
  }

  void HandleDatagram(Instant now, const Endpoint& local, const Endpoint& from,
                      ByteView payload) override {
    arrived_at = now;
    last_from = from;
    if (echoes) {
      EXPECT_TRUE(world_.SendUdp(host_, local, from, payload));
    }
  }

  void Send(std::string_view to) {
    EXPECT_TRUE(
        world_.SendUdp(host_, At("0.0.0.0:5000"), At(to), AsBytes("hello")));
  }

  bool echoes = false;
  std::optional<Instant> arrived_at;
  Endpoint last_from;

 private:
  World& world_;
  HostId host_;
};

TEST(WorldScenario, BuildsHostsAndBoxesOfAFile) {
  const auto scenario = ParseScenario(kHome);
  ASSERT_TRUE(scenario);
  World world(*scenario, 1);
  EXPECT_TRUE(world.FindNetwork("lan"));
  EXPECT_TRUE(world.FindBox("router"));
  EXPECT_FALSE(world.FindBox("laptop"));
  Guest server(world, "server");
  Guest laptop(world, "laptop");
  server.echoes = true;
  laptop.Send("203.0.113.10:3478");
  world.Run(1s);
  EXPECT_EQ(server.last_from.address, Ip("203.0.113.20"));
  EXPECT_TRUE(laptop.arrived_at);
}

TEST(WorldScenario, UsesTheLinksAndCablesOfAValue) {
  auto scenario = ParseScenario(kHome);
  ASSERT_TRUE(scenario);
  scenario->networks[0].link.delay = 10ms;
  scenario->cables.push_back({.member = "laptop",
                              .network = "lan",
                              .up = {.delay = 1ms},
                              .down = {.delay = 2ms}});
  World world(*scenario, 1);
  Guest server(world, "server");
  Guest laptop(world, "laptop");
  server.echoes = true;
  laptop.Send("203.0.113.10:3478");
  world.Run(1s);
  EXPECT_EQ(server.arrived_at, Instant{11ms});
  EXPECT_EQ(laptop.arrived_at, Instant{23ms});
}

}  // namespace
}  // namespace natkit::netsim
