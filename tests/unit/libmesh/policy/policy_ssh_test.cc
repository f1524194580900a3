#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "natkit/mesh/policy/policy.h"

namespace natkit::mesh::policy {
namespace {

using ::testing::HasSubstr;

PolicyResult Parse(const std::string& fields,
                   const PolicyOptions& options = {}) {
  return ParsePolicy(
      "{\"acls\": [], \"groups\": {\"group:eng\": [\"ann@x.org\"]}, "
      "\"tagOwners\": {\"tag:web\": []}, \"hosts\": {\"db\": \"10.0.0.1\"}, "
      "\"ssh\": [{" +
          fields + "}]}",
      options);
}

std::string Says(const std::string& fields, const PolicyOptions& options = {}) {
  std::string all;
  for (const auto& diagnostic : Parse(fields, options).diagnostics) {
    all += diagnostic.text + "\n";
  }
  return all;
}

std::string Pair(const std::string& src, const std::string& dst) {
  return R"("action": "accept", "users": ["root"], "src": [")" + src +
         R"("], "dst": [")" + dst + "\"]";
}

TEST(PolicySsh, SourcesAndDestinationsAreLimited) {
  EXPECT_EQ(Says(Pair("group:eng", "tag:web")), "");
  EXPECT_EQ(Says(Pair("autogroup:member", "autogroup:self")), "");
  EXPECT_EQ(Says(Pair("tag:web", "tag:web")), "");
  EXPECT_EQ(Says(Pair("ann@x.org", "ann@x.org")), "");
  for (const auto* bad : {"*", "db", "10.0.0.0/8", "autogroup:internet"}) {
    EXPECT_THAT(Says(Pair(bad, "tag:web")), HasSubstr("cannot stand here"));
    EXPECT_THAT(Says(Pair("ann@x.org", bad)), HasSubstr("cannot stand here"));
  }
  EXPECT_THAT(Says(Pair("bob@x.org", "ann@x.org")),
              HasSubstr("may be the source"));
  EXPECT_THAT(Says(Pair("group:eng", "ann@x.org")),
              HasSubstr("may be the source"));
  EXPECT_THAT(Says(Pair("tag:web", "ann@x.org")),
              HasSubstr("tagged machines reach tagged ones"));
  EXPECT_THAT(Says(Pair("tag:web", "autogroup:self")),
              HasSubstr("tagged machines reach tagged ones"));
}

TEST(PolicySsh, UsersAreNamed) {
  const auto says = [](const std::string& users) {
    PolicyOptions options;
    options.domains = {"x.org"};
    return Says(R"("action": "accept", "src": ["group:eng"],
                   "dst": ["tag:web"], "users": [)" +
                    users + "]",
                options);
  };
  EXPECT_EQ(says(R"("root", "autogroup:nonroot", "localpart:*@x.org")"), "");
  EXPECT_THAT(says(R"("*")"), HasSubstr("name the logins"));
  EXPECT_THAT(says(R"("")"), HasSubstr("name the logins"));
  EXPECT_THAT(says(R"("localpart:*@y.org")"),
              HasSubstr("none of this network"));
  EXPECT_THAT(says(R"("a b")"), HasSubstr("is no login"));
}

TEST(PolicySsh, ChecksHaveAPeriod) {
  const auto parse = [](const std::string& action, const std::string& period) {
    return Parse(R"("src": ["group:eng"], "dst": ["tag:web"],
                    "users": ["root"], "action": ")" +
                 action + R"(", "checkPeriod": ")" + period + "\"");
  };
  EXPECT_EQ(parse("check", "1h30m").policy.ssh[0].check_period, 5400U);
  EXPECT_EQ(parse("check", "168h").policy.ssh[0].check_period, 604800U);
  EXPECT_EQ(parse("check", "always").policy.ssh[0].check_period, 0U);
  for (const auto* bad : {"169h", "1", "h", "", "1d", "-1h"}) {
    EXPECT_FALSE(parse("check", bad).is_usable()) << bad;
  }
  EXPECT_FALSE(parse("accept", "1h").is_usable());
  EXPECT_FALSE(parse("deny", "1h").is_usable());
  EXPECT_EQ(Parse(R"("src": ["group:eng"], "dst": ["tag:web"],
                     "users": ["root"], "action": "check")")
                .policy.ssh[0]
                .check_period,
            43200U);
}

}  // namespace
}  // namespace natkit::mesh::policy
