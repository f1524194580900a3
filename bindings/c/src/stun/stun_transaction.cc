// natkit_stun_transaction; see natkit/stun.h.

#include "natkit/nat/stun_transaction.h"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "natkit/nat/stun_types.h"
#include "natkit/stun.h"
#include "stun/stun_bytes.h"
#include "stun/stun_event.h"
#include "stun/stun_schedule.h"
#include "support/convert.h"
#include "support/core_calls.h"
#include "support/door.h"
#include "support/outbox.h"
#include "support/structs.h"

namespace natkit::c {
namespace {

using stun::ClientTransaction;
using stun::TransactionConfig;
using stun::TransactionEvent;
using stun::TransactionOutcome;

constexpr size_t kFirstConfigSize = sizeof(natkit_stun_transaction_config);
constexpr size_t kFirstEventSize = sizeof(natkit_stun_event);
constexpr size_t kMostUnderstood = 128;

class StunTransaction final : public Object {
 public:
  static constexpr HandleKind kKind = HandleKind::kStunTransaction;

  StunTransaction(const Endpoint& server, ByteView request,
                  TransactionConfig config)
      : core_(server, {request.begin(), request.end()}, std::move(config)) {}

  [[nodiscard]] Result<void> Start(Instant now) {
    if (std::exchange(is_started_, true)) {
      return Fail(Errc::kInvalidState);
    }
    core_.Start(now);
    return {};
  }

  void Cancel() {
    outbox_.Clear();
    event_.reset();
    core_.Cancel();
  }

  /// The event, which stays until DropEvent().
  [[nodiscard]] const std::optional<TransactionEvent>& PeekEvent() {
    if (!event_) {
      event_ = core_.PollEvent();
    }
    return event_;
  }

  void DropEvent() { event_.reset(); }

  [[nodiscard]] std::optional<Instant> NextTimeout() const {
    return outbox_.is_waiting() || event_ ? last_time() : core_.NextTimeout();
  }

  [[nodiscard]] ClientTransaction& core() { return core_; }

  [[nodiscard]] Outbox& outbox() { return outbox_; }

 private:
  ClientTransaction core_;
  Outbox outbox_;
  std::optional<TransactionEvent> event_;
  bool is_started_ = false;
};

Result<std::optional<stun::ResponseIntegrity>> ToIntegrity(
    const natkit_stun_transaction_config& given) {
  if (given.mechanism > NATKIT_STUN_LONG_TERM) {
    return Fail(Errc::kBadArgument);
  }
  if (given.key == nullptr) {
    return std::nullopt;
  }
  Result<stun::IntegrityKey> key = ToKey(given.key);
  if (!key) {
    return std::unexpected(key.error());
  }
  return stun::ResponseIntegrity{
      .key = *std::move(key),
      .mechanism = given.mechanism == NATKIT_STUN_LONG_TERM
                       ? stun::CredentialMechanism::kLongTerm
                       : stun::CredentialMechanism::kShortTerm};
}

Result<TransactionConfig> ToConfig(
    const natkit_stun_transaction_config& given) {
  if (given.understood_count > kMostUnderstood ||
      (given.understood == nullptr && given.understood_count != 0)) {
    return Fail(Errc::kBadArgument);
  }
  auto integrity = ToIntegrity(given);
  if (!integrity) {
    return std::unexpected(integrity.error());
  }
  const auto schedule =
      ToSchedule(given.schedule, stun::RetransmitSchedule::Udp());
  if (!schedule) {
    return std::unexpected(schedule.error());
  }
  TransactionConfig config;
  config.schedule = *schedule;
  config.response_source = given.accepts_any_source != 0
                               ? stun::ResponseSource::kAny
                               : stun::ResponseSource::kServerOnly;
  config.requires_fingerprint = given.requires_fingerprint != 0;
  config.integrity = *std::move(integrity);
  for (const uint16_t type :
       std::span(given.understood, given.understood_count)) {
    config.understood.push_back(static_cast<stun::AttributeType>(type));
  }
  return config;
}

/// Errors: kBadArgument, those of Message::Parse(), kBadValue (no request).
Result<ByteView> ToRequest(const void* data, size_t size) {
  const Result<stun::Message> message = ToMessage(data, size);
  if (!message) {
    return std::unexpected(message.error());
  }
  if (message->type().message_class != stun::MessageClass::kRequest) {
    return Fail(Errc::kBadValue);
  }
  return message->bytes();
}

Result<void> MakeTransaction(const natkit_stun_transaction_config* config,
                             natkit_stun_transaction** out) {
  const auto given = ReadStruct(config, kFirstConfigSize);
  if (!given) {
    return std::unexpected(given.error());
  }
  const auto server = ToServer(&given->server, stun::kDefaultPort);
  if (!server) {
    return std::unexpected(server.error());
  }
  const auto request = ToRequest(given->request, given->request_size);
  if (!request) {
    return std::unexpected(request.error());
  }
  auto made = ToConfig(*given);
  if (!made) {
    return std::unexpected(made.error());
  }
  return MakeHandle(
      std::make_unique<StunTransaction>(*server, *request, *std::move(made)),
      out);
}

uint32_t FromOutcome(TransactionOutcome outcome) {
  switch (outcome) {
    case TransactionOutcome::kSuccess:
      return NATKIT_STUN_OUTCOME_SUCCESS;
    case TransactionOutcome::kErrorResponse:
      return NATKIT_STUN_OUTCOME_ERROR_RESPONSE;
    case TransactionOutcome::kTimedOut:
      return NATKIT_STUN_OUTCOME_TIMED_OUT;
    case TransactionOutcome::kIntegrityViolation:
      return NATKIT_STUN_OUTCOME_INTEGRITY_VIOLATION;
    case TransactionOutcome::kUnknownAttribute:
      return NATKIT_STUN_OUTCOME_UNKNOWN_ATTRIBUTE;
    case TransactionOutcome::kMalformedResponse:
      return NATKIT_STUN_OUTCOME_BAD_RESPONSE;
  }
  return NATKIT_STUN_OUTCOME_BAD_RESPONSE;
}

natkit_stun_event FromEvent(const TransactionEvent& event) {
  natkit_stun_event out = FromResult(FromOutcome(event.outcome), event);
  if (!event.response.empty()) {
    out.server = FromEndpoint(event.from);
  }
  return out;
}

/// Errors: kBadArgument, kStructSize, kBufferTooSmall.
Result<int> PollEvent(StunTransaction& transaction, natkit_stun_event* out,
                      const Result<MutableBytes>& response, size_t* size) {
  const Result<void> room = CheckStruct(out, kFirstEventSize);
  if (!room) {
    return std::unexpected(room.error());
  }
  if (!response || size == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  const std::optional<TransactionEvent>& event = transaction.PeekEvent();
  if (!event) {
    return 0;
  }
  *size = event->response.size();
  if (*size > response->size()) {
    return Fail(Errc::kBufferTooSmall);
  }
  std::ranges::copy(event->response, response->begin());
  const Result<void> written =
      WriteStruct(out, FromEvent(*event), kFirstEventSize);
  transaction.DropEvent();
  if (!written) {
    return std::unexpected(written.error());
  }
  return 1;
}

}  // namespace
}  // namespace natkit::c

using natkit::Errc;
using natkit::Fail;
using natkit::Instant;
using natkit::Result;
using namespace natkit::c;

int natkit_stun_transaction_new(const natkit_stun_transaction_config* config,
                                natkit_stun_transaction** out) {
  return ToCode(__func__, MakeTransaction(config, out));
}

void natkit_stun_transaction_free(natkit_stun_transaction* transaction) {
  FreeHandle<StunTransaction>(__func__, transaction);
}

int natkit_stun_transaction_start(natkit_stun_transaction* transaction,
                                  uint64_t now_ns) {
  return WithTime<StunTransaction>(
      __func__, transaction, now_ns,
      [](StunTransaction& object, Instant now) { return object.Start(now); });
}

int natkit_stun_transaction_cancel(natkit_stun_transaction* transaction) {
  return WithHandle<StunTransaction>(
      __func__, transaction, [](StunTransaction& object) -> Result<void> {
        object.Cancel();
        return {};
      });
}

int natkit_stun_transaction_handle_datagram(
    natkit_stun_transaction* transaction, uint64_t now_ns,
    const natkit_address* from, const void* data, size_t size) {
  return CallHandleDatagram<StunTransaction>(__func__, transaction, now_ns,
                                             from, ToBytes(data, size));
}

int natkit_stun_transaction_handle_timeout(natkit_stun_transaction* transaction,
                                           uint64_t now_ns) {
  return CallHandleTimeout<StunTransaction>(__func__, transaction, now_ns);
}

int natkit_stun_transaction_poll_transmit(natkit_stun_transaction* transaction,
                                          natkit_address* to, void* buffer,
                                          size_t capacity) {
  return CallPollTransmit<StunTransaction>(__func__, transaction, to, buffer,
                                           capacity);
}

int natkit_stun_transaction_poll_event(natkit_stun_transaction* transaction,
                                       natkit_stun_event* out, void* buffer,
                                       size_t capacity, size_t* out_size) {
  return WithHandle<StunTransaction>(
      __func__, transaction, [&](StunTransaction& object) {
        return PollEvent(object, out, ToMutableBytes(buffer, capacity),
                         out_size);
      });
}

int natkit_stun_transaction_next_timeout(
    const natkit_stun_transaction* transaction, uint64_t* out_ns) {
  return CallNextTimeout<StunTransaction>(__func__, transaction, out_ns);
}
