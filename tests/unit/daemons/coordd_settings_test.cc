#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "settings.h"

namespace natkit::coordd {
namespace {

using testing::AllOf;
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

std::string MistakeIn(const std::string& more) {
  const auto settings = ParseSettings("a.toml", kLeast + more);
  return settings ? "" : settings.error().front();
}

TEST(CoorddSettings, RefusesNamesThatNoMeshCanHave) {
  for (const char* domain : {"bad domain", "", "-x..y", "a."}) {
    EXPECT_THAT(MistakeIn("[mesh]\ndomain = '" + std::string(domain) + "'\n"),
                HasSubstr("a.toml:5: 'mesh.domain' must be a domain name"))
        << domain;
  }
  for (const char* name : {"''", "\"two\\nlines\""}) {
    EXPECT_THAT(MistakeIn("[mesh]\nname = " + std::string(name) + "\n"),
                HasSubstr("a.toml:5: 'mesh.name' must be one line"));
  }
  EXPECT_EQ(MistakeIn("[mesh]\nname = 'Zoo 7'\ndomain = 'm.example'\n"), "");
}

TEST(CoorddSettings, RefusesAddressesOfOthers) {
  EXPECT_THAT(MistakeIn("[mesh]\nipv4 = '8.8.8.0/24'\n"),
              HasSubstr("a.toml:5: 'mesh.ipv4' must be private"));
  EXPECT_THAT(MistakeIn("[mesh]\nipv4 = '172.0.0.0/8'\n"),
              HasSubstr("a.toml:5: 'mesh.ipv4' must be private"));
  EXPECT_THAT(MistakeIn("[mesh]\nipv4 = '0.0.0.0/0'\n"),
              HasSubstr("a.toml:5: 'mesh.ipv4' must be a prefix"));
  EXPECT_THAT(MistakeIn("[mesh]\nipv6 = '2001:db8::/48'\n"),
              HasSubstr("a.toml:5: 'mesh.ipv6' must be of one's own"));
  // Of RFC 4193's fc00::/7, only the half that one may choose from.
  EXPECT_THAT(MistakeIn("[mesh]\nipv6 = 'fc00::/48'\n"),
              HasSubstr("a.toml:5: 'mesh.ipv6' must be of one's own"));
  EXPECT_EQ(MistakeIn("[mesh]\nipv4 = '10.9.0.0/16'\nipv6 = 'fd00::/64'\n"),
            "");
}

TEST(CoorddSettings, RefusesDoorsThatCannotOpen) {
  const auto doors = [](const std::string& listen, const std::string& api) {
    return MistakeIn("listen = '" + listen + "'\n[api]\nlisten = '" + api +
                     "'\n");
  };
  EXPECT_THAT(doors(":443", "127.0.0.1:443"),
              HasSubstr("a.toml:6: 'api.listen' 127.0.0.1:443 is taken"));
  EXPECT_THAT(doors("[::1]:443", ":443"), HasSubstr("a.toml:6: "));
  EXPECT_EQ(doors("127.0.0.1:443", "127.0.0.1:444"), "");
  EXPECT_EQ(doors("127.0.0.1:443", "127.0.0.2:443"), "");
  EXPECT_EQ(doors("127.0.0.1:0", "127.0.0.1:0"), "");
  EXPECT_THAT(MistakeIn("[admin]\nsocket = '/" + std::string(107, 'x') + "'\n"),
              HasSubstr("a.toml:5: 'admin.socket' must be an absolute path"));
}

TEST(CoorddSettings, TellsOfFoldersThatCannotServe) {
  const auto folder = std::filesystem::temp_directory_path() /
                      ("coordd-settings-" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  const auto check = [&](const std::string& state, const std::string& socket) {
    return CheckFolders(*ParseSettings(
        "a.toml", std::string(kLeast) + "state_dir = '" + folder.string() +
                      state + "'\n[admin]\nsocket = '" + folder.string() +
                      socket + "'\n"));
  };
  std::filesystem::permissions(folder, std::filesystem::perms(0755));
  EXPECT_THAT(check("", "/admin"), ElementsAre(AllOf(HasSubstr("a.toml:4: "),
                                                     HasSubstr("chmod 700"))));
  std::filesystem::permissions(folder, std::filesystem::perms(0700));
  EXPECT_THAT(check("", "/admin"), SizeIs(0));
  EXPECT_THAT(
      check("/none", "/none/admin"),
      ElementsAre(AllOf(HasSubstr("a.toml:4: "), HasSubstr("mkdir -m 700 ")),
                  AllOf(HasSubstr("a.toml:6: the folder of the"),
                        HasSubstr("does not exist; make it"))));
  std::ofstream(folder / "file") << "x";
  EXPECT_THAT(check("", "/file/admin"),
              ElementsAre(HasSubstr("/file, is not a folder; say another")));
  EXPECT_THAT(check("", "/file/below/admin"),
              ElementsAre(HasSubstr("/file/below: Not a directory")));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace natkit::coordd
