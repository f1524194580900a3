#include "natkit/derp/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vectors.h"

namespace natkit::derp {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

HttpRequest Request(std::string_view head) {
  return ParseHttpRequest(head).value();
}

HttpRequest Get(std::string_view target) {
  return {.method = "GET", .target = std::string(target)};
}

TEST(HttpHead, IsFoundAtEverySplitAndTheRestIsLeft) {
  const std::string stream = "GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
  for (size_t split = 0; split <= stream.size(); ++split) {
    HttpHeadReader reader;
    ByteView first = AsBytes(stream).first(split);
    ByteView second = AsBytes(stream).subspan(split);
    auto head = reader.Next(first);
    std::string rest(AsText(first));
    ASSERT_TRUE(head);
    if (!*head) {
      EXPECT_TRUE(first.empty());
      head = reader.Next(second);
    }
    ASSERT_TRUE(head && *head) << split;
    EXPECT_EQ(**head, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    rest += AsText(second);
    EXPECT_EQ(rest, "rest");
  }
}

TEST(HttpHead, MayEndItsLinesWithLineFeedsAlone) {
  HttpHeadReader reader;
  ByteView input = AsBytes("GET / HTTP/1.1\nA: b\n\n");
  const auto head = reader.Next(input);
  ASSERT_TRUE(head && *head);
  EXPECT_EQ(Request(**head).headers.Find("a"), "b");
}

TEST(HttpHead, IsBounded) {
  HttpHeadReader reader;
  const std::string line = "A: " + std::string(1000, 'x') + "\r\n";
  bool failed = false;
  for (int i = 0; i < 20 && !failed; ++i) {
    ByteView input = AsBytes(line);
    failed = !reader.Next(input);
  }
  EXPECT_TRUE(failed);
}

TEST(HttpRequestHead, NamesCompareInAnyCase) {
  const HttpRequest request = Request(
      "GET /derp?x=1 HTTP/1.1\r\nuPGRADE:  DERP \r\n"
      "Connection: foo, UPGRADE\r\nconnection: close\r\n\r\n");
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.path(), "/derp");
  EXPECT_EQ(request.headers.Find("Upgrade"), "DERP");
  EXPECT_TRUE(request.headers.HasToken("Connection", "upgrade"));
  EXPECT_FALSE(request.headers.HasToken("Connection", "up"));
  EXPECT_FALSE(request.keeps_alive());
  EXPECT_EQ(request.headers.Find("Host"), std::nullopt);
}

TEST(HttpRequestHead, KeepsAliveByVersionAndField) {
  EXPECT_TRUE(Request("GET / HTTP/1.1\r\n\r\n").keeps_alive());
  EXPECT_FALSE(Request("GET / HTTP/1.0\r\n\r\n").keeps_alive());
  EXPECT_TRUE(Request("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                  .keeps_alive());
}

TEST(HttpRequestHead, KnowsThatABodyFollows) {
  EXPECT_TRUE(
      Request("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n").has_body());
  EXPECT_TRUE(Request("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
                  .has_body());
  EXPECT_FALSE(
      Request("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n").has_body());
}

TEST(HttpRequestHead, RefusesWhatIsNotHttp) {
  for (const std::string_view head :
       {"", "\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/2.0\r\n\r\n",
        "GET / HTTP/1.2\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1 \r\n\r\n", "G:T / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n", "GET / HTTP/1.1\r\nA : b\r\n\r\n",
        "GET / HTTP/1.1\r\n: b\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", "GET /\t HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n"}) {
    EXPECT_FALSE(ParseHttpRequest(head)) << head;
  }
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 101; ++i) {
    many += "A: b\r\n";
  }
  EXPECT_FALSE(ParseHttpRequest(many + "\r\n"));
}

TEST(HttpResponseHead, GivesStatusAndFields) {
  const auto response =
      ParseHttpResponse("HTTP/1.1 101 Switching\r\nUpgrade: DERP\r\n\r\n");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 101);
  EXPECT_EQ(response->headers.Find("upgrade"), "DERP");
  EXPECT_TRUE(ParseHttpResponse("HTTP/1.0 200\r\n\r\n"));
  for (const std::string_view head :
       {"", "HTTP/1.1\r\n\r\n", "HTTP/1.1 20\r\n\r\n", "HTTP/1.1 2000\r\n\r\n",
        "HTTP/1.1 -10 x\r\n\r\n", "HTTP/1.1 099 x\r\n\r\n",
        "ICY 200\r\n\r\n"}) {
    EXPECT_FALSE(ParseHttpResponse(head)) << head;
  }
}

TEST(HttpUpgrade, IsClassifiedByPathAndFields) {
  const auto classify = [](std::string_view target, std::string_view fields) {
    return ClassifyUpgrade(Request("GET " + std::string(target) +
                                   " HTTP/1.1\r\n" + std::string(fields) +
                                   "\r\n"));
  };
  EXPECT_EQ(classify("/derp", "Upgrade: DERP\r\n"), UpgradeKind::kDerp);
  EXPECT_EQ(classify("/derp?x", "Upgrade: derp\r\n"), UpgradeKind::kDerp);
  EXPECT_EQ(classify("/derp", "Upgrade: DERP\r\nDerp-Fast-Start: 1\r\n"),
            UpgradeKind::kFastStart);
  EXPECT_EQ(classify("/derp", "Upgrade: DERP\r\nDerp-Fast-Start: 0\r\n"),
            UpgradeKind::kDerp);
  EXPECT_EQ(classify("/derp", "Upgrade: WebSocket\r\n"), UpgradeKind::kDerp);
  EXPECT_EQ(classify("/derp",
                     "Upgrade: websocket\r\n"
                     "Sec-WebSocket-Protocol: a, derp\r\n"),
            UpgradeKind::kWebSocket);
  EXPECT_EQ(classify("/derp", "Upgrade: h2c\r\n"), UpgradeKind::kNone);
  EXPECT_EQ(classify("/derp", ""), UpgradeKind::kNone);
  EXPECT_EQ(classify("/derp/", "Upgrade: DERP\r\n"), UpgradeKind::kNone);
  EXPECT_EQ(classify("/", "Upgrade: DERP\r\n"), UpgradeKind::kNone);
}

TEST(HttpSite, ProbesAnswerGetAndHeadOnly) {
  for (const std::string_view path : {"/derp/probe", "/derp/latency-check"}) {
    for (const auto& [method, status] :
         {std::pair{"GET", 200}, std::pair{"HEAD", 200},
          std::pair{"POST", 405}}) {
      HttpRequest request = Get(path);
      request.method = method;
      const HttpResponse response = RespondToRequest(request, {});
      EXPECT_EQ(response.status, status);
      if (status == 200) {
        EXPECT_EQ(response.headers.Find("Access-Control-Allow-Origin"), "*");
        EXPECT_TRUE(response.body.empty());
      }
    }
  }
}

TEST(HttpSite, Generate204AnswersAChallengeThatIsWellFormed) {
  const std::string longest(64, 'a');
  const std::pair<std::string, bool> cases[] = {
      {"ts_host", true}, {"aZ09._:-", true},
      {longest, true},   {longest + "a", false},
      {"a b", false},    {std::string("a\0", 2), false},
      {"a/b", false},    {"", false},
  };
  for (const auto& [challenge, answered] : cases) {
    HttpRequest request = Get("/generate_204");
    request.headers.Add("X-Tailscale-Challenge", challenge);
    for (const HttpResponse& response :
         {RespondToRequest(request, {}), RespondOnPlainPort(request)}) {
      EXPECT_EQ(response.status, 204);
      EXPECT_EQ(response.headers.Find("Cache-Control"),
                "no-cache, no-store, must-revalidate, no-transform, max-age=0");
      const auto answer = response.headers.Find("X-Tailscale-Response");
      EXPECT_EQ(answer.has_value(), answered) << challenge;
      if (answered) {
        EXPECT_EQ(answer, "response " + challenge);
      }
    }
  }
}

TEST(HttpSite, ServesRobotsLandingPageAndRedirect) {
  const HttpResponse robots = RespondToRequest(Get("/robots.txt"), {});
  EXPECT_EQ(robots.body, "User-agent: *\nDisallow: /\n");
  EXPECT_EQ(robots.headers.Find("X-Frame-Options"), "DENY");
  const HttpSite site{.landing_html = "<p>hello"};
  const HttpResponse landing = RespondToRequest(Get("/any?x"), site);
  EXPECT_EQ(landing.status, 200);
  EXPECT_EQ(landing.body, "<p>hello");
  EXPECT_EQ(landing.headers.Find("X-Content-Type-Options"), "nosniff");
  const HttpSite moved{.home_redirect = "https://example.com/"};
  const HttpResponse redirect = RespondToRequest(Get("/"), moved);
  EXPECT_EQ(redirect.status, 302);
  EXPECT_EQ(redirect.headers.Find("Location"), "https://example.com/");
}

TEST(HttpSite, DerpItselfIs426Or404) {
  EXPECT_EQ(RespondToRequest(Get("/derp"), {}).status, 426);
  const HttpSite off{.relay = RelayMode::kDisabled};
  const HttpResponse response = RespondToRequest(Get("/derp"), off);
  EXPECT_EQ(response.status, 404);
  EXPECT_THAT(response.body, HasSubstr("derp server disabled"));
  EXPECT_EQ(RespondToRequest(Get("/derp/probe"), off).status, 200);
}

TEST(HttpSite, PlainPortRedirectsToHttps) {
  HttpRequest request = Get("/x?y=1");
  request.headers.Add("Host", "derp.example:80");
  EXPECT_EQ(RespondOnPlainPort(request).headers.Find("Location"),
            "https://derp.example/x?y=1");
  HttpRequest literal = Get("/");
  literal.headers.Add("Host", "[2001:db8::1]:80");
  EXPECT_EQ(RespondOnPlainPort(literal).headers.Find("Location"),
            "https://[2001:db8::1]/");
  request.method = "POST";
  EXPECT_EQ(RespondOnPlainPort(request).status, 400);
  EXPECT_EQ(RespondOnPlainPort(Get("/")).status, 400);
}

TEST(HttpSite, SerializesHeadsWithoutBodiesForHeadAnd204) {
  const HttpResponse response{.status = 200, .body = "abc"};
  EXPECT_EQ(SerializeResponse(response, "GET"),
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_EQ(SerializeResponse(response, "HEAD"),
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(SerializeResponse({.status = 204}, "GET"),
            "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(UpgradeResponse(testing::ServerPublic()),
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\n"
            "Connection: Upgrade\r\nDerp-Version: 2\r\nDerp-Public-Key: " +
                std::string(testing::kServerPublicHex) + "\r\n\r\n");
}

}  // namespace
}  // namespace natkit::derp
