#include "natkit/shell/line_server.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "natkit/io/unix_socket.h"

namespace natkit::shell {
namespace {

using namespace std::chrono_literals;

/// A server whose lines are noted, and clients of it.
class LineServerTest : public testing::Test {
 protected:
  LineServerTest() {
    std::string name =
        (std::filesystem::temp_directory_path() / "natkit-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }

  ~LineServerTest() override { std::filesystem::remove_all(folder_); }

  void Serve(const LineServer::Limits& limits, bool refuses = false) {
    auto server = LineServer::Listen(
        loop_, (folder_ / "s").string(), io::UnixAccess::kOwner, limits,
        {.refuse = [refuses](const io::PeerCredentials& peer)
             -> std::optional<std::string> {
           EXPECT_EQ(peer.user, ::geteuid());
           return refuses ? std::optional<std::string>("no\n") : std::nullopt;
         },
         .on_line =
             [this](LineServer::SessionId id, std::string_view line) {
               lines_.emplace_back(line);
               server_->Send(id, "<" + std::string(line) + ">");
               if (line == "end") {
                 server_->Close(id);
               }
             },
         .on_closed = [this](LineServer::SessionId) { ++closed_; }});
    ASSERT_TRUE(server.has_value());
    server_ = std::move(*server);
  }

  struct Client {
    std::string received;
    bool is_closed = false;
    std::optional<io::UnixStream> stream;
  };

  void Connect(Client& client) {
    client.stream.emplace(io::UnixStream::Connect(
        loop_, (folder_ / "s").string(),
        {.on_connected = {},
         .on_data =
             [&client](ByteView bytes) { client.received += AsText(bytes); },
         .on_drained = {},
         .on_closed = [&client](Errc) { client.is_closed = true; }}));
  }

  template <class Condition>
  [[nodiscard]] bool Until(Condition condition) {
    return loop_.RunUntil(condition, 20s);
  }

  std::filesystem::path folder_;
  io::EventLoop loop_;
  std::vector<std::string> lines_;
  int closed_ = 0;
  std::unique_ptr<LineServer> server_;
};

TEST_F(LineServerTest, CutsLinesAndAnswersThem) {
  Serve({});
  Client client;
  Connect(client);
  client.stream->Write(AsBytes("one\n\ntwo\nthr"));
  ASSERT_TRUE(Until([&] { return client.received == "<one><><two>"; }));
  client.stream->Write(AsBytes("ee\nend\nnever\n"));
  ASSERT_TRUE(Until([&] { return client.is_closed && closed_ == 1; }));
  EXPECT_EQ(lines_,
            (std::vector<std::string>{"one", "", "two", "three", "end"}));
  EXPECT_EQ(server_->sessions(), 0U);
}

TEST_F(LineServerTest, EndsASessionWhoseLineIsTooLong) {
  Serve({.max_line = 4, .too_long = "too long\n"});
  Client client;
  Connect(client);
  client.stream->Write(AsBytes("four\nfives\n"));
  ASSERT_TRUE(Until([&] { return client.is_closed; }));
  EXPECT_EQ(client.received, "<four>too long\n");
  EXPECT_EQ(lines_, std::vector<std::string>{"four"});
}

TEST_F(LineServerTest, TurnsAwayWhoMayNotAndHearsNothingOfThem) {
  Serve({}, true);
  Client client;
  Connect(client);
  client.stream->Write(AsBytes("one\n"));
  ASSERT_TRUE(Until([&] { return client.is_closed; }));
  EXPECT_EQ(client.received, "no\n");
  EXPECT_TRUE(lines_.empty());
  EXPECT_EQ(closed_, 0);
}

TEST_F(LineServerTest, HasSoManySessionsAndNoMore) {
  Serve({.max_sessions = 1});
  Client first;
  Client second;
  Connect(first);
  first.stream->Write(AsBytes("one\n"));
  ASSERT_TRUE(Until([&] { return first.received == "<one>"; }));
  Connect(second);
  ASSERT_TRUE(Until([&] { return second.is_closed; }));
  EXPECT_FALSE(first.is_closed);
}

}  // namespace
}  // namespace natkit::shell
