#include "natkit/io/stream.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "natkit/io/tcp.h"
#include "natkit/io/unix_socket.h"
#include "temporary_folder.h"

namespace natkit::io {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLimit = 20s;

/// One end of a connection and what happened to it.
template <class Stream>
struct End {
  std::optional<Stream> stream;
  std::string received;
  bool is_connected = false;
  int drained = 0;
  std::optional<Errc> closed;

  StreamHandlers Handlers() {
    return {.on_connected = [this] { is_connected = true; },
            .on_data = [this](ByteView bytes) { received += AsText(bytes); },
            .on_drained = [this] { ++drained; },
            .on_closed = [this](Errc reason) { closed = reason; }};
  }
};

/// A TCP connection over loopback. `accepted` has its handlers set.
struct TcpPair {
  EventLoop& loop;
  End<TcpStream> client;
  End<TcpStream> accepted;
  TcpListener listener;

  explicit TcpPair(EventLoop& event_loop, const StreamOptions& options = {},
                   std::string_view address = "127.0.0.1:0")
      : loop(event_loop),
        listener(TcpListener::Listen(
                     loop, Endpoint::Parse(address).value(),
                     [this](TcpStream stream) {
                       accepted.stream.emplace(std::move(stream));
                       accepted.stream->SetHandlers(accepted.Handlers());
                     },
                     options)
                     .value()) {
    client.stream.emplace(TcpStream::Connect(loop, listener.local_endpoint(),
                                             client.Handlers(), options));
    EXPECT_TRUE(loop.RunUntil(
        [&] { return client.is_connected && accepted.stream; }, kLimit));
  }
};

TEST(TcpStream, ConnectsAndCarriesBytesBothWays) {
  for (const std::string_view address : {"127.0.0.1:0", "[::1]:0"}) {
    EventLoop loop;
    TcpPair pair(loop, {}, address);
    pair.client.stream->Write(AsBytes("to server"));
    pair.accepted.stream->Write(AsBytes("to client"));
    ASSERT_TRUE(loop.RunUntil(
        [&] {
          return pair.client.received == "to client" &&
                 pair.accepted.received == "to server";
        },
        kLimit));
    EXPECT_EQ(pair.client.stream->remote_endpoint(),
              pair.accepted.stream->local_endpoint());
    EXPECT_EQ(pair.client.stream->local_endpoint(),
              pair.accepted.stream->remote_endpoint());
  }
}

TEST(TcpStream, WriteBeforeConnectedIsQueued) {
  EventLoop loop;
  End<TcpStream> accepted;
  auto listener =
      TcpListener::Listen(loop, Endpoint::Parse("127.0.0.1:0").value(),
                          [&](TcpStream stream) {
                            accepted.stream.emplace(std::move(stream));
                            accepted.stream->SetHandlers(accepted.Handlers());
                          })
          .value();
  auto client = TcpStream::Connect(loop, listener.local_endpoint(), {});
  client.Write(AsBytes("early"));
  EXPECT_EQ(client.pending_bytes(), 5U);
  EXPECT_TRUE(
      loop.RunUntil([&] { return accepted.received == "early"; }, kLimit));
}

TEST(TcpStream, RefusedConnectionIsReportedLaterNotInTheCall) {
  EventLoop loop;
  Endpoint dead;
  {
    auto listener =
        TcpListener::Listen(loop, Endpoint::Parse("127.0.0.1:0").value(),
                            [](const TcpStream&) {})
            .value();
    dead = listener.local_endpoint();
  }
  End<TcpStream> client;
  client.stream.emplace(TcpStream::Connect(loop, dead, client.Handlers()));
  EXPECT_FALSE(client.closed);
  ASSERT_TRUE(loop.RunUntil([&] { return client.closed.has_value(); }, kLimit));
  EXPECT_EQ(client.closed, Errc::kConnectionRefused);
  EXPECT_FALSE(client.is_connected);
  EXPECT_FALSE(client.stream->is_open());
}

TEST(TcpStream, TwoConnectionsComeFromOnePort) {
  EventLoop loop;
  const TcpPair first(loop, {.local = Endpoint::Parse("127.0.0.1:0").value()});
  const Endpoint local = first.client.stream->local_endpoint();
  ASSERT_NE(0, local.port);
  const TcpPair second(loop, {.local = local});
  EXPECT_EQ(local, second.client.stream->local_endpoint());
  EXPECT_EQ(local, second.accepted.stream->remote_endpoint());
}

TEST(TcpStream, ALocalAddressThatIsNotOursIsAnErrorOfTheConnection) {
  EventLoop loop;
  End<TcpStream> client;
  client.stream.emplace(TcpStream::Connect(
      loop, Endpoint::Parse("127.0.0.1:1").value(), client.Handlers(),
      {.local = Endpoint::Parse("192.0.2.1:0").value()}));
  ASSERT_TRUE(loop.RunUntil([&] { return client.closed.has_value(); }, kLimit));
  EXPECT_EQ(client.closed, Errc::kAddressNotAvailable);
}

TEST(TcpStream, ConnectTimesOut) {
  EventLoop loop;
  // A listener whose accept queue is full does not answer. Its backlog is
  // filled by connections that nobody accepts.
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(fd, 0), 0);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  const Endpoint deaf{IpAddress::V4(127, 0, 0, 1), ntohs(address.sin_port)};
  std::vector<std::unique_ptr<End<TcpStream>>> clients;
  for (int i = 0; i < 4; ++i) {
    auto& client = *clients.emplace_back(std::make_unique<End<TcpStream>>());
    client.stream.emplace(TcpStream::Connect(loop, deaf, client.Handlers(),
                                             {.connect_timeout = 100ms}));
  }
  EXPECT_TRUE(loop.RunUntil(
      [&] { return clients.back()->closed == Errc::kTimedOut; }, kLimit));
  ::close(fd);
}

TEST(TcpStream, LargeTransferReportsBackpressureAndDrains) {
  EventLoop loop;
  TcpPair pair(loop, {.high_water = 100000});
  pair.accepted.stream->PauseReading();
  std::string sent;
  const std::string chunk(70000, 'c');
  while (pair.client.stream->is_writable()) {
    pair.client.stream->Write(AsBytes(chunk));
    sent += chunk;
  }
  EXPECT_GE(pair.client.stream->pending_bytes(), 100000U);
  EXPECT_FALSE(loop.RunUntil([&] { return pair.client.drained > 0; }, 20ms));
  EXPECT_EQ(pair.accepted.received, "");
  pair.accepted.stream->ResumeReading();
  ASSERT_TRUE(loop.RunUntil(
      [&] { return pair.accepted.received.size() == sent.size(); }, kLimit));
  EXPECT_EQ(pair.accepted.received, sent);
  EXPECT_EQ(pair.client.drained, 1);
  EXPECT_EQ(pair.client.stream->pending_bytes(), 0U);
}

TEST(TcpStream, CloseDeliversTheQueueThenEndsBothSides) {
  EventLoop loop;
  TcpPair pair(loop);
  const std::string data(size_t{8} << 20, 'd');
  pair.client.stream->Write(AsBytes(data));
  pair.client.stream->Close();
  EXPECT_FALSE(pair.client.stream->is_open());
  pair.client.stream->Write(AsBytes("discarded"));
  ASSERT_TRUE(loop.RunUntil(
      [&] { return pair.client.closed && pair.accepted.closed; }, kLimit));
  EXPECT_EQ(pair.accepted.received.size(), data.size());
  EXPECT_EQ(pair.client.closed, Errc::kClosed);
  EXPECT_EQ(pair.accepted.closed, Errc::kClosed);
}

TEST(TcpStream, CloseDoesNotWaitForeverForAPeerThatStaysOpen) {
  EventLoop loop;
  TcpPair pair(loop, {.linger = 50ms});
  pair.accepted.stream->PauseReading();
  pair.client.stream->Close();
  EXPECT_TRUE(
      loop.RunUntil([&] { return pair.client.closed.has_value(); }, kLimit));
}

TEST(TcpStream, AbortResetsThePeer) {
  EventLoop loop;
  TcpPair pair(loop);
  pair.client.stream->Abort();
  ASSERT_TRUE(loop.RunUntil(
      [&] { return pair.client.closed && pair.accepted.closed; }, kLimit));
  EXPECT_EQ(pair.client.closed, Errc::kClosed);
  EXPECT_EQ(pair.accepted.closed, Errc::kConnectionReset);
}

TEST(TcpStream, DestroyingItCallsNoHandlerAndEndsThePeer) {
  EventLoop loop;
  TcpPair pair(loop);
  pair.client.stream.reset();
  ASSERT_TRUE(
      loop.RunUntil([&] { return pair.accepted.closed.has_value(); }, kLimit));
  EXPECT_FALSE(pair.client.closed);
}

TEST(TcpStream, MayDieInEachOfItsHandlers) {
  for (const std::string_view which : {"connected", "data", "closed"}) {
    EventLoop loop;
    TcpPair pair(loop);
    std::optional<TcpStream> stream;
    bool is_done = false;
    const auto die = [&, which](std::string_view event) {
      if (event == which) {
        stream.reset();
        is_done = true;
      }
    };
    pair.accepted.stream.reset();
    stream.emplace(
        TcpStream::Connect(loop, pair.listener.local_endpoint(),
                           {.on_connected =
                                [&] {
                                  die("connected");
                                  if (stream) {
                                    stream->Write(AsBytes("x"));
                                  }
                                },
                            .on_data = [&](ByteView) { die("data"); },
                            .on_closed = [&](Errc) { die("closed"); }}));
    ASSERT_TRUE(loop.RunUntil([&] { return pair.accepted.stream.has_value(); },
                              kLimit));
    pair.accepted.stream->Write(AsBytes("y"));
    pair.accepted.stream->Close();
    EXPECT_TRUE(loop.RunUntil([&] { return is_done; }, kLimit)) << which;
  }
}

TEST(TcpListener, TwoListenersCannotShareAPort) {
  EventLoop loop;
  const auto first = TcpListener::Listen(
      loop, Endpoint::Parse("127.0.0.1:0").value(), [](const TcpStream&) {});
  const auto second = TcpListener::Listen(loop, first->local_endpoint(),
                                          [](const TcpStream&) {});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::kAddressInUse);
}

Result<UnixListener> ListenOn(EventLoop& loop, const std::string& path) {
  return UnixListener::Listen(loop, path, [](const UnixStream&) {});
}

TEST(UnixStream, CarriesBytesBothWays) {
  const TemporaryFolder folder;
  EventLoop loop;
  End<UnixStream> server;
  End<UnixStream> client;
  const auto listener =
      UnixListener::Listen(loop, folder / "s", [&](UnixStream stream) {
        server.stream.emplace(std::move(stream));
        server.stream->SetHandlers(server.Handlers());
        server.stream->Write(AsBytes("welcome"));
      });
  ASSERT_TRUE(listener.has_value());
  client.stream.emplace(
      UnixStream::Connect(loop, folder / "s", client.Handlers()));
  client.stream->Write(AsBytes("hi"));
  EXPECT_TRUE(loop.RunUntil(
      [&] { return client.received == "welcome" && server.received == "hi"; },
      kLimit));
}

TEST(UnixStream, NobodyThereIsAnErrorOfTheConnection) {
  const TemporaryFolder folder;
  EventLoop loop;
  End<UnixStream> client;
  client.stream.emplace(
      UnixStream::Connect(loop, folder / "none", client.Handlers()));
  ASSERT_TRUE(loop.RunUntil([&] { return client.closed.has_value(); }, kLimit));
  EXPECT_EQ(client.closed, Errc::kNotFound);
}

TEST(UnixListener, OnlyItsOwnerMayConnectAndThePathGoesWithIt) {
  const TemporaryFolder folder;
  EventLoop loop;
  {
    const auto listener = ListenOn(loop, folder / "s");
    ASSERT_TRUE(listener.has_value());
    struct stat status{};
    ASSERT_EQ(::stat((folder / "s").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "s"));
}

TEST(UnixListener, RefusesALiveServersPathAndReplacesADeadOne) {
  const TemporaryFolder folder;
  EventLoop loop;
  const auto alive = ListenOn(loop, folder / "s");
  const auto second = ListenOn(loop, folder / "s");
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::kAddressInUse);
  {
    auto dead = ListenOn(loop, folder / "t");
    std::filesystem::create_hard_link(folder / "t", folder / "stale");
  }
  EXPECT_TRUE(ListenOn(loop, folder / "stale").has_value());
}

TEST(UnixListener, NeverReplacesAFileThatIsNotASocket) {
  const TemporaryFolder folder;
  EventLoop loop;
  std::ofstream(folder / "file") << "precious";
  const auto listener = ListenOn(loop, folder / "file");
  ASSERT_FALSE(listener.has_value());
  EXPECT_EQ(listener.error().code, Errc::kAlreadyExists);
  EXPECT_TRUE(std::filesystem::is_regular_file(folder / "file"));
}

TEST(UnixListener, SaysWhenThePathIsTooLong) {
  EventLoop loop;
  const auto listener = ListenOn(loop, std::string(200, 'x'));
  ASSERT_FALSE(listener.has_value());
  EXPECT_EQ(listener.error().code, Errc::kBadLength);
}

}  // namespace
}  // namespace natkit::io
