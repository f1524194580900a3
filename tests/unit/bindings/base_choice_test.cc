#include "agent/base_choice.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace natkit::c {
namespace {

io::InterfaceAddress At(const std::string& text, bool is_loopback = false) {
  return {.interface = is_loopback ? "lo" : "eth0",
          .address = *IpAddress::Parse(text),
          .prefix_length = 24,
          .is_loopback = is_loopback};
}

std::vector<std::string> Choose(
    const std::vector<io::InterfaceAddress>& addresses, BaseOptions options) {
  std::vector<std::string> out;
  for (const Endpoint& base : ChooseBases(addresses, options)) {
    out.push_back(base.ToString());
  }
  return out;
}

BaseOptions Wildcards() {
  return {.v4 = *Endpoint::Parse("0.0.0.0:40"),
          .v6 = *Endpoint::Parse("[::]:60")};
}

using Texts = std::vector<std::string>;

TEST(ChooseBases, TakesTheAddressesOfItsSockets) {
  const std::vector all = {At("127.0.0.1", true), At("10.0.0.1"),
                           At("192.0.2.7"), At("fe80::1"), At("2001:db8::7")};
  EXPECT_EQ(Choose(all, Wildcards()),
            (Texts{"192.0.2.7:40", "[2001:db8::7]:60", "10.0.0.1:40"}));
  EXPECT_EQ(Choose(all, {.v6 = *Endpoint::Parse("[::]:60")}),
            (Texts{"[2001:db8::7]:60"}));
  EXPECT_EQ(Choose(all, {.v4 = *Endpoint::Parse("10.0.0.1:1")}),
            (Texts{"10.0.0.1:1"}));
  EXPECT_EQ(Choose(all, {}), Texts{});
}

TEST(ChooseBases, LoopbackIsForHostsWithNothingElseAndForTests) {
  EXPECT_EQ(Choose({At("127.0.0.1", true), At("fe80::1")}, Wildcards()),
            (Texts{"127.0.0.1:40"}));
  BaseOptions options = Wildcards();
  options.uses_loopback = true;
  EXPECT_EQ(Choose({At("127.0.0.1", true), At("10.0.0.1")}, options),
            (Texts{"10.0.0.1:40", "127.0.0.1:40"}));
}

TEST(ChooseBases, ManyAddressesLeaveTheUsefulOnes) {
  std::vector<io::InterfaceAddress> all;
  for (int i = 0; i < 200; ++i) {
    all.push_back(At("10.1." + std::to_string(i) + ".1"));
  }
  all.push_back(At("192.168.7.7"));
  all.push_back(At("203.0.113.5"));
  all.push_back(At("203.0.113.5"));
  BaseOptions options = Wildcards();
  options.sources = {*IpAddress::Parse("192.168.7.7")};
  const Texts chosen = Choose(all, options);
  ASSERT_EQ(chosen.size(), kMaxBases);
  EXPECT_EQ(chosen[0], "192.168.7.7:40");
  EXPECT_EQ(chosen[1], "203.0.113.5:40");
  EXPECT_EQ(chosen[2], "10.1.0.1:40");
}

}  // namespace
}  // namespace natkit::c
