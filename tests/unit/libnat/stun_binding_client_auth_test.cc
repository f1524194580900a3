// BindingClient against Authenticator: credentials, redirects, downgrades.

#include <gtest/gtest.h>

#include <chrono>

#include "natkit/nat/stun_binding_client.h"
#include "stun_auth_lab.h"

namespace natkit::stun {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using testing::AliceOnly;
using testing::OwnedMessage;

const Endpoint kServer = *Endpoint::Parse("198.51.100.1:3478");
const Endpoint kSecond = *Endpoint::Parse("198.51.100.2:3478");
const Endpoint kSixth = *Endpoint::Parse("[2001:db8::2]:3478");
const Endpoint kMapped = *Endpoint::Parse("203.0.113.7:41641");

class BindingClientAuthTest : public ::testing::Test {
 protected:
  BindingClientAuthTest() { UseServer(AliceOnly()); }

  void UseServer(LongTermUsers users) {
    server_.emplace(Authenticator::LongTerm(std::move(users), rng_));
  }

  void StartLongTerm(std::string_view password, BindingConfig config = {}) {
    config.long_term = testing::LongTermUser("alice", password);
    client_.emplace(kServer, rng_, std::move(config));
    client_->Start(now_);
  }

  /// The client's next request; fails when it has none.
  std::vector<uint8_t> TakeRequest() {
    auto transmit = client_->PollTransmit();
    EXPECT_TRUE(transmit);
    if (!transmit) {
      return {};
    }
    sent_to_ = transmit->to;
    return std::move(transmit->payload);
  }

  /// Lets the server answer the client's next request.
  void Serve() {
    const auto request = TakeRequest();
    Give(AnswerOf(request));
  }

  OwnedMessage AnswerOf(const std::vector<uint8_t>& bytes) {
    const auto request = *Message::Parse(bytes);
    const auto verdict = server_->Authenticate(now_, kMapped, request);
    return {verdict.error ? kBindingError : kBindingSuccess, request.id(),
            [&](MessageBuilder& out) {
              if (verdict.error) {
                out.Add<attr::ErrorCode>({*verdict.error, ""});
                server_->AddChallenge(now_, kMapped, *verdict.error, out);
              } else {
                out.Add<attr::XorMappedAddress>(kMapped);
              }
              Authenticator::AddIntegrity(verdict, out);
            }};
  }

  /// A redirect, protected when `bytes` proves credentials.
  OwnedMessage RedirectOf(const std::vector<uint8_t>& bytes,
                          const std::vector<Endpoint>& targets) {
    const auto request = *Message::Parse(bytes);
    const auto verdict = server_->Authenticate(now_, kMapped, request);
    return {kBindingError, request.id(), [&](MessageBuilder& out) {
              out.Add<attr::ErrorCode>({ErrorCode::kTryAlternate, ""});
              for (const Endpoint& target : targets) {
                out.Add<attr::AlternateServer>(target);
              }
              Authenticator::AddIntegrity(verdict, out);
            }};
  }

  void Give(const OwnedMessage& answer) {
    EXPECT_TRUE(
        client_->HandleDatagram(now_, client_->server(), answer.bytes()));
  }

  static OwnedMessage BareError(const std::vector<uint8_t>& request,
                                ErrorCode code) {
    return {
        kBindingError, Message::Parse(request)->id(),
        [code](MessageBuilder& out) { out.Add<attr::ErrorCode>({code, ""}); }};
  }

  Instant now_ = Instant{} + std::chrono::hours(1);
  SeededRng rng_{1};
  std::optional<Authenticator> server_;
  std::optional<BindingClient> client_;
  Endpoint sent_to_;
};

TEST_F(BindingClientAuthTest, LogsInOnTheSecondRequest) {
  StartLongTerm("wonderland");
  Serve();
  EXPECT_FALSE(client_->PollEvent());
  Serve();
  const auto event = client_->PollEvent();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->outcome, BindingOutcome::kSuccess);
  EXPECT_EQ(event->reflexive_address, kMapped);
  EXPECT_TRUE(event->is_verified);
  EXPECT_FALSE(client_->NextTimeout());
}

TEST_F(BindingClientAuthTest, KeepsTheNonceForLaterRequests) {
  StartLongTerm("wonderland");
  Serve();
  Serve();
  EXPECT_TRUE(client_->PollEvent());
  client_->Start(now_);
  Serve();
  EXPECT_EQ(client_->PollEvent()->outcome, BindingOutcome::kSuccess);
}

TEST_F(BindingClientAuthTest, ReportsARefusedPasswordWithoutTryingAgain) {
  StartLongTerm("Wonderland");
  Serve();
  Serve();
  const auto event = client_->PollEvent();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->outcome, BindingOutcome::kErrorResponse);
  EXPECT_EQ(event->error_code, ErrorCode::kUnauthenticated);
  EXPECT_FALSE(client_->PollTransmit());
}

TEST_F(BindingClientAuthTest, FollowsAStaleNonce) {
  StartLongTerm("wonderland");
  Serve();
  Serve();
  EXPECT_TRUE(client_->PollEvent());
  now_ += minutes(11);
  client_->Start(now_);
  Serve();
  EXPECT_FALSE(client_->PollEvent()) << "438";
  Serve();
  EXPECT_EQ(client_->PollEvent()->outcome, BindingOutcome::kSuccess);
}

TEST_F(BindingClientAuthTest, ReportsABidDown) {
  StartLongTerm("wonderland");
  const auto request = TakeRequest();
  Give({kBindingError, Message::Parse(request)->id(), [](MessageBuilder& out) {
          out.Add<attr::ErrorCode>({ErrorCode::kUnauthenticated, ""})
              .Add<attr::Realm>("example.org")
              .Add<attr::Nonce>("obMatJos2gAAAx");
        }});
  const auto event = client_->PollEvent();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->outcome, BindingOutcome::kBidDown);
  EXPECT_FALSE(event->error_code);
  EXPECT_FALSE(client_->PollTransmit());
}

// RFC 8489 section 9.2.5: a 400 that anybody can write is as if not seen.
TEST_F(BindingClientAuthTest, DropsAnUnprotected400) {
  StartLongTerm("wonderland");
  const auto first = TakeRequest();
  Give(BareError(first, ErrorCode::kBadRequest));
  EXPECT_FALSE(client_->PollEvent());
  EXPECT_EQ(client_->NextTimeout(), now_ + milliseconds(500));
  Give(AnswerOf(first));
  const auto second = TakeRequest();
  Give(BareError(second, ErrorCode::kBadRequest));
  EXPECT_FALSE(client_->PollEvent());
  Give(AnswerOf(second));
  EXPECT_EQ(client_->PollEvent()->outcome, BindingOutcome::kSuccess);
}

TEST_F(BindingClientAuthTest, FollowsAProtectedRedirect) {
  StartLongTerm("wonderland", {.follows_redirects = true});
  Serve();
  Give(RedirectOf(TakeRequest(), {kSecond, kSixth}));
  EXPECT_EQ(client_->server(), kSecond);
  Serve();
  EXPECT_EQ(sent_to_, kSecond);
  Serve();
  const auto event = client_->PollEvent();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->outcome, BindingOutcome::kSuccess);
  EXPECT_EQ(event->server, kSecond);
}

TEST_F(BindingClientAuthTest, StaysWhenTheRedirectIsNotProtected) {
  StartLongTerm("wonderland", {.follows_redirects = true});
  const auto request = TakeRequest();
  Give(RedirectOf(request, {kSecond}));
  const auto event = client_->PollEvent();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->error_code, ErrorCode::kTryAlternate);
  EXPECT_FALSE(event->is_verified);
  EXPECT_FALSE(client_->PollTransmit());
}

TEST_F(BindingClientAuthTest, StaysWhenTheOtherFamilyIsOffered) {
  StartLongTerm("wonderland", {.follows_redirects = true});
  Serve();
  Give(RedirectOf(TakeRequest(), {kSixth}));
  EXPECT_EQ(client_->PollEvent()->error_code, ErrorCode::kTryAlternate);
}

TEST_F(BindingClientAuthTest, DoesNotGoRoundInCircles) {
  StartLongTerm("wonderland", {.follows_redirects = true});
  Serve();
  Give(RedirectOf(TakeRequest(), {kSecond}));
  Serve();
  Give(RedirectOf(TakeRequest(), {kServer}));
  const auto event = client_->PollEvent();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->error_code, ErrorCode::kTryAlternate);
  EXPECT_EQ(event->server, kSecond);
}

TEST_F(BindingClientAuthTest, RemembersThePeersIntegrity) {
  for (const bool sha256 : {true, false}) {
    const auto key = *IntegrityKey::ShortTerm("wonderland");
    BindingConfig config;
    config.credentials = *ShortTermCredentials::Prepare("alice", "wonderland");
    client_.emplace(kServer, rng_, std::move(config));
    client_->Start(now_);
    const auto request = TakeRequest();
    Give({kBindingSuccess, Message::Parse(request)->id(),
          [&](MessageBuilder& out) {
            out.Add<attr::XorMappedAddress>(kMapped);
            if (sha256) {
              out.AddIntegritySha256(key);
            } else {
              out.AddIntegrity(key);
            }
          }});
    EXPECT_TRUE(client_->PollEvent());
    client_->Start(now_);
    const auto second = TakeRequest();
    const auto message = *Message::Parse(second);
    EXPECT_EQ(message.Has(AttributeType::kMessageIntegritySha256), sha256);
    EXPECT_EQ(message.Has(AttributeType::kMessageIntegrity), !sha256);
  }
}

}  // namespace
}  // namespace natkit::stun
