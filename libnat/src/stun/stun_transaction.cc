#include "natkit/nat/stun_transaction.h"

#include <utility>

#include "natkit/base/check.h"

namespace natkit::stun {

ClientTransaction::ClientTransaction(const Endpoint& server,
                                     std::vector<uint8_t> request,
                                     TransactionConfig config)
    : server_(server),
      request_(std::move(request)),
      config_(std::move(config)),
      timer_(config_.schedule) {
  const auto message = Message::Parse(request_);
  NATKIT_CHECK(message.has_value());
  id_ = message->id();
  method_ = message->type().method;
  sent_sha1_ = message->Has(AttributeType::kMessageIntegrity);
  sent_sha256_ = message->Has(AttributeType::kMessageIntegritySha256);
}

void ClientTransaction::Start(Instant now) {
  started_ = now;
  last_now_ = now;
  is_transmit_due_ = true;
  timer_.Start(now);
}

bool ClientTransaction::HandleDatagram(Instant now, const Endpoint& from,
                                       ByteView datagram) {
  const auto message = Message::Parse(datagram);
  return message && HandleMessage(now, from, *message);
}

bool ClientTransaction::HandleMessage(Instant now, const Endpoint& from,
                                      const Message& message) {
  last_now_ = now;
  if (!IsResponseToThis(from, message)) {
    return false;
  }
  if (IsIgnored(message)) {
    return true;
  }
  if (const Trust trust = CheckIntegrity(message); trust == Trust::kViolated) {
    HandleViolation();
  } else {
    HandleTrusted(now, from, message, trust);
  }
  return true;
}

bool ClientTransaction::IsIgnored(const Message& message) const {
  if (config_.requires_fingerprint && !message.has_fingerprint()) {
    return true;
  }
  if (!config_.ignores_bare_bad_request || config_.integrity ||
      message.type().message_class != MessageClass::kErrorResponse) {
    return false;
  }
  const auto error = message.Get<attr::ErrorCode>();
  return error && error->code == ErrorCode::kBadRequest;
}

void ClientTransaction::HandleTimeout(Instant now) {
  last_now_ = now;
  switch (timer_.HandleTimeout(now)) {
    case RetransmitAction::kNone:
      break;
    case RetransmitAction::kSend:
      is_transmit_due_ = true;
      break;
    case RetransmitAction::kGiveUp:
      Finish({.outcome = saw_violation_
                             ? TransactionOutcome::kIntegrityViolation
                             : TransactionOutcome::kTimedOut});
      break;
  }
}

void ClientTransaction::Cancel() {
  timer_.Stop();
  is_transmit_due_ = false;
  event_.reset();
}

std::optional<Transmit> ClientTransaction::PollTransmit() {
  if (!std::exchange(is_transmit_due_, false)) {
    return std::nullopt;
  }
  return Transmit{.to = server_, .payload = request_};
}

std::optional<TransactionEvent> ClientTransaction::PollEvent() {
  return std::exchange(event_, std::nullopt);
}

std::optional<Instant> ClientTransaction::NextTimeout() const {
  if (is_transmit_due_ || event_) {
    return last_now_;
  }
  return timer_.NextTimeout();
}

bool ClientTransaction::IsResponseToThis(const Endpoint& from,
                                         const Message& message) const {
  return is_running() && message.type().is_response() &&
         message.type().method == method_ && message.id() == id_ &&
         (config_.response_source == ResponseSource::kAny || from == server_);
}

ClientTransaction::Trust ClientTransaction::CheckIntegrity(
    const Message& message) const {
  if (!config_.integrity) {
    return Trust::kUnproven;
  }
  const bool has_sha1 = message.Has(AttributeType::kMessageIntegrity);
  const bool has_sha256 = message.Has(AttributeType::kMessageIntegritySha256);
  if (!has_sha1 && !has_sha256) {
    return MayLackIntegrity(message) ? Trust::kUnproven : Trust::kViolated;
  }
  // Exactly one, of a kind that the request carried (RFC 8489 section 9.1.4).
  if (has_sha1 == has_sha256 || (has_sha1 && !sent_sha1_) ||
      (has_sha256 && !sent_sha256_)) {
    return Trust::kViolated;
  }
  return VerifyStrongestIntegrity(message, config_.integrity->key)
             ? Trust::kProven
             : Trust::kViolated;
}

bool ClientTransaction::MayLackIntegrity(const Message& message) const {
  if (config_.integrity->mechanism != CredentialMechanism::kLongTerm ||
      message.type().message_class != MessageClass::kErrorResponse) {
    return false;
  }
  const auto error = message.Get<attr::ErrorCode>();
  return error && (error->code == ErrorCode::kUnauthenticated ||
                   error->code == ErrorCode::kStaleNonce);
}

void ClientTransaction::HandleViolation() {
  saw_violation_ = true;
  if (config_.transport == Transport::kTcp) {
    Finish({.outcome = TransactionOutcome::kIntegrityViolation});
  }
}

void ClientTransaction::HandleTrusted(Instant now, const Endpoint& from,
                                      const Message& message, Trust trust) {
  TransactionEvent event{
      .outcome = TransactionOutcome::kSuccess,
      .response = {message.bytes().begin(), message.bytes().end()},
      .from = from,
      .is_verified = trust == Trust::kProven};
  if (timer_.requests_sent() == 1) {
    event.rtt = now - started_;
  }
  if (!message.FindUnknownRequired(config_.understood).is_empty()) {
    event.outcome = TransactionOutcome::kUnknownAttribute;
  } else if (message.type().message_class == MessageClass::kErrorResponse) {
    const auto error = message.Get<attr::ErrorCode>();
    event.outcome = error ? TransactionOutcome::kErrorResponse
                          : TransactionOutcome::kMalformedResponse;
    if (error) {
      event.error_code = error->code;
    }
  }
  Finish(std::move(event));
}

void ClientTransaction::Finish(TransactionEvent event) {
  timer_.Stop();
  is_transmit_due_ = false;
  event_ = std::move(event);
}

}  // namespace natkit::stun
