#include "natkit/nat/stun_binding_client.h"

#include <array>
#include <utility>

#include "natkit/base/check.h"
#include "natkit/nat/stun_message_builder.h"
#include "natkit/nat/stun_vendor.h"

namespace natkit::stun {

namespace {

/// Room for the longest SOFTWARE, what LongTermClient adds, and all that has a
/// fixed size.
constexpr size_t kRequestCapacity = 4096;

constexpr int kMaxServerErrorRetries = 4;  // RFC 8489 section 6.3.4
constexpr Duration kStreamRetryWait = std::chrono::milliseconds(500);

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
  config.sends_filler = false;
  return config;
}

BindingConfig BindingConfig::ForRfc3489Server() {
  BindingConfig config;
  config.schedule = RetransmitSchedule::Rfc3489();
  config.sends_filler = false;
  return config;
}

BindingClient::BindingClient(const Endpoint& server, Rng& rng,
                             BindingConfig config)
    : home_(server), server_(server), rng_(rng), config_(std::move(config)) {
  NATKIT_CHECK(!config_.credentials || !config_.long_term);
  if (config_.long_term) {
    long_term_.emplace(*std::move(config_.long_term), config_.long_term_policy);
    config_.long_term.reset();
  }
}

void BindingClient::Start(Instant now) {
  retries_ = 0;
  event_.reset();
  if (const auto target = std::exchange(redirect_, std::nullopt)) {
    MoveTo(*target);
  } else {
    MoveTo(home_);
    redirects_ = {};
    (void)redirects_.Note(now, home_);
  }
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

void BindingClient::Cancel() {
  transaction_.reset();
  retry_at_.reset();
  event_.reset();
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
    builder.Add<attr::Username>(config_.credentials->username);
  } else if (long_term_) {
    long_term_->AddAttributes(builder);
  }
  if (config_.sends_filler && config_.transport == Transport::kUdp) {
    AddFiller(builder, server_.address);
  }
  AddIntegrity(builder);
  if (config_.sends_fingerprint) {
    builder.AddFingerprint();
  }
  const auto request = builder.Finish();
  NATKIT_CHECK(request.has_value());
  return {request->begin(), request->end()};
}

void BindingClient::AddIntegrity(MessageBuilder& builder) const {
  if (long_term_) {
    long_term_->AddIntegrity(builder);
  }
  if (!config_.credentials) {
    return;
  }
  if (peer_integrity_ != IntegrityKind::kSha256) {
    builder.AddIntegrity(config_.credentials->key);
  }
  if (peer_integrity_ != IntegrityKind::kSha1) {
    builder.AddIntegritySha256(config_.credentials->key);
  }
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
  } else if (long_term_) {
    config.integrity = long_term_->ExpectedIntegrity();
    config.ignores_bare_bad_request = true;
  }
  return config;
}

void BindingClient::DrainTransaction(Instant now) {
  if (const auto end = transaction_->PollEvent()) {
    transaction_.reset();
    HandleEnd(now, *end);
  }
}

void BindingClient::HandleEnd(Instant now, const TransactionEvent& end) {
  BindingEvent event = Translate(end);
  const auto response = Message::Parse(end.response);
  if (response && end.is_verified) {
    NoteIntegrityKind(*response);
  }
  if (response && RetriesWithChallenge(now, *response, event)) {
    return;
  }
  if (end.is_verified && FollowsRedirect(now, event)) {
    return;
  }
  if (IsRetried(end)) {
    ++retries_;
    retry_at_ = now + (config_.transport == Transport::kUdp
                           ? config_.schedule.initial_timeout
                           : kStreamRetryWait);
    return;
  }
  event_ = std::move(event);
}

void BindingClient::NoteIntegrityKind(const Message& response) {
  peer_integrity_ = response.Has(AttributeType::kMessageIntegritySha256)
                        ? IntegrityKind::kSha256
                        : IntegrityKind::kSha1;
}

bool BindingClient::RetriesWithChallenge(Instant now, const Message& response,
                                         BindingEvent& event) {
  if (!long_term_) {
    return false;
  }
  switch (long_term_->HandleError(response)) {
    case LongTermAction::kNone:
      long_term_->HandleSuccess();
      return false;
    case LongTermAction::kRetry:
      StartTransaction(now);
      return true;
    case LongTermAction::kRejected:
      return false;
    case LongTermAction::kBidDown:
      event.outcome = BindingOutcome::kBidDown;
      event.error_code.reset();
      return false;
  }
  return false;
}

bool BindingClient::FollowsRedirect(Instant now, BindingEvent& event) {
  if (!config_.follows_redirects || !event.alternate_server ||
      !redirects_.Note(now, *event.alternate_server)) {
    return false;
  }
  if (config_.transport == Transport::kTcp) {
    redirect_ = event.alternate_server;
    event.outcome = BindingOutcome::kRedirected;
    return false;
  }
  MoveTo(*event.alternate_server);
  StartTransaction(now);
  return true;
}

void BindingClient::MoveTo(const Endpoint& server) {
  if (server_ == server) {
    return;
  }
  server_ = server;
  peer_integrity_.reset();
  if (long_term_) {
    long_term_->Forget();
  }
}

bool BindingClient::IsRetried(const TransactionEvent& end) const {
  return end.error_code && std::to_underlying(*end.error_code) / 100 == 5 &&
         retries_ < kMaxServerErrorRetries;
}

BindingEvent BindingClient::Translate(const TransactionEvent& end) const {
  BindingEvent event{.outcome = ToBindingOutcome(end.outcome),
                     .server = server_,
                     .rtt = end.rtt,
                     .error_code = end.error_code,
                     .is_verified = end.is_verified};
  const auto response = Message::Parse(end.response);
  if (end.outcome == TransactionOutcome::kSuccess) {
    ReadSuccess(*response, event);
  } else if (end.error_code == ErrorCode::kTryAlternate) {
    ReadRedirect(*response, event);
  }
  return event;
}

void BindingClient::ReadRedirect(const Message& response,
                                 BindingEvent& event) const {
  for (const Attribute& attribute : response.attributes()) {
    if (attribute.type != AttributeType::kAlternateServer) {
      continue;
    }
    const auto server = attr::DecodeAddress(attribute.value);
    if (server && server->address.family() == server_.address.family() &&
        server->port != 0 && !server->address.is_unspecified() &&
        !server->address.is_multicast()) {
      event.alternate_server = *server;
      return;
    }
  }
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
