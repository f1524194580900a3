#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "settings.h"

namespace natkit::coordd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr char kLeast[] = "[server]\ncertificate = 'c'\nprivate_key = 'k'\n";

TEST(CoorddSettings, HasDefaults) {
  const auto settings = ParseSettings("a.toml", kLeast);
  ASSERT_TRUE(settings.has_value());
  EXPECT_THAT(settings->listen, SizeIs(2));
  EXPECT_EQ(settings->state_dir, "/var/lib/coordd");
  EXPECT_EQ(settings->registry.ipv4.ToString(), "100.64.0.0/10");
  EXPECT_EQ(settings->registry.ipv6, IpPrefix());
  EXPECT_EQ(settings->registry.key_lifetime, std::chrono::hours(180 * 24));
}

TEST(CoorddSettings, ReadsEveryTable) {
  const auto settings = ParseSettings(
      "a.toml", std::string(kLeast) +
                    "listen = ['127.0.0.1:1']\nstate_dir = '/s'\n[mesh]\n"
                    "ipv6 = 'fd00:1::/48'\nkey_lifetime_days = 2\n"
                    "ephemeral_grace = 7\n[[relay]]\nname = 'eu'\n"
                    "host = 'r'\nport = 8\n[policy]\nfile = '/p'\n[admin]\n"
                    "socket = '/a'\n[log]\nlevel = 'debug'\njson = true\n");
  ASSERT_TRUE(settings.has_value()) << settings.error().front();
  EXPECT_THAT(settings->listen, SizeIs(1));
  EXPECT_EQ(settings->registry.ipv6.ToString(), "fd00:1::/48");
  EXPECT_EQ(settings->registry.key_lifetime, std::chrono::hours(48));
  EXPECT_EQ(settings->registry.ephemeral_grace, std::chrono::seconds(7));
  EXPECT_THAT(settings->relays, ElementsAre(mesh::RelayInfo{
                                    .name = "eu", .host = "r", .port = 8}));
  EXPECT_EQ(settings->policy_file, "/p");
  EXPECT_EQ(settings->admin_socket, "/a");
  EXPECT_EQ(settings->log_level, LogLevel::kDebug);
  EXPECT_EQ(settings->log_format, shell::LogFormat::kJson);
}

TEST(CoorddSettings, TellsEveryMistakeWithItsLine) {
  const auto settings = ParseSettings(
      "a.toml",
      "[server]\nlisten = 'x'\nstate_dir = 'relative'\ntypo = 1\n[mesh]\n"
      "ipv4 = 'fd00::/48'\n[[relay]]\nname = 'a'\nhost = 'h'\npin = 'no'\n"
      "[[relay]]\nname = 'a'\nhost = 'h'\n[log]\nlevel = 'loud'\n");
  ASSERT_FALSE(settings.has_value());
  EXPECT_THAT(
      settings.error(),
      UnorderedElementsAre(HasSubstr("a.toml:2: 'x' is not an address"),
                           HasSubstr("'server.certificate' is missing"),
                           HasSubstr("'server.private_key' is missing"),
                           HasSubstr("a.toml:3: 'server.state_dir' must be"),
                           HasSubstr("a.toml:4: unknown key 'server.typo'"),
                           HasSubstr("a.toml:6: 'mesh.ipv4' must be a prefix"),
                           HasSubstr("a.toml:10: 'relay[0].pin' must be"),
                           HasSubstr("a.toml:12: there is another relay 'a'"),
                           HasSubstr("a.toml:15: log level 'loud'")));
}

}  // namespace
}  // namespace natkit::coordd
