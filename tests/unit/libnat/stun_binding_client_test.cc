#include "natkit/nat/stun_binding_client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>

#include "natkit/nat/stun_message_builder.h"
#include "natkit/nat/stun_vendor.h"
#include "stun_core_driver.h"

namespace natkit::stun {
namespace {

using std::chrono::milliseconds;
using testing::RunUntilIdle;
using Bytes = std::vector<uint8_t>;

const Endpoint kServer = *Endpoint::Parse("198.51.100.1:3478");
const Endpoint kMapped = *Endpoint::Parse("203.0.113.7:41641");
const Endpoint kOther = *Endpoint::Parse("203.0.113.8:41642");
constexpr Instant kStart{};

class BindingClientTest : public ::testing::Test {
 protected:
  /// A client that has sent its first request.
  BindingClient& Start(BindingConfig config = {}) {
    client_.emplace(kServer, rng_, std::move(config));
    client_->Start(kStart);
    TakeRequest();
    return *client_;
  }

  void TakeRequest() {
    auto transmit = client_->PollTransmit();
    ASSERT_TRUE(transmit);
    request_ = std::move(transmit->payload);
  }

  Bytes Respond(MessageType type,
                const std::function<void(MessageBuilder&)>& fill) {
    std::array<uint8_t, kMaxUdpMessageSize> buffer;
    MessageBuilder builder(buffer, type, Message::Parse(request_)->id());
    fill(builder);
    const auto message = builder.Finish();
    return {message->begin(), message->end()};
  }

  Bytes RespondError(ErrorCode code) {
    return Respond(kBindingError, [code](MessageBuilder& out) {
      out.Add<attr::ErrorCode>({code, ReasonPhrase(code)});
    });
  }

  BindingEvent EventAfter(const Bytes& response) {
    EXPECT_TRUE(client_->HandleDatagram(kStart, kServer, response));
    return client_->PollEvent().value();
  }

  SeededRng rng_{1};
  std::optional<BindingClient> client_;
  Bytes request_;
};

TEST_F(BindingClientTest, RetransmitsOnRfc8489ScheduleThenTimesOut) {
  BindingClient client(kServer, rng_);
  client.Start(kStart);
  const auto trace = RunUntilIdle(client, kStart);
  EXPECT_EQ(trace.sent_at,
            (std::vector<Duration>{milliseconds(0), milliseconds(500),
                                   milliseconds(1500), milliseconds(3500),
                                   milliseconds(7500), milliseconds(15500),
                                   milliseconds(31500)}));
  EXPECT_EQ(trace.ended_at, milliseconds(39500));
  EXPECT_EQ(trace.event->outcome, BindingOutcome::kTimedOut);
}

TEST_F(BindingClientTest, SendsABareRequest) {
  Start({.sends_filler = false});
  EXPECT_EQ(request_.size(), kHeaderSize);
  EXPECT_EQ(Message::Parse(request_)->type(), kBindingRequest);
}

TEST_F(BindingClientTest, ARequestIsAsLongAsItsAnswer) {
  Start();
  EXPECT_EQ(request_.size(), 72U);
  EXPECT_TRUE(Message::Parse(request_)->Get<attr::Filler>());
}

TEST_F(BindingClientTest, LearnsTheReflexiveAddress) {
  Start();
  const Bytes response = Respond(kBindingSuccess, [](MessageBuilder& out) {
    out.Add<attr::XorMappedAddress>(kMapped);
  });
  EXPECT_TRUE(
      client_->HandleDatagram(kStart + milliseconds(20), kServer, response));
  const auto event = client_->PollEvent();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->outcome, BindingOutcome::kSuccess);
  EXPECT_EQ(event->server, kServer);
  EXPECT_EQ(event->reflexive_address, kMapped);
  EXPECT_EQ(event->rtt, milliseconds(20));
  EXPECT_FALSE(event->alg_detected);
  EXPECT_FALSE(client_->NextTimeout());
}

TEST_F(BindingClientTest, UnderstandsRfc3489Servers) {
  Start();
  const auto event =
      EventAfter(Respond(kBindingSuccess, [](MessageBuilder& out) {
        out.Add<attr::MappedAddress>(kMapped)
            .Add<attr::SourceAddress>(kServer)
            .Add<attr::ChangedAddress>(kOther);
      }));
  EXPECT_EQ(event.outcome, BindingOutcome::kSuccess);
  EXPECT_EQ(event.reflexive_address, kMapped);
  EXPECT_FALSE(event.alg_detected);
}

TEST_F(BindingClientTest, KeepsTheScheduleOfRfc3489) {
  BindingClient client(kServer, rng_, BindingConfig::ForRfc3489Server());
  client.Start(kStart);
  const auto trace = RunUntilIdle(client, kStart);
  EXPECT_EQ(trace.sent_at,
            (std::vector<Duration>{
                milliseconds(0), milliseconds(100), milliseconds(300),
                milliseconds(700), milliseconds(1500), milliseconds(3100),
                milliseconds(4700), milliseconds(6300), milliseconds(7900)}));
  EXPECT_EQ(trace.ended_at, milliseconds(9500));
}

// An old server copies the cookie, as part of the transaction ID, and may send
// everything that RFC 3489 section 11.2 has, some of it twice.
TEST_F(BindingClientTest, BearsAllAttributesOfRfc3489Servers) {
  Start(BindingConfig::ForRfc3489Server());
  const auto event =
      EventAfter(Respond(kBindingSuccess, [](MessageBuilder& out) {
        out.Add<attr::SourceAddress>(kServer)
            .Add<attr::ChangedAddress>(kOther)
            .AddRaw(AttributeType::kReflectedFrom,
                    std::array<uint8_t, 8>{0, 1, 0, 9, 192, 0, 2, 1})
            .AddRaw(AttributeType::kResponseAddress,
                    std::array<uint8_t, 8>{0, 1, 0, 9, 192, 0, 2, 1})
            .Add<attr::MappedAddress>(kMapped)
            .Add<attr::MappedAddress>(kOther);
      }));
  EXPECT_EQ(event.reflexive_address, kMapped);
}

TEST_F(BindingClientTest, DetectsAnAlgAndTrustsTheXoredAddress) {
  Start();
  const auto event =
      EventAfter(Respond(kBindingSuccess, [](MessageBuilder& out) {
        out.Add<attr::MappedAddress>(kOther).Add<attr::XorMappedAddress>(
            kMapped);
      }));
  EXPECT_EQ(event.reflexive_address, kMapped);
  EXPECT_TRUE(event.alg_detected);
}

TEST_F(BindingClientTest, ReportsASuccessWithoutAnAddress) {
  Start();
  EXPECT_EQ(
      EventAfter(Respond(kBindingSuccess, [](MessageBuilder&) {})).outcome,
      BindingOutcome::kBadResponse);
}

TEST_F(BindingClientTest, ReportsAnErrorResponse) {
  Start();
  const auto event = EventAfter(RespondError(ErrorCode::kBadRequest));
  EXPECT_EQ(event.outcome, BindingOutcome::kErrorResponse);
  EXPECT_EQ(event.error_code, ErrorCode::kBadRequest);
  EXPECT_FALSE(event.reflexive_address);
}

TEST_F(BindingClientTest, SurfacesTheAlternateServer) {
  Start();
  const auto event = EventAfter(Respond(kBindingError, [](MessageBuilder& out) {
    out.Add<attr::ErrorCode>({ErrorCode::kTryAlternate, ""})
        .Add<attr::AlternateServer>(kOther);
  }));
  EXPECT_EQ(event.error_code, ErrorCode::kTryAlternate);
  EXPECT_EQ(event.alternate_server, kOther);
}

TEST_F(BindingClientTest, NoAlternateServerIsNowhere) {
  for (const char* nowhere :
       {"198.51.100.1:0", "0.0.0.0:3478", "224.0.0.1:3478"}) {
    Start();
    const auto event =
        EventAfter(Respond(kBindingError, [&](MessageBuilder& out) {
          out.Add<attr::ErrorCode>({ErrorCode::kTryAlternate, ""})
              .Add<attr::AlternateServer>(*Endpoint::Parse(nowhere));
        }));
    EXPECT_EQ(event.error_code, ErrorCode::kTryAlternate);
    EXPECT_FALSE(event.alternate_server) << nowhere;
  }
}

TEST_F(BindingClientTest, RetriesServerErrorsFourTimes) {
  Start();
  Instant now = kStart;
  for (int retry = 0; retry < 4; ++retry) {
    const Bytes before = request_;
    EXPECT_TRUE(client_->HandleDatagram(now, kServer,
                                        RespondError(ErrorCode::kServerError)));
    EXPECT_FALSE(client_->PollEvent());
    EXPECT_EQ(client_->NextTimeout(), now + milliseconds(500));
    now += milliseconds(500);
    client_->HandleTimeout(now);
    TakeRequest();
    EXPECT_NE(request_, before) << "a new transaction has a new ID";
  }
  const auto event = EventAfter(RespondError(ErrorCode::kServerError));
  EXPECT_EQ(event.error_code, ErrorCode::kServerError);
}

TEST_F(BindingClientTest, AsksDerpServersInTheirForm) {
  Start(BindingConfig::ForDerpServer());
  const auto message = Message::Parse(request_);
  EXPECT_EQ(request_.size(), 40U);
  EXPECT_EQ(message->Get<attr::Software>(), "tailnode");
  EXPECT_TRUE(message->has_fingerprint());
}

TEST_F(BindingClientTest, ProvesItsCredentialsAndWantsProof) {
  BindingConfig config;
  config.credentials = ShortTermCredentials{
      .username = "user", .key = *IntegrityKey::ShortTerm("secret")};
  Start(std::move(config));
  const auto key = *IntegrityKey::ShortTerm("secret");
  const auto request = Message::Parse(request_);
  EXPECT_TRUE(VerifyIntegrity(*request, key));
  EXPECT_TRUE(VerifyIntegritySha256(*request, key));

  client_->HandleDatagram(kStart, kServer,
                          Respond(kBindingSuccess, [](MessageBuilder& out) {
                            out.Add<attr::XorMappedAddress>(kOther);
                          }));
  EXPECT_FALSE(client_->PollEvent()) << "unproven";
  const auto event =
      EventAfter(Respond(kBindingSuccess, [&](MessageBuilder& out) {
        out.Add<attr::XorMappedAddress>(kMapped).AddIntegritySha256(key);
      }));
  EXPECT_EQ(event.reflexive_address, kMapped);
}

}  // namespace
}  // namespace natkit::stun
