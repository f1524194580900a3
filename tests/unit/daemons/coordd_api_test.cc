#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "admin_call.h"
#include "admin_json.h"
#include "admin_table.h"
#include "api/http_requests.h"
#include "api/routes.h"
#include "api/schemas.h"
#include "api/service.h"
#include "natkit/base/rng.h"
#include "natkit/mesh/registry/memory_store.h"

namespace natkit::coordd {
namespace {

using namespace std::chrono_literals;

HttpRequestReader MakeReader(size_t limit) {
  return HttpRequestReader(
      [limit](const derp::HttpRequest& /*head*/) { return limit; });
}

HttpFault FaultOf(const std::string& text, size_t limit = 100) {
  auto reader = MakeReader(limit);
  ByteView input = AsBytes(text);
  const auto request = reader.Next(input);
  return request ? HttpFault{} : request.error();
}

TEST(HttpRequestReader, FindsRequestsHoweverTheyAreSplit) {
  const std::string text =
      "POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nxyzGET /b HTTP/1.1\r\n\r\n";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    auto reader = MakeReader(3);
    std::vector<std::string> found;
    ByteView rest = AsBytes(text);
    while (!rest.empty()) {
      ByteView input = rest.first(std::min(piece, rest.size()));
      rest = rest.subspan(input.size());
      while (!input.empty()) {
        const auto request = reader.Next(input);
        ASSERT_TRUE(request.has_value());
        if (*request) {
          found.push_back((*request)->head.target + (*request)->body);
        }
      }
    }
    EXPECT_EQ(found, (std::vector<std::string>{"/axyz", "/b"})) << piece;
    EXPECT_TRUE(reader.is_idle());
  }
}

TEST(HttpRequestReader, RefusesWhatTwoProgramsCouldReadDifferently) {
  const std::string start = "POST / HTTP/1.1\r\n";
  for (const char* fields :
       {"Content-Length: 1\r\nContent-Length: 1\r\n",
        "Content-Length: 1\r\ncontent-length: 2\r\n", "Content-Length: 1,1\r\n",
        "Content-Length: +1\r\n", "Content-Length: 0x1\r\n",
        "Content-Length: -1\r\n", "Content-Length:\r\n", "no colon\r\n"}) {
    EXPECT_EQ(FaultOf(start + fields + "\r\nx"), HttpFault::kBadRequest)
        << fields;
  }
  EXPECT_EQ(FaultOf(start + "Transfer-Encoding: identity\r\n\r\n"),
            HttpFault::kNotImplemented);
}

TEST(HttpRequestReader, RefusesWhatIsTooLargeBeforeItComes) {
  const std::string start = "POST / HTTP/1.1\r\nContent-Length: ";
  EXPECT_EQ(FaultOf(start + "101\r\n\r\n"), HttpFault::kTooLarge);
  EXPECT_EQ(FaultOf(start + "100000000000000000000\r\n\r\n"),
            HttpFault::kTooLarge);
  EXPECT_EQ(FaultOf("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x')),
            HttpFault::kHeadTooLarge);
}

TEST(HttpRequestReader, SaysOnceThatTheBodyIsWaitedFor) {
  auto reader = MakeReader(9);
  const std::string head =
      "PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n";
  ByteView input = AsBytes(head);
  ASSERT_TRUE(reader.Next(input).has_value());
  EXPECT_FALSE(reader.is_idle());
  EXPECT_TRUE(reader.TakeContinue());
  EXPECT_FALSE(reader.TakeContinue());
}

TEST(DecodePercent, TakesTwoHexDigitsAndNoNul) {
  EXPECT_EQ(DecodePercent("a%40b%2fc+", PlusMeans::kItself), "a@b/c+");
  EXPECT_EQ(DecodePercent("a+b", PlusMeans::kSpace), "a b");
  for (const char* wrong : {"%", "%4", "%g0", "%0g", "%00", "x%"}) {
    EXPECT_FALSE(DecodePercent(wrong, PlusMeans::kItself)) << wrong;
  }
}

TEST(ApiRoutes, HaveVerbsAndEachOnePlace) {
  std::set<std::string> places;
  for (const ApiRoute& route : ApiRoutes()) {
    EXPECT_NE(FindAdminVerb(route.verb), nullptr) << route.verb;
    EXPECT_TRUE(
        places.insert(std::string(route.method) + std::string(route.path))
            .second);
  }
}

TEST(MatchRoute, TakesPathAndQuery) {
  const auto match = MatchRoute("DELETE", "/v1/keys/a%2Fb?with_nodes=true");
  ASSERT_TRUE(match.has_value());
  EXPECT_EQ(match->route->verb, "keys.revoke");
  EXPECT_EQ(match->arguments,
            (nlohmann::json{{"id", "a/b"}, {"with_nodes", true}}));
}

TEST(MatchRoute, SaysWhyThereIsNone) {
  const auto status = [](const char* method, const char* target) {
    const auto match = MatchRoute(method, target);
    return match ? 0 : match.error().status;
  };
  EXPECT_EQ(status("GET", "/v1/nothing"), 404);
  EXPECT_EQ(status("GET", "/v1/nodes/"), 404);
  EXPECT_EQ(status("GET", ""), 404);
  EXPECT_EQ(status("GET", "/v1/events?after=-1"), 400);
  EXPECT_EQ(status("GET", "/v1/events?bogus=1"), 400);
  EXPECT_EQ(status("PATCH", "/v1/policy"), 405);
  EXPECT_EQ(MatchRoute("PATCH", "/v1/policy").error().allowed, "GET, PUT");
}

TEST(TokenGuard, ForgivesWithTimeAndCountsSources) {
  TokenGuard guard;
  const IpAddress source = *IpAddress::Parse("2001:db8::1");
  const IpAddress neighbour = *IpAddress::Parse("2001:db8::ffff");
  const IpAddress other = *IpAddress::Parse("2001:db8:0:1::1");
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(guard.Allows(source, Instant{}));
    guard.NoteFailure(source, Instant{});
  }
  EXPECT_FALSE(guard.Allows(source, Instant{} + 9s));
  EXPECT_FALSE(guard.Allows(neighbour, Instant{} + 9s));
  EXPECT_TRUE(guard.Allows(other, Instant{}));
  EXPECT_TRUE(guard.Allows(source, Instant{} + 10s));
}

TEST(AdminScopes, AreThoseOfTheVerbsAndAll) {
  const auto scopes = AdminScopes();
  for (const char* scope : {"all", "nodes:read", "policy:write", "server:write",
                            "events:read", "tokens:write"}) {
    EXPECT_TRUE(scopes.contains(scope)) << scope;
  }
  EXPECT_TRUE(HasScope(std::nullopt, "nodes:read"));
  EXPECT_TRUE(HasScope(std::set<std::string>{"all"}, "nodes:read"));
  EXPECT_FALSE(HasScope(std::set<std::string>{"nodes:write"}, "nodes:read"));
}

TEST(NodeJson, HasTheAttributesThatTheNodeReports) {
  SeededRng rng(5);
  mesh::MemoryStore store;
  const mesh::WallTime now{std::chrono::milliseconds(1'800'000'000'000)};
  const auto registry =
      mesh::Registry::Load({.ipv4 = *IpPrefix::Parse("100.64.0.0/10"),
                            .ipv6 = *IpPrefix::Parse("fd00:1:2::/48")},
                           store, rng, now);
  ASSERT_TRUE(registry.has_value());
  mesh::NodeRecord node;
  EXPECT_EQ(ToJson(**registry, node, now)["attributes"],
            nlohmann::json::object());
  node.attributes = {{"node:os", std::string("linux")},
                     {"custom:diskEncrypted", true},
                     {"custom:score", 4.5}};
  const auto shown = ToJson(**registry, node, now);
  EXPECT_EQ(shown["attributes"], nlohmann::json({{"node:os", "linux"},
                                                 {"custom:diskEncrypted", true},
                                                 {"custom:score", 4.5}}));
  EXPECT_NE(FormatResult("nodes.show", shown)
                .find("attributes: custom:diskEncrypted=yes custom:score=4.5 "
                      "node:os=linux\n"),
            std::string::npos);
}

TEST(ObjectSchemas, NameWhatTheObjectsHave) {
  const nlohmann::json schemas = ObjectSchemas();
  const auto expect = [&](const char* name, const nlohmann::json& object) {
    std::set<std::string> has;
    std::set<std::string> says;
    for (const auto& [key, value] : object.items()) {
      has.insert(key);
    }
    for (const auto& [key, value] : schemas.at(name).at("properties").items()) {
      says.insert(key);
    }
    EXPECT_EQ(has, says) << name;
  };
  expect("User", ToJson(mesh::UserRecord{}));
  expect("Key", ToJson(mesh::AuthKeyRecord{}, {}));
  expect("Token", ToJson(mesh::ApiTokenRecord{}, {}));
  expect("Relay", ToJson(mesh::RelayRecord{}));
  expect("Event", ToJson(mesh::StoreEvent{}));
  SeededRng rng(1);
  mesh::MemoryStore store;
  const auto registry =
      mesh::Registry::Load({.ipv4 = *IpPrefix::Parse("100.64.0.0/10"),
                            .ipv6 = *IpPrefix::Parse("fd00:1:2::/48")},
                           store, rng, {});
  expect("Node", ToJson(**registry, mesh::NodeRecord{}, {}));
}

TEST(DescribeApi, RefersOnlyToSchemasThatThereAre) {
  const nlohmann::json document = DescribeApi();
  const std::string text = document.dump();
  constexpr std::string_view kBegin = "\"#/components/schemas/";
  size_t count = 0;
  for (size_t at = text.find(kBegin); at != std::string::npos;
       at = text.find(kBegin, at + 1), ++count) {
    const size_t name = at + kBegin.size();
    EXPECT_TRUE(document["components"]["schemas"].contains(
        text.substr(name, text.find('"', name) - name)));
  }
  EXPECT_GE(count, 9U);
  EXPECT_TRUE(document["paths"].contains("/healthz"));
}

}  // namespace
}  // namespace natkit::coordd
