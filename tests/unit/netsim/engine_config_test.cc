// What FindProblems() says about configurations that cannot be.

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>

#include "nat_engine_fixture.h"

namespace natkit::netsim {
namespace {

using namespace std::chrono_literals;

TEST(NatConfigCheck, TheDefaultIsPossibleOnceItHasAnAddress) {
  EXPECT_TRUE(FindProblems(TestNat()).empty());
  EXPECT_FALSE(FindProblems(NatConfig{}).empty());
}

TEST(NatConfigCheck, EachImpossibilityIsSaidOnce) {
  const std::vector<std::pair<std::string, std::function<void(NatConfig&)>>>
      cases = {
          {"needs an external", [](auto& c) { c.external.clear(); }},
          {"given twice", [](auto& c) { c.external.push_back(kExternal); }},
          {"port_range",
           [](auto& c) { c.port_range = {.first = 9, .last = 8}; }},
          {"port_range", [](auto& c) { c.port_range.first = 0; }},
          {"port_step", [](auto& c) { c.port_step = 0; }},
          {"foreign_rate", [](auto& c) { c.foreign_rate = -1; }},
          {"block_size",
           [](auto& c) {
             c.port_assignment = PortAssignment::kDynamicBlock;
             c.port_range = {.first = 2000, .last = 2099};
             c.block_size = 101;
           }},
          {"preserve-overload",
           [](auto& c) {
             c.port_assignment = PortAssignment::kPreserveOverload;
           }},
          {"udp_timeout", [](auto& c) { c.timeouts.udp_unreplied = 0s; }},
          {"tcp_closing", [](auto& c) { c.timeouts.tcp_closing = -1s; }},
          {"negative", [](auto& c) { c.syn_error_delay = -1s; }},
          {"negative", [](auto& c) { c.timeouts.other = -1s; }},
          {"alg",
           [](auto& c) {
             c.translation = Translation::kNone;
             c.alg = Alg::kGeneric;
           }},
          {"refresh", [](auto& c) { c.refresh.outbound = false; }},
          {"max_mappings", [](auto& c) { c.limits.max_mappings = 0; }},
          {"max_sessions", [](auto& c) { c.limits.max_sessions = 0; }},
          {"MTU", [](auto& c) { c.outside_mtu = 575; }},
          {"UDP or TCP", [](auto& c) { c.forwards = {{1, 80, {kHost1, 80}}}; }},
          {"one external port",
           [](auto& c) {
             c.forwards = {{17, 80, {kHost1, 80}}, {17, 80, {kHost2, 80}}};
           }},
          {"one-to-one",
           [](auto& c) {
             c.translation = Translation::kOneToOne;
             c.forwards = {{17, 80, {kHost1, 80}}};
           }},
          {"without translation",
           [](auto& c) {
             c.translation = Translation::kNone;
             c.forwards = {{17, 80, {kHost1, 81}}};
           }},
          {"cannot rest",
           [](auto& c) {
             c.mapping = Dependence::kAddressAndPortDependent;
             c.port_assignment = PortAssignment::kPreserveOverload;
             c.port_quarantine = 1s;
           }},
          {"keep_port_class",
           [](auto& c) {
             c.keep_port_class = true;
             c.port_range = {.first = 1, .last = 1023};
           }},
          {"nat64_prefix",
           [](auto& c) { c.translation = Translation::kNat64; }},
          {"prefix of the inside",
           [](auto& c) { c.ipv6 = Ipv6Mode::kFirewall; }},
      };
  for (const auto& [word, spoil] : cases) {
    NatConfig config = TestNat();
    spoil(config);
    const auto problems = FindProblems(config);
    ASSERT_EQ(problems.size(), 1U) << word;
    EXPECT_NE(problems[0].find(word), std::string::npos) << problems[0];
  }
}

TEST(NatConfigCheckDeathTest, AnEngineOfAnImpossibleOneIsABug) {
  EXPECT_DEATH(NatEngine(NatConfig{}, 1), "FindProblems");
}

}  // namespace
}  // namespace natkit::netsim
