#include "natkit/nat/stun_stream_binding_client.h"

#include <gtest/gtest.h>

#include <chrono>

#include "stun_auth_lab.h"

namespace natkit::stun {
namespace {

using std::chrono::milliseconds;
using Bytes = std::vector<uint8_t>;

const Endpoint kServer = *Endpoint::Parse("198.51.100.1:3478");
const Endpoint kSecond = *Endpoint::Parse("198.51.100.2:3478");
const Endpoint kMapped = *Endpoint::Parse("203.0.113.7:41641");

class StreamBindingClientTest : public ::testing::Test {
 protected:
  Bytes Start(BindingConfig config = {}) {
    client_.emplace(kServer, rng_, std::move(config));
    client_->Start(now_);
    return client_->PollBytes().value_or(Bytes{});
  }

  static Bytes Success(const Bytes& request) {
    return testing::OwnedMessage(kBindingSuccess, Message::Parse(request)->id(),
                                 [](MessageBuilder& out) {
                                   out.Add<attr::XorMappedAddress>(kMapped);
                                 })
        .bytes();
  }

  static Bytes Error(const Bytes& request, ErrorCode code) {
    return testing::OwnedMessage(kBindingError, Message::Parse(request)->id(),
                                 [code](MessageBuilder& out) {
                                   out.Add<attr::ErrorCode>({code, ""});
                                 })
        .bytes();
  }

  Instant now_{};
  SeededRng rng_{1};
  std::optional<StreamBindingClient> client_;
};

TEST_F(StreamBindingClientTest, LearnsItsAddressByteForByte) {
  const Bytes response = Success(Start());
  for (const uint8_t byte : response) {
    EXPECT_FALSE(client_->PollEvent());
    client_->HandleBytes(now_, ByteView(&byte, 1));
  }
  const auto event = client_->PollEvent();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->outcome, BindingOutcome::kSuccess);
  EXPECT_EQ(event->reflexive_address, kMapped);
  EXPECT_FALSE(client_->NextTimeout());
}

// RFC 8489 section 6.2.2: Ti.
TEST_F(StreamBindingClientTest, SendsOnceAndWaits39AndAHalfSeconds) {
  Start();
  EXPECT_EQ(client_->NextTimeout(), now_ + milliseconds(39500));
  now_ += milliseconds(39500);
  client_->HandleTimeout(now_);
  EXPECT_FALSE(client_->PollBytes());
  EXPECT_EQ(client_->PollEvent()->outcome, BindingOutcome::kTimedOut);
}

TEST_F(StreamBindingClientTest, EndsWithItsStream) {
  Start();
  client_->HandleClosed(now_);
  EXPECT_EQ(client_->NextTimeout(), now_);
  EXPECT_EQ(client_->PollEvent()->outcome, BindingOutcome::kConnectionLost);
  EXPECT_FALSE(client_->NextTimeout());
  client_->HandleClosed(now_);
  EXPECT_FALSE(client_->PollEvent()) << "once";
}

TEST_F(StreamBindingClientTest, EndsWhenTheStreamIsNotStun) {
  Start();
  client_->HandleBytes(now_, AsBytes("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_EQ(client_->PollEvent()->outcome, BindingOutcome::kConnectionLost);
}

TEST_F(StreamBindingClientTest, CanAskAgainOverTheSameStream) {
  client_.reset();
  const Bytes first = Start();
  client_->HandleBytes(now_, Success(first));
  EXPECT_TRUE(client_->PollEvent());
  client_->Start(now_);
  const Bytes second = *client_->PollBytes();
  EXPECT_NE(first, second);
  client_->HandleBytes(now_, Success(second));
  EXPECT_EQ(client_->PollEvent()->outcome, BindingOutcome::kSuccess);
}

TEST_F(StreamBindingClientTest, RetriesAServerErrorSoon) {
  const Bytes request = Start();
  client_->HandleBytes(now_, Error(request, ErrorCode::kServerError));
  EXPECT_EQ(client_->NextTimeout(), now_ + milliseconds(500));
  now_ += milliseconds(500);
  client_->HandleTimeout(now_);
  EXPECT_TRUE(client_->PollBytes());
}

TEST_F(StreamBindingClientTest, LogsIn) {
  const auto server = Authenticator::LongTerm(testing::AliceOnly(), rng_);
  BindingConfig config;
  config.long_term = testing::LongTermUser("alice", "wonderland");
  Bytes request = Start(std::move(config));
  for (int round = 0; round < 2; ++round) {
    client_->HandleBytes(
        now_, testing::Answer(server, now_, kMapped, *Message::Parse(request))
                  .bytes());
    request = client_->PollBytes().value_or(Bytes{});
  }
  const auto event = client_->PollEvent();
  ASSERT_TRUE(event);
  EXPECT_TRUE(event->is_verified);
}

// RFC 8489 section 6.2.2: bad integrity on a stream ends the transaction.
TEST_F(StreamBindingClientTest, FailsAtOnceWhenIntegrityIsViolated) {
  BindingConfig config;
  config.credentials = *ShortTermCredentials::Prepare("alice", "wonderland");
  const Bytes request = Start(std::move(config));
  client_->HandleBytes(now_, Success(request));
  EXPECT_EQ(client_->PollEvent()->outcome, BindingOutcome::kIntegrityViolation);
}

TEST_F(StreamBindingClientTest, AsksForAStreamToTheAlternateServer) {
  BindingConfig config{.follows_redirects = true};
  config.credentials = *ShortTermCredentials::Prepare("alice", "wonderland");
  const auto key = *IntegrityKey::ShortTerm("wonderland");
  const Bytes request = Start(std::move(config));
  client_->HandleBytes(
      now_, testing::OwnedMessage(kBindingError, Message::Parse(request)->id(),
                                  [&](MessageBuilder& out) {
                                    out.Add<attr::ErrorCode>(
                                           {ErrorCode::kTryAlternate, ""})
                                        .Add<attr::AlternateServer>(kSecond)
                                        .AddIntegritySha256(key);
                                  })
                .bytes());
  const auto event = client_->PollEvent();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->outcome, BindingOutcome::kRedirected);
  EXPECT_EQ(event->alternate_server, kSecond);
  client_->Start(now_);
  EXPECT_EQ(client_->server(), kSecond);
  EXPECT_TRUE(client_->PollBytes());
}

}  // namespace
}  // namespace natkit::stun
