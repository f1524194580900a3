#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "admin_json.h"
#include "admin_table.h"
#include "admin_verbs.h"
#include "natkit/base/rng.h"
#include "natkit/mesh/registry/memory_store.h"

namespace natkit::coordd {
namespace {

using nlohmann::json;

class AdminVerbs : public testing::Test {
 protected:
  json Ask(const json& request) {
    AdminSubject subject{.registry = *registry_,
                         .coordinator = coordinator_,
                         .store = store_,
                         .store_path = {},
                         .policy = policy_,
                         .work = work_};
    json answer;
    HandleAdminLine(
        subject, {}, "test", request.dump(),
        [&](const std::string& text) { answer = json::parse(text); });
    return answer;
  }

  /// A node's number.
  std::string Join() {
    const auto key =
        registry_->MakeAuthKey({}, "test", {.owner = {.tags = {"tag:x"}}});
    mesh::JoinRequest request{.auth_key = key->secret, .host_name = "host"};
    request.keys.machine_key = mesh::MachineIdentity::Generate(rng_).key();
    request.keys.node_key = DerivePublicKey(GeneratePrivateKey(rng_));
    request.keys.signalling_key = DerivePublicKey(GeneratePrivateKey(rng_));
    return std::to_string(*registry_->Join({}, request));
  }

  void Commit() { ASSERT_TRUE(registry_->Commit()); }

 private:
  SeededRng rng_{1};
  mesh::MemoryStore store_;
  io::EventLoop loop_;
  std::unique_ptr<mesh::Registry> registry_ =
      *mesh::Registry::Load({.ipv4 = *IpPrefix::Parse("100.64.0.0/10"),
                             .ipv6 = *IpPrefix::Parse("fd00:1:2::/48")},
                            store_, rng_, {});
  mesh::Coordinator coordinator_{{}, *registry_, rng_, {}};
  PolicyKeeper policy_{*registry_, coordinator_};
  io::BackgroundWork work_{loop_};
};

TEST_F(AdminVerbs, TakeNumbersThatFit) {
  const json relay = {{"verb", "relays.add"},
                      {"name", "eu"},
                      {"host", "eu.example.com"},
                      {"port", 65535}};
  EXPECT_TRUE(Ask(relay).contains("result"));
  EXPECT_EQ(Ask({{"verb", "relays.list"}})["result"][0]["port"], 65535);
}

TEST_F(AdminVerbs, RefuseNumbersThatDoNotFitInsteadOfCuttingThem) {
  json relay = {
      {"verb", "relays.add"}, {"name", "eu"}, {"host", "eu.example.com"}};
  for (const json& wrong :
       {json(65536), json(-1), json(443.5), json(true), json("443"), json()}) {
    relay["port"] = wrong;
    EXPECT_EQ(Ask(relay)["error"],
              "\"port\" must be a whole number up to 65535")
        << wrong;
  }
  for (const json& wrong :
       {json(-4), json(315360001), json(4294967297), json(1.9)}) {
    EXPECT_EQ(Ask({{"verb", "keys.create"},
                   {"tags", {"tag:x"}},
                   {"lifetime", wrong}})["error"],
              "\"lifetime\" must be a whole number up to 315360000")
        << wrong;
  }
  EXPECT_EQ(Ask({{"verb", "events.list"}, {"limit", -1}})["error"],
            "\"limit\" must be a whole number up to 1000");
  EXPECT_EQ(Ask({{"verb", "relays.list"}})["result"], json::array());
}

TEST_F(AdminVerbs, ALifetimeOfNothingIsForGood) {
  json create = {{"verb", "keys.create"}, {"tags", {"tag:x"}}, {"lifetime", 0}};
  ASSERT_TRUE(Ask(create).contains("result"));
  create["verb"] = "tokens.create";
  create["scopes"] = {"all"};
  ASSERT_TRUE(Ask(create).contains("result"));
  for (const char* verb : {"keys.list", "tokens.list"}) {
    const json made = Ask({{"verb", verb}})["result"][0];
    EXPECT_EQ(made["expiry"], nullptr);
    EXPECT_EQ(made["state"], "good");
  }
}

TEST_F(AdminVerbs, TakeNoDescriptionThatATerminalActsUpon) {
  for (const char* verb : {"keys.create", "tokens.create"}) {
    const json request = {{"verb", verb},
                          {"tags", {"tag:x"}},
                          {"scopes", {"all"}},
                          {"description", "evil\nline \x1b[31m"}};
    EXPECT_THAT(Ask(request)["error"].get<std::string>(),
                testing::HasSubstr("without control characters"));
  }
}

TEST_F(AdminVerbs, TakeOnlyPinsOfCertificates) {
  EXPECT_THAT(Ask({{"verb", "relays.add"},
                   {"name", "eu"},
                   {"host", "eu.example.com"},
                   {"pin", "zz"}})["error"]
                  .get<std::string>(),
              testing::HasSubstr("\"pin\" must be"));
}

TEST_F(AdminVerbs, WithdrawRoutesOnlyIfThatIsSaid) {
  json request = {{"verb", "routes.approve"}, {"node", Join()}};
  EXPECT_THAT(Ask(request)["error"].get<std::string>(),
              testing::HasSubstr("--none"));
  request["routes"] = json::array();
  EXPECT_EQ(Ask(request)["result"], (json{{"done", true}}));
  request["routes"] = {"10.7.0.0/16"};
  EXPECT_EQ(Ask(request)["result"]["warnings"],
            json::array({"host does not advertise 10.7.0.0/16; the approval "
                         "holds if it ever does"}));
}

TEST_F(AdminVerbs, ShowTheNewestEventsInOrder) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(Ask({{"verb", "users.add"}, {"user", "u" + std::to_string(i)}})
                    .contains("result"));
  }
  Commit();
  json request = {{"verb", "events.list"}, {"limit", 3}, {"newest", true}};
  const auto subjects = [&] {
    std::string all;
    const json answer = Ask(request);
    for (const json& event : answer.at("result")) {
      all += event["subject"].get<std::string>() + " ";
    }
    return all;
  };
  EXPECT_EQ(subjects(), "u2 u3 u4 ");
  request["after"] = 1;  // a page of all
  EXPECT_EQ(subjects(), "u0 u1 u2 ");
  request["limit"] = 1001;
  EXPECT_EQ(Ask(request)["error"],
            "\"limit\" must be a whole number up to 1000");
}

TEST(AuthKeyState, SaysWhyNobodyCanJoinWithIt) {
  const mesh::WallTime now{std::chrono::hours(1000)};
  const auto state = [&](const mesh::AuthKeyRecord& key) {
    return ToJson(key, now)["state"];
  };
  const mesh::AuthKeyRecord good{.expiry = now + std::chrono::seconds(1)};
  EXPECT_EQ(state(good), "good");
  EXPECT_EQ(state({.expiry = now}), "expired");
  EXPECT_EQ(state({.uses = 1}), "used up");
  EXPECT_EQ(state({.is_reusable = true, .uses = 1}), "good");
  EXPECT_EQ(state({.expiry = now, .is_revoked = true}), "revoked");
}

TEST(AdminTable, ShowsWhatATerminalActsUponAsText) {
  const json key = {{"id", "1"}, {"description", "evil\nline \x1b[31m"}};
  EXPECT_THAT(FormatResult("keys.list", json::array({key})),
              testing::HasSubstr("evil\\nline \\x1b[31m\n"));
  EXPECT_EQ(FormatResult("nodes.show", {{"host_name", "\x1b[2J"}}),
            "host_name: \\x1b[2J\n");
  EXPECT_EQ(FormatResult("policy.get", {{"text", "{\n}\n"}}), "{\n}\n");
}

TEST(ParseDuration, TakesOneNumberAndItsUnit) {
  using namespace std::chrono_literals;
  EXPECT_EQ(ParseDuration("90s"), 90s);
  EXPECT_EQ(ParseDuration("15m"), 15min);
  EXPECT_EQ(ParseDuration("2h"), 2h);
  EXPECT_EQ(ParseDuration("30d"), 720h);
  for (const char* wrong : {"", "h", "-1h", "1", "1w", "1h ", "1.5h"}) {
    EXPECT_EQ(ParseDuration(wrong), std::nullopt) << wrong;
  }
}

TEST(ParseTime, TakesATimeOfAnyZoneOrHowLongAgo) {
  using namespace std::chrono_literals;
  const mesh::WallTime now{1000h};
  const auto text = FormatTime(now);
  EXPECT_EQ(text, "1970-02-11T16:00:00Z");
  EXPECT_EQ(ParseTime(text, {}), now);
  EXPECT_EQ(ParseTime("1970-02-11T17:30:00+01:30", {}), now);
  EXPECT_EQ(ParseTime("2h", now), now - 2h);
  for (const char* wrong :
       {"", "noon", "2026-02-31T00:00:00Z", "2026-11-22T05:00:00", "2026-11-22",
        "2026-11-22T25:00:00Z"}) {
    EXPECT_EQ(ParseTime(wrong, now), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace natkit::coordd
