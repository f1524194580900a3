#include "natkit/shell/upnp_http.h"

#include <gtest/gtest.h>

#include <string>

#include "natkit/shell/ssdp_search.h"

namespace natkit::shell {
namespace {

/// Read whole, and byte by byte.
HttpProgress ReadBothWays(const std::string& text, bool ends, HttpReply& out) {
  HttpReplyReader whole;
  HttpProgress progress = whole.Read(text);
  HttpReplyReader slow;
  HttpProgress slow_progress = HttpProgress::kMore;
  for (size_t i = 0; i < text.size() && slow_progress == HttpProgress::kMore;
       ++i) {
    slow_progress = slow.Read(text.substr(i, 1));
  }
  if (ends && progress == HttpProgress::kMore) {
    progress = whole.End();
  }
  if (ends && slow_progress == HttpProgress::kMore) {
    slow_progress = slow.End();
  }
  EXPECT_EQ(progress, slow_progress);
  if (progress == HttpProgress::kDone) {
    EXPECT_EQ(whole.reply(), slow.reply());
  }
  out = whole.reply();
  return progress;
}

void ExpectReply(const std::string& text, bool ends, int status,
                 const std::string& body) {
  HttpReply reply;
  EXPECT_EQ(ReadBothWays(text, ends, reply), HttpProgress::kDone) << text;
  EXPECT_EQ(reply, (HttpReply{status, body}));
}

void ExpectBroken(const std::string& text, bool ends = false) {
  HttpReply reply;
  EXPECT_EQ(ReadBothWays(text, ends, reply), HttpProgress::kBroken)
      << text.substr(0, 100);
}

TEST(HttpReplyReader, KnowsWhereAnAnswerEnds) {
  ExpectReply("HTTP/1.1 200 OK\r\ncontent-length:  3\r\n\r\nabc", false, 200,
              "abc");
  ExpectReply("HTTP/1.0 500 Internal\r\nServer: x\r\n\r\nall of it", true, 500,
              "all of it");
  ExpectReply(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
      false, 200, "abc0123456789");
  ExpectReply(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
      "\r\n",
      false, 200, "");
}

/// The end of a line may come in two pieces.
TEST(HttpReplyReader, TakesTheLongestLinesInAnyPieces) {
  const std::string size_line = "3;" + std::string(62, 'x');
  ExpectReply("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                  size_line + "\r\nabc\r\n0\r\n\r\n",
              false, 200, "abc");
  const std::string start = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ";
  ExpectReply(
      start + std::string(kMaxUpnpHead - start.size(), 'x') + "\r\n\r\n", false,
      200, "");
}

TEST(HttpReplyReader, RefusesWhatHasNoEnd) {
  ExpectBroken("SSH-2.0-OpenSSH\r\n\r\n");
  ExpectBroken("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n");
  ExpectBroken("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n");
  ExpectBroken("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", true);
  ExpectBroken("HTTP/1.1 200 OK\r\nContent-", true);
  ExpectBroken(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n");
  ExpectBroken("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
               std::string(66, 'a'));
  ExpectBroken("HTTP/1.1 200 OK\r\nX: " + std::string(kMaxUpnpHead, 'x'));
  ExpectBroken("HTTP/1.1 200 OK\r\n\r\n" + std::string(kMaxUpnpBody + 1, 'x'));
  std::string chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 17; ++i) {
    chunks += "1000\r\n" + std::string(4096, 'x') + "\r\n";
  }
  ExpectBroken(chunks);
}

TEST(HttpUrl, TakesAddressesAndRefusesTricks) {
  const auto url = HttpUrl::Parse("HTTP://192.168.1.1:5000/desc.xml");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host.ToString(), "192.168.1.1:5000");
  EXPECT_EQ(url->path, "/desc.xml");
  EXPECT_EQ(HttpUrl::Parse("http://192.168.1.1")->host.port, 80);
  EXPECT_EQ(HttpUrl::Parse("http://192.168.1.1")->path, "/");
  for (const char* bad :
       {"", "http://", "https://192.168.1.1/", "http://router.lan/x",
        "http://192.168.1.1:0/", "http://192.168.1.1:65536/",
        "http://192.168.1.1:/", "http://192.168.1.1:80x/",
        "http://192.168.1.1@203.0.113.1/", "http://x@192.168.1.1/",
        "http://192.168.1.1.evil.example/", "http://192.168.1.1/a b",
        "http://192.168.1.1/a\r\nHost: b", "http://[::1]/"}) {
    EXPECT_FALSE(HttpUrl::Parse(bad)) << bad;
  }
  EXPECT_FALSE(HttpUrl::Parse("http://192.168.1.1/" + std::string(512, 'x')));
}

TEST(HttpUrl, JoinsPathsAndWholeUrls) {
  const HttpUrl base = *HttpUrl::Parse("http://192.168.1.1:5000/a/desc.xml");
  EXPECT_EQ(base.Join("/ctl")->path, "/ctl");
  EXPECT_EQ(base.Join("ctl")->path, "/ctl");
  EXPECT_EQ(base.Join("ctl")->host, base.host);
  EXPECT_EQ(base.Join("http://192.168.1.2/c")->host.ToString(),
            "192.168.1.2:80");
  EXPECT_FALSE(base.Join("ftp://192.168.1.1/c"));
  EXPECT_FALSE(base.Join("c d"));
}

TEST(SsdpSearch, ReadsTheLocationOfAnAnswer) {
  const std::string answer =
      "HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nLocation: "
      "http://192.168.1.1:5000/d\r\nUSN: x\r\n\r\n";
  EXPECT_EQ(ParseSsdpAnswer(answer)->path, "/d");
  EXPECT_TRUE(ParseSsdpAnswer("HTTP/1.1 200 OK\r\nLOCATION:http://10.0.0.1/"));
  EXPECT_FALSE(ParseSsdpAnswer("NOTIFY * HTTP/1.1\r\n" + answer));
  EXPECT_FALSE(ParseSsdpAnswer("HTTP/1.1 200 OK\r\nLOCATION:\r\n\r\n"));
  EXPECT_FALSE(ParseSsdpAnswer("HTTP/1.1 200 OK\r\nLOCATION:   "));
  EXPECT_FALSE(ParseSsdpAnswer("HTTP/1.1 200 OK\r\n\r\n"));
  EXPECT_FALSE(
      ParseSsdpAnswer("HTTP/1.1 404 Not Found\r\nLOCATION: http://"
                      "10.0.0.1/\r\n"));
}

}  // namespace
}  // namespace natkit::shell
