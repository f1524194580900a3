#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

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
  for (const json& wrong : {json(-1), json(4294967296), json(0.5)}) {
    EXPECT_EQ(Ask({{"verb", "keys.create"},
                   {"tags", {"tag:x"}},
                   {"lifetime", wrong}})["error"],
              "\"lifetime\" must be a whole number up to 4294967295")
        << wrong;
  }
  EXPECT_EQ(Ask({{"verb", "events.list"}, {"limit", -1}})["error"],
            "\"limit\" must be a whole number up to 18446744073709551615");
  EXPECT_EQ(Ask({{"verb", "relays.list"}})["result"], json::array());
}

}  // namespace
}  // namespace natkit::coordd
