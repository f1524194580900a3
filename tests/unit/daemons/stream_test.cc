#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "natkit/base/rng.h"
#include "natkit/derp/meta_certificate.h"
#include "natkit/shell/stream_client.h"
#include "natkit/shell/stream_server.h"
#include "natkit/tls/identity.h"

namespace natkit::shell {
namespace {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;

constexpr auto kDeadline = 20s;
const Endpoint kAnyPort{IpAddress::V4(127, 0, 0, 1), 0};

std::chrono::sys_seconds Today() {
  return std::chrono::floor<std::chrono::seconds>(io::EventLoop::UnixNow());
}

/// What one end has seen so far.
struct Seen {
  std::optional<PeerInfo> peer;
  std::string bytes;
  std::optional<StreamEnd> end;
  int writable = 0;

  SecureStreamHandlers Handlers() {
    return {.on_open = [this](const PeerInfo& info) { peer = info; },
            .on_bytes = [this](ByteView b) { bytes += AsText(b); },
            .on_writable = [this] { ++writable; },
            .on_closed = [this](const StreamEnd& e) { end = e; }};
  }
};

class StreamTest : public ::testing::Test {
 protected:
  /// Listens; accepted streams become `server_`.
  void Serve(const tls::ServerContext* context) {
    server_listener_.emplace(loop_, context, io::StreamOptions{},
                             [this](StreamServer::Accepted accepted) {
                               server_.emplace(loop_, std::move(accepted.tcp),
                                               std::move(accepted.channel),
                                               server_seen_.Handlers());
                             });
    ASSERT_TRUE(server_listener_->Listen(kAnyPort));
  }

  [[nodiscard]] StreamTarget Target() const {
    return {.host = "127.0.0.1",
            .port = server_listener_->local_endpoints().front().port};
  }

  void Connect(StreamTarget target, const StreamClientOptions& options = {}) {
    client_ = std::make_unique<StreamClient>(loop_, client_context_,
                                             std::move(target),
                                             client_seen_.Handlers(), options);
  }

  bool Until(const std::function<bool()>& done) {
    return loop_.RunUntil(done, kDeadline);
  }

  [[nodiscard]] bool BothOpen() const {
    return client_seen_.peer.has_value() && server_seen_.peer.has_value();
  }

  io::EventLoop loop_;
  tls::Identity identity_ =
      tls::Identity::SelfSigned(tls::SelfSignedServerSpec("127.0.0.1", Today()))
          .value();
  tls::ServerContext server_context_ =
      tls::ServerContext::Make(identity_).value();
  tls::ClientContext client_context_ = tls::ClientContext::Make({}).value();
  Seen server_seen_;
  Seen client_seen_;
  std::optional<StreamServer> server_listener_;
  std::optional<SecureStream> server_;
  std::unique_ptr<StreamClient> client_;
};

TEST_F(StreamTest, CarriesBytesOverTlsWithAPin) {
  Serve(&server_context_);
  auto target = Target();
  target.certificate_name = identity_.pin().ToString();
  Connect(target);
  ASSERT_TRUE(Until([&] { return BothOpen(); }));
  EXPECT_EQ(client_seen_.peer->chain, identity_.chain());
  EXPECT_EQ(client_seen_.peer->version, tls::Version::kTls13);

  client_->Write(AsBytes("to the relay"));
  server_->Write(AsBytes("from the relay"));
  EXPECT_TRUE(Until([&] {
    return server_seen_.bytes == "to the relay" &&
           client_seen_.bytes == "from the relay";
  }));
  client_->Close();
  ASSERT_TRUE(Until([&] { return server_seen_.end && client_seen_.end; }));
  EXPECT_EQ(server_seen_.end->code, Errc::kClosed);
  EXPECT_EQ(client_seen_.end->code, Errc::kClosed);
}

TEST_F(StreamTest, CarriesBytesWithoutTls) {
  Serve(nullptr);
  auto target = Target();
  target.is_plain = true;
  Connect(target);
  ASSERT_TRUE(Until([&] { return BothOpen(); }));
  EXPECT_EQ(client_seen_.peer->version, std::nullopt);
  client_->Write(AsBytes("plain"));
  EXPECT_TRUE(Until([&] { return server_seen_.bytes == "plain"; }));
  server_->Close();
  EXPECT_TRUE(Until([&] { return client_seen_.end.has_value(); }));
}

TEST_F(StreamTest, SaysWhyAServerWasRefused) {
  Serve(&server_context_);
  auto target = Target();
  target.certificate_name = "sha256-raw:" + std::string(64, '0');
  Connect(target);
  ASSERT_TRUE(Until([&] { return client_seen_.end && server_seen_.end; }));
  EXPECT_EQ(client_seen_.end->code, Errc::kBadCertificate);
  EXPECT_EQ(client_seen_.end->ToString(),
            "certificate differs from the pinned one");
  EXPECT_FALSE(client_seen_.peer);
  EXPECT_FALSE(server_seen_.peer);
}

TEST_F(StreamTest, FindsTheKeyOfARelayInItsMetaCertificate) {
  SeededRng rng(1);
  const PublicKey key = DerivePublicKey(GeneratePrivateKey(rng));
  const auto meta = derp::BuildMetaCertificate(key, Today(), rng).value();
  const auto context =
      tls::ServerContext::Make(identity_, {.appended = {meta}}).value();
  Serve(&context);
  auto target = Target();
  target.certificate_name = identity_.pin().ToString();
  Connect(target);
  ASSERT_TRUE(Until([&] { return BothOpen(); }));
  EXPECT_EQ(FastStartKey(*client_seen_.peer), key);
  client_seen_.peer->version = tls::Version::kTls12;
  EXPECT_EQ(FastStartKey(*client_seen_.peer), std::nullopt);
}

TEST_F(StreamTest, ReportsARefusedConnection) {
  Serve(nullptr);
  const auto target = Target();
  server_listener_->Stop();
  Connect(target);
  ASSERT_TRUE(Until([&] { return client_seen_.end.has_value(); }));
  EXPECT_EQ(client_seen_.end->code, Errc::kConnectionRefused);
}

TEST_F(StreamTest, GivesUpOnAServerThatNeverShakesHands) {
  Serve(nullptr);  // speaks no TLS and says nothing
  Connect(Target(), {.open_budget = 50ms});
  ASSERT_TRUE(Until([&] { return client_seen_.end.has_value(); }));
  EXPECT_EQ(client_seen_.end->code, Errc::kTimedOut);
}

TEST_F(StreamTest, ReportsANameThatDoesNotResolve) {
  Serve(nullptr);
  auto target = Target();
  target.host = "no-such-host.invalid";
  Connect(target);
  ASSERT_TRUE(Until([&] { return client_seen_.end.has_value(); }));
  EXPECT_EQ(client_seen_.end->code, Errc::kNotFound);
}

TEST_F(StreamTest, ResolvesNamesAndTriesAllAddresses) {
  Serve(nullptr);
  auto target = Target();
  target.host = "localhost";  // ::1 may come first; nobody listens there
  target.is_plain = true;
  Connect(target);
  EXPECT_TRUE(Until([&] { return BothOpen(); }));
}

TEST_F(StreamTest, PushesBackWhenTheReceiverIsSlow) {
  Serve(&server_context_);
  auto target = Target();
  target.certificate_name = identity_.pin().ToString();
  Connect(target);
  ASSERT_TRUE(Until([&] { return BothOpen(); }));
  const std::string chunk(16384, 'x');
  constexpr size_t kTotal = size_t{8} << 20;
  size_t sent = 0;
  ASSERT_TRUE(Until([&] {
    while (sent < kTotal && client_->is_writable()) {
      client_->Write(AsBytes(chunk));
      sent += chunk.size();
      EXPECT_LT(client_->pending_bytes(), size_t{128} * 1024);
    }
    return server_seen_.bytes.size() == kTotal;
  }));
  EXPECT_GT(client_seen_.writable, 0);
}

TEST_F(StreamTest, MayBeDestroyedInItsHandlers) {
  Serve(&server_context_);
  auto target = Target();
  target.certificate_name = identity_.pin().ToString();
  bool opened = false;
  auto handlers = client_seen_.Handlers();
  handlers.on_open = [&](const PeerInfo&) {
    opened = true;
    client_.reset();
  };
  client_ = std::make_unique<StreamClient>(loop_, client_context_, target,
                                           std::move(handlers));
  ASSERT_TRUE(Until([&] { return opened && server_seen_.end; }));
  EXPECT_FALSE(client_seen_.end);
}

TEST_F(StreamTest, ClosesWhileStillConnecting) {
  Serve(nullptr);
  Connect(Target());
  client_->Close();
  ASSERT_TRUE(Until([&] { return client_seen_.end.has_value(); }));
  EXPECT_EQ(client_seen_.end->code, Errc::kClosed);
}

TEST_F(StreamTest, NamesTheAddressThatIsInUse) {
  Serve(nullptr);
  const Endpoint taken = server_listener_->local_endpoints().front();
  StreamServer second(loop_, nullptr, {}, [](StreamServer::Accepted) {});
  const auto listened = second.Listen(taken);
  ASSERT_FALSE(listened);
  EXPECT_TRUE(listened.error().starts_with("cannot listen on TCP " +
                                           taken.ToString() + ": "))
      << listened.error();
}

}  // namespace
}  // namespace natkit::shell
