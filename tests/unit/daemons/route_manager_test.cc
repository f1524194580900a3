#include "routes/route_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "temporary_folder.h"

namespace natkit::meshnode {
namespace {

using testing::HasSubstr;

constexpr const char* kV4 = "net/ipv4/ip_forward";

class RouteManagerTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  std::vector<std::string> log_;
  RouteManager manager_{
      {.tun = "natkit0"},
      {.run_folder = folder_.path() + "/run", .sysctls = folder_.path()},
      [this](LogLevel, std::string_view line) { log_.emplace_back(line); }};
};

TEST_F(RouteManagerTest, TellsOfForwardingWhoeverSwitchesItWhenever) {
  folder_.Write(kV4, "1\n");
  EXPECT_EQ(manager_.Trouble(), std::nullopt);
  ASSERT_TRUE(manager_.Apply({.forwarding = {.ipv4 = true}}));
  EXPECT_EQ(manager_.Trouble(), std::nullopt);
  EXPECT_TRUE(log_.empty());
  folder_.Write(kV4, "0\n");
  EXPECT_THAT(manager_.Trouble().value_or(""),
              HasSubstr("net.ipv4.ip_forward=1"));
  folder_.Write(kV4, "1\n");
  EXPECT_EQ(manager_.Trouble(), std::nullopt);
}

TEST_F(RouteManagerTest, ForwardingThatNoRouteNeedsIsNoTrouble) {
  folder_.Write(kV4, "0\n");
  EXPECT_EQ(manager_.Trouble(), std::nullopt);
  ASSERT_TRUE(manager_.Apply({.forwarding = {.ipv4 = true}}));
  EXPECT_TRUE(manager_.Trouble());
  EXPECT_EQ(log_.size(), 1U);
  ASSERT_TRUE(manager_.Apply({}));
  EXPECT_EQ(manager_.Trouble(), std::nullopt);
}

}  // namespace
}  // namespace natkit::meshnode
