// Several routers of one prefix, and a client: who is used, and since when.

#include <gtest/gtest.h>

#include <string>

#include "coord_world.h"

namespace natkit::mesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const IpPrefix kLan = *IpPrefix::Parse("10.9.0.0/24");

class RouterFailover : public testing::Test {
 protected:
  RouterFailover() {
    world_.SetPolicy({{.id = 1,
                       .from = "tag:client",
                       .to = "tag:nobody",
                       .port = 80,
                       .to_prefix = kLan}});
    world_.Add("client", world_.MakeKey({"tag:client"}));
  }

  void AddRouter(const std::string& name) {
    world_.Add(name, world_.MakeKey({"tag:router"}))
        .client->SetReport(world_.now(),
                           {.routes = std::vector<IpPrefix>{kLan}});
    world_.Run(seconds(1));
  }

  /// By the client's map; empty: nobody leads there.
  [[nodiscard]] std::string Owner() const {
    for (const auto& [id, route] :
         world_.hosts.at("client").client->map()->map().routes) {
      for (const auto& [name, host] : world_.hosts) {
        if (route.prefix == kLan && world_.IdOf(name) == route.owner) {
          return name;
        }
      }
    }
    return "";
  }

  /// Until the client has this owner, or `limit`.
  Duration RunUntil(const std::string& owner, Duration limit) {
    const Instant start = world_.now();
    while (Owner() != owner && world_.now() - start < limit) {
      world_.Run(milliseconds(50));
    }
    return world_.now() - start;
  }

  void ComeBack(const std::string& name) {
    CoordWorld::Host& host = world_.hosts.at(name);
    host.is_mute = false;
    host.client->HandleClosed(world_.now(), "connection reset");
    world_.Run(seconds(20));
    ASSERT_TRUE(host.client->is_admitted());
  }

  CoordWorld world_{77};
};

TEST_F(RouterFailover, OneThatFallsSilentIsReplacedInLessThanFiveSeconds) {
  AddRouter("one");
  AddRouter("two");
  // Wherever in its silence a router dies.
  for (int i = 0; i < 8; ++i) {
    const std::string dies = i % 2 == 0 ? "one" : "two";
    const std::string stands_in = i % 2 == 0 ? "two" : "one";
    ASSERT_EQ(dies, Owner());
    world_.Run(milliseconds(137 * i));
    world_.hosts.at(dies).is_mute = true;
    EXPECT_LT(RunUntil(stands_in, seconds(40)), milliseconds(4500)) << i;
    ComeBack(dies);
    // The one that works is left alone.
    EXPECT_EQ(stands_in, Owner());
  }
}

TEST_F(RouterFailover, OneThatEndsIsReplacedAtOnce) {
  AddRouter("one");
  AddRouter("two");
  world_.hosts.at("one").is_cut_off = true;
  world_.Cut("one");
  EXPECT_LE(RunUntil("two", seconds(5)), milliseconds(100));
}

TEST_F(RouterFailover, ADeadStandInIsPassedOver) {
  AddRouter("one");
  AddRouter("two");
  AddRouter("three");
  world_.hosts.at("two").is_mute = true;
  world_.Run(seconds(5));
  world_.hosts.at("one").is_mute = true;
  EXPECT_LT(RunUntil("three", seconds(40)), milliseconds(4500));
}

TEST_F(RouterFailover, WhereNobodyAnswersAllStaysAsItIs) {
  AddRouter("one");
  AddRouter("two");
  world_.hosts.at("one").is_mute = true;
  world_.hosts.at("two").is_mute = true;
  world_.Run(seconds(20));
  EXPECT_EQ("one", Owner());
  // One of them is heard again, so the other is dead.
  ComeBack("two");
  EXPECT_EQ("two", Owner());
}

TEST_F(RouterFailover, AServerThatStoodStillBlamesNobody) {
  AddRouter("one");
  AddRouter("two");
  for (int i = 0; i < 5; ++i) {
    world_.Stall(seconds(10));
    world_.Run(milliseconds(1));
    EXPECT_TRUE(world_.hosts.at("one").client->is_admitted());
    EXPECT_TRUE(world_.hosts.at("two").client->is_admitted());
  }
  EXPECT_EQ("one", Owner());
}

TEST_F(RouterFailover, AServersRestartTakesNoRouteAway) {
  AddRouter("one");
  ASSERT_EQ(Owner(), "one");
  CoordWorld::Host& one = world_.hosts.at("one");
  one.is_cut_off = true;
  world_.Boot();
  world_.Run(seconds(20));
  ASSERT_TRUE(world_.hosts.at("client").client->is_admitted());
  EXPECT_EQ(Owner(), "one");  // it may work all the same
  one.is_cut_off = false;
  world_.Run(seconds(100));
  EXPECT_TRUE(one.client->is_admitted());
  EXPECT_EQ(Owner(), "one");
}

TEST_F(RouterFailover, WhoDoesNotComeBackAfterARestartIsGivenUp) {
  AddRouter("one");
  world_.hosts.at("one").is_cut_off = true;
  world_.Boot();
  world_.Run(seconds(90));
  EXPECT_EQ(Owner(), "");
}

TEST_F(RouterFailover, AfterARestartWhoIsBackIsPreferred) {
  AddRouter("one");
  AddRouter("two");
  ASSERT_EQ(Owner(), "one");
  world_.hosts.at("one").is_cut_off = true;
  world_.Boot();
  world_.Run(seconds(14));
  EXPECT_EQ(Owner(), "one");  // it may be back in a moment
  world_.Run(seconds(2));
  EXPECT_EQ(Owner(), "two");
}

TEST_F(RouterFailover, TheSecondStaysInUseOverARestart) {
  AddRouter("one");
  AddRouter("two");
  world_.hosts.at("one").is_mute = true;
  ASSERT_LT(RunUntil("two", seconds(40)), milliseconds(4500));
  ComeBack("one");
  ASSERT_EQ(Owner(), "two");
  const auto boot_and_watch = [this] {
    world_.Boot();
    for (int i = 0; i < 600; ++i) {
      world_.Run(milliseconds(50));
      ASSERT_EQ(Owner(), "two") << i;
    }
    EXPECT_TRUE(world_.hosts.at("two").client->is_admitted());
  };
  boot_and_watch();  // killed
  world_.server->Shutdown(world_.Time());
  world_.Run(milliseconds(10));
  boot_and_watch();  // ended
  // And when the first one is back long before it.
  CoordWorld::Host& two = world_.hosts.at("two");
  two.is_cut_off = true;
  world_.Boot();
  world_.Run(seconds(8));
  ASSERT_TRUE(world_.hosts.at("one").client->is_admitted());
  EXPECT_EQ(Owner(), "two");
  two.is_cut_off = false;
  world_.Run(seconds(60));
  EXPECT_TRUE(two.client->is_admitted());
}

TEST_F(RouterFailover, WhatNobodyLeadsToAnyMoreIsForgotten) {
  AddRouter("one");
  ASSERT_EQ(world_.registry->route_primaries().size(), 1U);
  world_.hosts.at("one").client->SetReport(world_.now(),
                                           {.routes = std::vector<IpPrefix>{}});
  world_.Run(seconds(1));
  EXPECT_TRUE(world_.registry->route_primaries().empty());
}

TEST_F(RouterFailover, ALoneRouterIsNotAsked) {
  AddRouter("one");
  world_.Run(seconds(60));
  CoordWorld::Host& host = world_.hosts.at("one");
  const size_t before = host.bytes_from_server;
  world_.Run(seconds(60));
  // A few heartbeats; a router that others stand in for hears some 75.
  EXPECT_LT(host.bytes_from_server - before, 300U);
  host.is_mute = true;
  world_.Run(seconds(24));
  EXPECT_EQ("one", Owner());
  AddRouter("two");
  EXPECT_LT(RunUntil("two", seconds(40)), milliseconds(4500));
}

}  // namespace
}  // namespace natkit::mesh
