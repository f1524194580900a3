#include "natkit/nat/stun_transaction.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <functional>

#include "natkit/nat/stun_message_builder.h"
#include "stun_core_driver.h"

namespace natkit::stun {
namespace {

using std::chrono::milliseconds;
using testing::RunUntilIdle;
using Bytes = std::vector<uint8_t>;

const Endpoint kServer = *Endpoint::Parse("198.51.100.1:3478");
const Endpoint kStranger = *Endpoint::Parse("198.51.100.2:3478");
const Endpoint kMapped = *Endpoint::Parse("203.0.113.7:41641");
const TransactionId kId{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
constexpr Instant kStart{};

IntegrityKey Key() {
  return *IntegrityKey::ShortTerm("secret");
}

using Fill = std::function<void(MessageBuilder&)>;

Bytes Build(MessageType type, const Fill& fill = {}) {
  std::array<uint8_t, kMaxUdpMessageSize> buffer;
  MessageBuilder builder(buffer, type, kId);
  if (fill) {
    fill(builder);
  }
  const auto message = builder.Finish();
  return {message->begin(), message->end()};
}

Bytes ErrorOf(ErrorCode code, const Fill& fill = {}) {
  return Build(kBindingError, [&](MessageBuilder& out) {
    out.Add<attr::ErrorCode>({code, ReasonPhrase(code)});
    if (fill) {
      fill(out);
    }
  });
}

void AddSha1(MessageBuilder& out) {
  out.AddIntegrity(Key());
}

void AddSha256(MessageBuilder& out) {
  out.AddIntegritySha256(Key());
}

void AddBoth(MessageBuilder& out) {
  out.AddIntegrity(Key()).AddIntegritySha256(Key());
}

TransactionConfig WithKey(
    CredentialMechanism mechanism = CredentialMechanism::kShortTerm) {
  TransactionConfig config;
  config.integrity = ResponseIntegrity{.key = Key(), .mechanism = mechanism};
  return config;
}

ClientTransaction Started(TransactionConfig config = {},
                          const Fill& fill_request = {}) {
  ClientTransaction transaction(kServer, Build(kBindingRequest, fill_request),
                                std::move(config));
  transaction.Start(kStart);
  EXPECT_TRUE(transaction.PollTransmit());
  return transaction;
}

TransactionOutcome OutcomeOf(ClientTransaction transaction,
                             const Bytes& response) {
  EXPECT_TRUE(transaction.HandleDatagram(kStart, kServer, response));
  return RunUntilIdle(transaction, kStart).event->outcome;
}

TEST(ClientTransaction, RetransmitsOnRfc8489ScheduleThenTimesOut) {
  ClientTransaction transaction(kServer, Build(kBindingRequest));
  transaction.Start(kStart);
  const auto trace = RunUntilIdle(transaction, kStart);
  EXPECT_EQ(trace.sent_at,
            (std::vector<Duration>{milliseconds(0), milliseconds(500),
                                   milliseconds(1500), milliseconds(3500),
                                   milliseconds(7500), milliseconds(15500),
                                   milliseconds(31500)}));
  EXPECT_EQ(trace.ended_at, milliseconds(39500));
  EXPECT_EQ(trace.event->outcome, TransactionOutcome::kTimedOut);
}

TEST(ClientTransaction, SendsTheSameBytesEachTime) {
  auto transaction = Started();
  transaction.HandleTimeout(kStart + milliseconds(500));
  const auto again = transaction.PollTransmit();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->to, kServer);
  EXPECT_EQ(again->payload, Build(kBindingRequest));
}

TEST(ClientTransaction, QueuedOutputIsDueAtOnce) {
  ClientTransaction transaction(kServer, Build(kBindingRequest));
  transaction.Start(kStart);
  EXPECT_EQ(transaction.NextTimeout(), kStart);
  (void)transaction.PollTransmit();
  EXPECT_EQ(transaction.NextTimeout(), kStart + milliseconds(500));
}

TEST(ClientTransaction, SucceedsWithTheRoundTripTime) {
  auto transaction = Started();
  const Instant now = kStart + milliseconds(30);
  EXPECT_TRUE(transaction.HandleDatagram(now, kServer, Build(kBindingSuccess)));
  EXPECT_EQ(transaction.NextTimeout(), now);
  const auto event = transaction.PollEvent();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->outcome, TransactionOutcome::kSuccess);
  EXPECT_EQ(event->rtt, milliseconds(30));
  EXPECT_EQ(event->from, kServer);
  EXPECT_EQ(event->response, Build(kBindingSuccess));
  EXPECT_FALSE(transaction.NextTimeout());
  EXPECT_FALSE(transaction.PollEvent());
}

TEST(ClientTransaction, GivesNoRoundTripTimeAfterARetransmission) {
  auto transaction = Started();
  transaction.HandleTimeout(kStart + milliseconds(500));
  transaction.HandleDatagram(kStart + milliseconds(510), kServer,
                             Build(kBindingSuccess));
  EXPECT_FALSE(transaction.PollEvent()->rtt);
}

TEST(ClientTransaction, IgnoresWhatIsNotItsResponse) {
  auto transaction = Started();
  Bytes other_id = Build(kBindingSuccess);
  other_id[19] ^= 1;
  Bytes truncated = Build(kBindingSuccess);
  truncated.pop_back();
  EXPECT_FALSE(transaction.HandleDatagram(kStart, kServer, other_id));
  EXPECT_FALSE(transaction.HandleDatagram(kStart, kServer, truncated));
  EXPECT_FALSE(
      transaction.HandleDatagram(kStart, kServer, Build(kBindingRequest)));
  EXPECT_FALSE(transaction.HandleDatagram(
      kStart, kServer,
      Build({MessageClass::kSuccessResponse, Method::kAllocate})));
  EXPECT_FALSE(
      transaction.HandleDatagram(kStart, kStranger, Build(kBindingSuccess)));
  EXPECT_FALSE(transaction.PollEvent());
  EXPECT_TRUE(transaction.is_running());
}

TEST(ClientTransaction, TakesAnySourceWhenAskedTo) {
  TransactionConfig config;
  config.response_source = ResponseSource::kAny;
  auto transaction = Started(std::move(config));
  EXPECT_TRUE(
      transaction.HandleDatagram(kStart, kStranger, Build(kBindingSuccess)));
  EXPECT_EQ(transaction.PollEvent()->from, kStranger);
}

TEST(ClientTransaction, IgnoresASecondResponse) {
  auto transaction = Started();
  transaction.HandleDatagram(kStart, kServer, Build(kBindingSuccess));
  (void)transaction.PollEvent();
  EXPECT_FALSE(
      transaction.HandleDatagram(kStart, kServer, Build(kBindingSuccess)));
  EXPECT_FALSE(transaction.PollEvent());
}

TEST(ClientTransaction, CancelEndsWithoutAnEvent) {
  auto transaction = Started();
  transaction.Cancel();
  EXPECT_FALSE(transaction.NextTimeout());
  EXPECT_FALSE(
      transaction.HandleDatagram(kStart, kServer, Build(kBindingSuccess)));
}

TEST(ClientTransaction, ReportsTheErrorCode) {
  auto transaction = Started();
  transaction.HandleDatagram(kStart, kServer,
                             ErrorOf(ErrorCode::kRoleConflict));
  const auto event = transaction.PollEvent();
  EXPECT_EQ(event->outcome, TransactionOutcome::kErrorResponse);
  EXPECT_EQ(event->error_code, ErrorCode::kRoleConflict);
}

TEST(ClientTransaction, FailsOnAnErrorResponseWithoutErrorCode) {
  EXPECT_EQ(OutcomeOf(Started(), Build(kBindingError)),
            TransactionOutcome::kMalformedResponse);
}

TEST(ClientTransaction, FailsOnAnUnknownRequiredAttribute) {
  const Bytes response = Build(kBindingSuccess, [](MessageBuilder& out) {
    out.AddRaw(AttributeType{0x7f00}, {});
  });
  EXPECT_EQ(OutcomeOf(Started(), response),
            TransactionOutcome::kUnknownAttribute);
  TransactionConfig understanding;
  understanding.understood = {AttributeType{0x7f00}};
  EXPECT_EQ(OutcomeOf(Started(std::move(understanding)), response),
            TransactionOutcome::kSuccess);
}

TEST(ClientTransaction, IgnoresAResponseWithoutRequiredFingerprint) {
  TransactionConfig config;
  config.requires_fingerprint = true;
  auto transaction = Started(std::move(config));
  EXPECT_TRUE(
      transaction.HandleDatagram(kStart, kServer, Build(kBindingSuccess)));
  EXPECT_FALSE(transaction.PollEvent());
  transaction.HandleDatagram(kStart, kServer,
                             Build(kBindingSuccess, [](MessageBuilder& out) {
                               out.AddFingerprint();
                             }));
  EXPECT_TRUE(transaction.PollEvent());
}

TEST(ClientTransaction, AcceptsTheIntegrityThatItSent) {
  EXPECT_EQ(
      OutcomeOf(Started(WithKey(), AddSha1), Build(kBindingSuccess, AddSha1)),
      TransactionOutcome::kSuccess);
  EXPECT_EQ(
      OutcomeOf(Started(WithKey(), AddBoth), Build(kBindingSuccess, AddSha256)),
      TransactionOutcome::kSuccess);
}

TEST(ClientTransaction, RefusesAnIntegrityThatItDidNotSend) {
  EXPECT_EQ(
      OutcomeOf(Started(WithKey(), AddSha256), Build(kBindingSuccess, AddSha1)),
      TransactionOutcome::kIntegrityViolation);
  EXPECT_EQ(
      OutcomeOf(Started(WithKey(), AddSha1), Build(kBindingSuccess, AddSha256)),
      TransactionOutcome::kIntegrityViolation);
  EXPECT_EQ(
      OutcomeOf(Started(WithKey(), AddBoth), Build(kBindingSuccess, AddBoth)),
      TransactionOutcome::kIntegrityViolation);
}

TEST(ClientTransaction, AForgedResponseDoesNotStopTheRealOne) {
  auto transaction = Started(WithKey(), AddSha1);
  EXPECT_TRUE(
      transaction.HandleDatagram(kStart, kServer, Build(kBindingSuccess)));
  EXPECT_FALSE(transaction.PollEvent());
  transaction.HandleDatagram(kStart, kServer, Build(kBindingSuccess, AddSha1));
  EXPECT_EQ(transaction.PollEvent()->outcome, TransactionOutcome::kSuccess);
}

TEST(ClientTransaction, ReportsAViolationNotATimeout) {
  auto transaction = Started(WithKey(), AddSha1);
  transaction.HandleDatagram(kStart, kServer, Build(kBindingSuccess));
  const auto trace = RunUntilIdle(transaction, kStart);
  EXPECT_EQ(trace.event->outcome, TransactionOutcome::kIntegrityViolation);
  EXPECT_EQ(trace.ended_at, milliseconds(39500));
}

TEST(ClientTransaction, ReportsAViolationAtOnceOnTcp) {
  TransactionConfig config = WithKey();
  config.transport = Transport::kTcp;
  config.schedule = RetransmitSchedule::Tcp();
  auto transaction = Started(std::move(config), AddSha1);
  transaction.HandleDatagram(kStart, kServer, Build(kBindingSuccess));
  EXPECT_EQ(transaction.PollEvent()->outcome,
            TransactionOutcome::kIntegrityViolation);
}

TEST(ClientTransaction, LongTermChallengesNeedNoIntegrity) {
  for (const ErrorCode code :
       {ErrorCode::kUnauthenticated, ErrorCode::kStaleNonce}) {
    EXPECT_EQ(
        OutcomeOf(Started(WithKey(CredentialMechanism::kLongTerm), AddSha1),
                  ErrorOf(code)),
        TransactionOutcome::kErrorResponse);
    EXPECT_EQ(OutcomeOf(Started(WithKey(), AddSha1), ErrorOf(code)),
              TransactionOutcome::kIntegrityViolation);
  }
  EXPECT_EQ(OutcomeOf(Started(WithKey(CredentialMechanism::kLongTerm), AddSha1),
                      ErrorOf(ErrorCode::kBadRequest)),
            TransactionOutcome::kIntegrityViolation);
}

}  // namespace
}  // namespace natkit::stun
