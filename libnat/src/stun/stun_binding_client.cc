#include "natkit/nat/stun_binding_client.h"

#include <array>
#include <utility>

#include "natkit/base/check.h"
#include "natkit/nat/stun_message_builder.h"

namespace natkit::stun {

namespace {

/// Room for the longest USERNAME and SOFTWARE, and all that has a fixed size.
constexpr size_t kRequestCapacity = 2048;

constexpr int kMaxServerErrorRetries = 4;  // RFC 8489 section 6.3.4

BindingOutcome ToBindingOutcome(TransactionOutcome outcome) {
  switch (outcome) {
    case TransactionOutcome::kSuccess:
      return BindingOutcome::kSuccess;
    case TransactionOutcome::kErrorResponse:
      return BindingOutcome::kErrorResponse;
    case TransactionOutcome::kTimedOut:
      return BindingOutcome::kTimedOut;
    case TransactionOutcome::kIntegrityViolation:
      return BindingOutcome::kIntegrityViolation;
    case TransactionOutcome::kUnknownAttribute:
    case TransactionOutcome::kMalformedResponse:
      return BindingOutcome::kBadResponse;
  }
  return BindingOutcome::kBadResponse;
}

}  // namespace

BindingConfig BindingConfig::ForDerpServer() {
  BindingConfig config;
  config.software = "tailnode";
  config.sends_fingerprint = true;
  return config;
}

BindingClient::BindingClient(const Endpoint& server, Rng& rng,
                             BindingConfig config)
    : server_(server), rng_(rng), config_(std::move(config)) {}

void BindingClient::Start(Instant now) {
  retries_ = 0;
  event_.reset();
  StartTransaction(now);
}

bool BindingClient::HandleDatagram(Instant now, const Endpoint& from,
                                   ByteView datagram) {
  last_now_ = now;
  if (!transaction_ || !transaction_->HandleDatagram(now, from, datagram)) {
    return false;
  }
  DrainTransaction(now);
  return true;
}

void BindingClient::HandleTimeout(Instant now) {
  last_now_ = now;
  if (retry_at_ && now >= *retry_at_) {
    StartTransaction(now);
  } else if (transaction_) {
    transaction_->HandleTimeout(now);
    DrainTransaction(now);
  }
}

std::optional<Transmit> BindingClient::PollTransmit() {
  return transaction_ ? transaction_->PollTransmit() : std::nullopt;
}

std::optional<BindingEvent> BindingClient::PollEvent() {
  return std::exchange(event_, std::nullopt);
}

std::optional<Instant> BindingClient::NextTimeout() const {
  if (event_) {
    return last_now_;
  }
  return transaction_ ? transaction_->NextTimeout() : retry_at_;
}

void BindingClient::StartTransaction(Instant now) {
  last_now_ = now;
  retry_at_.reset();
  transaction_.emplace(server_, BuildRequest(), MakeTransactionConfig());
  transaction_->Start(now);
}

std::vector<uint8_t> BindingClient::BuildRequest() {
  std::array<uint8_t, kRequestCapacity> buffer;
  MessageBuilder builder(buffer, kBindingRequest,
                         TransactionId::Generate(rng_));
  if (!config_.software.empty()) {
    builder.Add<attr::Software>(config_.software);
  }
  if (config_.credentials) {
    builder.Add<attr::Username>(config_.credentials->username)
        .AddIntegrity(config_.credentials->key)
        .AddIntegritySha256(config_.credentials->key);
  }
  if (config_.sends_fingerprint) {
    builder.AddFingerprint();
  }
  const auto request = builder.Finish();
  NATKIT_CHECK(request.has_value());
  return {request->begin(), request->end()};
}

TransactionConfig BindingClient::MakeTransactionConfig() const {
  TransactionConfig config;
  config.transport = config_.transport;
  config.schedule = config_.schedule;
  // What servers of RFC 3489 put into their responses.
  config.understood = {
      AttributeType::kResponseAddress, AttributeType::kSourceAddress,
      AttributeType::kChangedAddress, AttributeType::kReflectedFrom};
  if (config_.credentials) {
    config.integrity =
        ResponseIntegrity{.key = config_.credentials->key.Clone(),
                          .mechanism = CredentialMechanism::kShortTerm};
  }
  return config;
}

void BindingClient::DrainTransaction(Instant now) {
  const auto end = transaction_->PollEvent();
  if (!end) {
    return;
  }
  transaction_.reset();
  if (IsRetried(*end)) {
    ++retries_;
    retry_at_ = now + config_.schedule.initial_timeout;
    return;
  }
  event_ = Translate(*end);
}

bool BindingClient::IsRetried(const TransactionEvent& end) const {
  return end.error_code && std::to_underlying(*end.error_code) / 100 == 5 &&
         retries_ < kMaxServerErrorRetries;
}

BindingEvent BindingClient::Translate(const TransactionEvent& end) const {
  BindingEvent event{.outcome = ToBindingOutcome(end.outcome),
                     .server = server_,
                     .rtt = end.rtt,
                     .error_code = end.error_code};
  const auto response = Message::Parse(end.response);
  if (end.outcome == TransactionOutcome::kSuccess) {
    ReadSuccess(*response, event);
  } else if (end.error_code == ErrorCode::kTryAlternate) {
    if (const auto server = response->Get<attr::AlternateServer>()) {
      event.alternate_server = *server;
    }
  }
  return event;
}

void BindingClient::ReadSuccess(const Message& response, BindingEvent& event) {
  const auto xored = response.GetXorMappedAddress();
  auto plain = response.Get<attr::MappedAddress>();
  if (plain) {
    plain->address = plain->address.Unmapped();
  }
  if (xored) {
    event.reflexive_address = *xored;
    event.alg_detected = plain && *plain != *xored;
  } else if (plain) {
    event.reflexive_address = *plain;
  } else {
    event.outcome = BindingOutcome::kBadResponse;
  }
}

}  // namespace natkit::stun
