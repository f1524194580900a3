// StunServer with long-term credentials, asked by BindingClient; and what
// forged messages do to both.

#include <gtest/gtest.h>
#include <malloc.h>

#include <chrono>

#include "natkit/base/encoding.h"
#include "natkit/nat/stun_binding_client.h"
#include "natkit/nat/stun_server.h"
#include "natkit/nat/stun_stream_binding_client.h"
#include "stun_auth_lab.h"

namespace natkit::stun {
namespace {

using Bytes = std::vector<uint8_t>;

const Endpoint kServer = *Endpoint::Parse("198.51.100.1:3478");
const Endpoint kClient = *Endpoint::Parse("203.0.113.7:41641");

ServerConfig AliceServer() {
  ServerConfig config;
  config.long_term = testing::AliceOnly();
  config.rate_limit.reset();
  return config;
}

BindingConfig AliceClient(std::string_view password) {
  BindingConfig config;
  config.long_term = testing::LongTermUser("alice", password);
  config.sends_fingerprint = true;
  return config;
}

class StunServerAuthTest : public ::testing::Test {
 protected:
  Bytes Ask(ByteView request, const Endpoint& from = kClient) {
    Bytes out(StunServer::kMaxResponseSize);
    out.resize(server_.HandleDatagram(now_, kServer, from, request, out).size);
    return out;
  }

  BindingEvent RunUdp(BindingClient& client) {
    client.Start(now_);
    while (const auto request = client.PollTransmit()) {
      client.HandleDatagram(now_, kServer, Ask(request->payload));
    }
    return client.PollEvent().value_or(BindingEvent{});
  }

  Instant now_ = Instant{} + std::chrono::hours(1);
  SeededRng rng_{1};
  StunServer server_{AliceServer(), rng_};
};

TEST_F(StunServerAuthTest, AnswersItsUsers) {
  BindingClient client(kServer, rng_, AliceClient("wonderland"));
  const auto event = RunUdp(client);
  EXPECT_EQ(event.outcome, BindingOutcome::kSuccess);
  EXPECT_EQ(event.reflexive_address, kClient);
  EXPECT_TRUE(event.is_verified);
  EXPECT_EQ(server_.counters().answered, 1U);
  EXPECT_EQ(server_.counters().unauthenticated, 1U);
}

TEST_F(StunServerAuthTest, AnswersItsUsersOverStreams) {
  StreamBindingClient client(kServer, rng_, AliceClient("wonderland"));
  client.Start(now_);
  while (const auto request = client.PollBytes()) {
    Bytes out(StunServer::kMaxResponseSize);
    out.resize(
        server_.HandleStreamMessage(now_, kServer, kClient, *request, out));
    client.HandleBytes(now_, out);
  }
  EXPECT_TRUE(client.PollEvent()->is_verified);
}

// RFC 8489 section 10, both ends: users alone are sent elsewhere, and go.
TEST_F(StunServerAuthTest, SendsItsUsersToAnotherServer) {
  const Endpoint other = *Endpoint::Parse("198.51.100.2:3478");
  auto config = AliceServer();
  config.alternate_server = other;
  StunServer busy(std::move(config), rng_);
  auto client_config = AliceClient("wonderland");
  client_config.follows_redirects = true;
  BindingClient client(kServer, rng_, std::move(client_config));
  client.Start(now_);
  while (const auto request = client.PollTransmit()) {
    StunServer& server = request->to == other ? server_ : busy;
    Bytes out(StunServer::kMaxResponseSize);
    out.resize(
        server.HandleDatagram(now_, request->to, kClient, request->payload, out)
            .size);
    client.HandleDatagram(now_, request->to, out);
  }
  const auto event = client.PollEvent();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->outcome, BindingOutcome::kSuccess);
  EXPECT_EQ(event->server, other);
  EXPECT_EQ(busy.counters().sent_elsewhere, 1U);
  EXPECT_EQ(busy.counters().unauthenticated, 1U);
}

/// Alice's keys, as `printf alice:example.org:wonderland | md5sum` says them.
LongTermUsers KeyedAlice(attr::PasswordAlgorithmId algorithm) {
  const bool is_md5 = algorithm == attr::PasswordAlgorithmId::kMd5;
  const Bytes digest = *FromHex(
      is_md5
          ? "72f86f2053703faa0f521ce71cfe6f59"
          : "f0c3ae808cef897043f79de49549776f1f58cb7c5364e03ab40abac620459848");
  auto key = *IntegrityKey::FromHa1(digest);
  LongTermUsers users{.realm = "example.org"};
  users.algorithms = {algorithm};
  LongTermKeys alice{.username = "alice", .md5 = {}, .sha256 = {}};
  (is_md5 ? alice.md5 : alice.sha256) = std::move(key);
  users.keyed_users.push_back(std::move(alice));
  return users;
}

TEST_F(StunServerAuthTest, KnowsUsersByTheirKeysAlone) {
  for (const auto algorithm :
       {attr::PasswordAlgorithmId::kMd5, attr::PasswordAlgorithmId::kSha256}) {
    ServerConfig config;
    config.long_term = KeyedAlice(algorithm);
    StunServer keyed(std::move(config), rng_);
    for (const std::string_view password : {"wonderland", "guess"}) {
      BindingClient client(kServer, rng_, AliceClient(password));
      client.Start(now_);
      while (const auto request = client.PollTransmit()) {
        Bytes out(StunServer::kMaxResponseSize);
        out.resize(
            keyed.HandleDatagram(now_, kServer, kClient, request->payload, out)
                .size);
        client.HandleDatagram(now_, kServer, out);
      }
      EXPECT_EQ(client.PollEvent()->outcome == BindingOutcome::kSuccess,
                password == "wonderland");
    }
  }
}

TEST_F(StunServerAuthTest, KeysHaveTheSizeOfADigest) {
  for (const size_t size : {0U, 15U, 20U, 33U}) {
    EXPECT_EQ(IntegrityKey::FromHa1(Bytes(size)).error().code,
              Errc::kBadLength);
  }
}

TEST_F(StunServerAuthTest, RefusesOthers) {
  BindingClient client(kServer, rng_, AliceClient("guess"));
  EXPECT_EQ(RunUdp(client).error_code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(server_.counters().answered, 0U);
}

TEST_F(StunServerAuthTest, MirrorsFingerprintInChallengesToo) {
  const auto request =
      testing::Request([](MessageBuilder& out) { out.AddFingerprint(); });
  const Bytes response = Ask(request.bytes());
  EXPECT_TRUE(Message::Parse(response)->has_fingerprint());
}

/// Bytes that the process holds from malloc.
size_t HeapInUse() {
  return mallinfo2().uordblks;
}

/// Requests with random IDs, made-up users, nonces and MACs.
class Forger {
 public:
  Bytes Next() {
    TransactionId id = TransactionId::Generate(rng_);
    const auto key = *IntegrityKey::ShortTerm(std::to_string(rng_.NextU32()));
    const std::string user = "user" + std::to_string(rng_.NextU32());
    return testing::OwnedMessage(kBindingRequest, id,
                                 [&](MessageBuilder& out) {
                                   out.Add<attr::Username>(user)
                                       .Add<attr::Realm>("example.org")
                                       .Add<attr::Nonce>("obMatJos2AAADforged")
                                       .AddIntegrity(key);
                                 })
        .bytes();
  }

  Endpoint Source() {
    const auto bits = rng_.NextU32();
    return {.address = IpAddress::V4(203, 0, 113, static_cast<uint8_t>(bits)),
            .port = static_cast<uint16_t>(40000 + (bits >> 8) % 20000)};
  }

 private:
  SeededRng rng_{7};
};

TEST_F(StunServerAuthTest, KeepsNothingOfAFloodOfForgedRequests) {
  Forger forger;
  Bytes out(StunServer::kMaxResponseSize);
  const auto flood = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const Bytes request = forger.Next();
      const Endpoint source = forger.Source();
      (void)server_.HandleDatagram(now_, kServer, source, request, out);
    }
  };
  flood(100);
  const size_t before = HeapInUse();
  flood(5000);
  EXPECT_EQ(HeapInUse(), before);
  EXPECT_EQ(server_.counters().answered, 0U);
  EXPECT_EQ(server_.counters().unauthenticated, 5100U);
}

TEST_F(StunServerAuthTest, ClientKeepsNothingOfAFloodOfForgedResponses) {
  BindingClient client(kServer, rng_, AliceClient("wonderland"));
  RunUdp(client);
  client.Start(now_);
  const auto request = client.PollTransmit();
  ASSERT_TRUE(request);
  const auto id = Message::Parse(request->payload)->id();
  const auto timeout = client.NextTimeout();
  SeededRng rng(3);
  const auto forge = [&](const TransactionId& with, ErrorCode code) {
    return testing::OwnedMessage(kBindingError, with,
                                 [&](MessageBuilder& out) {
                                   out.Add<attr::ErrorCode>({code, ""})
                                       .AddIntegrity(*IntegrityKey::ShortTerm(
                                           std::to_string(rng.NextU32())));
                                 })
        .bytes();
  };
  const auto flood = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const auto other = TransactionId::Generate(rng);
      EXPECT_FALSE(client.HandleDatagram(
          now_, kServer, forge(other, ErrorCode::kServerError)));
      client.HandleDatagram(now_, kServer, forge(id, ErrorCode::kBadRequest));
      client.HandleDatagram(now_, kServer, forge(id, ErrorCode::kStaleNonce));
    }
  };
  flood(100);
  const size_t before = HeapInUse();
  flood(5000);
  EXPECT_EQ(HeapInUse(), before);
  EXPECT_EQ(client.NextTimeout(), timeout);
  EXPECT_FALSE(client.PollEvent());
  client.HandleDatagram(now_, kServer, Ask(request->payload));
  EXPECT_EQ(client.PollEvent()->outcome, BindingOutcome::kSuccess);
}

}  // namespace
}  // namespace natkit::stun
