#include "dns/resolv_conf.h"

#include <gtest/gtest.h>

#include "dns/setup_state.h"

namespace natkit::meshnode {
namespace {

const IpAddress kServer = IpAddress::V4(100, 64, 0, 1);
const ResolvLines kLines{
    .interface = "mesh0", .servers = {kServer}, .search = {"corp.mesh"}};

constexpr const char* kOriginal =
    "# by a DHCP client\n"
    "domain old.example\n"
    "search lan.example home.example\n"
    "nameserver 192.168.1.1\n"
    "nameserver\tfe80::1%eth0\n"
    "  nameserver 2001:db8::53 # comment\n"
    "nameserver 192.168.1.1\n"
    ";nameserver 9.9.9.9\n"
    "options edns0 trust-ad\n"
    "nameserver\n";

TEST(ResolvConf, ReadsWhatTheCLibraryReads) {
  const ResolvConf conf = ParseResolvConf(kOriginal);
  EXPECT_EQ(conf.search,
            (std::vector<std::string>{"lan.example", "home.example"}));
  EXPECT_EQ(conf.options, std::vector<std::string>{"options edns0 trust-ad"});
  const auto resolvers = ResolversOf(conf, {});
  ASSERT_EQ(resolvers.size(), 2U);
  EXPECT_EQ(resolvers[0].ToString(), "192.168.1.1:53");
  EXPECT_EQ(resolvers[1].ToString(), "[2001:db8::53]:53");
  EXPECT_EQ(ParseResolvConf(""), ResolvConf{});
}

TEST(ResolvConf, OursAreNoResolversOfOthers) {
  const auto conf =
      ParseResolvConf("nameserver 100.64.0.1\nnameserver 192.168.1.1");
  EXPECT_EQ(ResolversOf(conf, {kServer}).size(), 1U);
}

TEST(ResolvConf, OursAsksUsAloneAndKeepsSearchAndOptions) {
  const std::string text =
      RenderResolvConf(kLines, ParseResolvConf(kOriginal), "/etc/backup");
  EXPECT_TRUE(IsOurs(text));
  EXPECT_FALSE(IsOurs(kOriginal));
  EXPECT_NE(text.find("/etc/backup"), std::string::npos);
  const ResolvConf conf = ParseResolvConf(text);
  EXPECT_EQ(conf.nameservers, std::vector<std::string>{"100.64.0.1"});
  EXPECT_EQ(conf.search, (std::vector<std::string>{"corp.mesh", "lan.example",
                                                   "home.example"}));
  EXPECT_EQ(conf.options, std::vector<std::string>{"options edns0 trust-ad"});
}

TEST(ResolvConf, WhatOthersEditedStaysWithoutOurLines) {
  const ResolvConf original = ParseResolvConf(kOriginal);
  const std::string ours = RenderResolvConf(kLines, original, "/etc/backup");
  const std::string edited = "# mine\n" + ours + "nameserver 9.9.9.9\n";
  EXPECT_TRUE(IsOurs(edited));
  const std::string left = WithoutOurs(edited, {kServer}, original);
  EXPECT_FALSE(IsOurs(left));
  EXPECT_TRUE(left.starts_with("# mine\nsearch "));
  EXPECT_EQ(ParseResolvConf(left).nameservers,
            std::vector<std::string>{"9.9.9.9"});
  // Nobody is left without a resolver.
  EXPECT_EQ(ParseResolvConf(WithoutOurs(ours, {kServer}, original)).nameservers,
            original.nameservers);
}

TEST(SetupState, IsReadAsItWasWritten) {
  SetupState state{.backend = DnsBackend::kFile,
                   .interface = "mesh0",
                   .resolv_conf = "/etc/resolv.conf",
                   .backup = "/etc/a file\nwith a line",
                   .had_original = false,
                   .contents = {"a\n", "b\n"},
                   .servers = {kServer, *IpAddress::Parse("fd00::1")}};
  EXPECT_EQ(ParseSetupState(FormatSetupState(state)), state);
  state.contents.clear();
  state.servers.clear();
  state.backend = DnsBackend::kResolvconf;
  EXPECT_EQ(ParseSetupState(FormatSetupState(state)), state);
}

TEST(SetupState, ACutOneIsRefused) {
  const std::string text = FormatSetupState(
      {.interface = "mesh0", .contents = {"a"}, .servers = {kServer}});
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(ParseSetupState(text.substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(ParseSetupState(text + "x").has_value());
}

TEST(SetupState, BackendsHaveNames) {
  for (const DnsBackend backend :
       {DnsBackend::kResolved, DnsBackend::kResolvconf, DnsBackend::kFile}) {
    EXPECT_EQ(ParseBackend(BackendName(backend)), backend);
  }
  EXPECT_FALSE(ParseBackend("other").has_value());
}

}  // namespace
}  // namespace natkit::meshnode
