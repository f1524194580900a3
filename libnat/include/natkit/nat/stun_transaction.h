#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/datagram.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/nat/stun_integrity.h"
#include "natkit/nat/stun_message.h"
#include "natkit/nat/stun_retransmit.h"

namespace natkit::stun {

/// Whose responses count.
enum class ResponseSource : uint8_t {
  kServerOnly,  ///< from the endpoint that the request went to
  kAny,         ///< from anywhere: the caller judges TransactionEvent::from
};

/// Which error responses count without integrity (RFC 8489 section 9).
enum class CredentialMechanism : uint8_t {
  kShortTerm,  ///< none
  kLongTerm,   ///< 401 and 438
};

/// The credentials that a response must prove.
struct ResponseIntegrity {
  IntegrityKey key;
  CredentialMechanism mechanism = CredentialMechanism::kShortTerm;
};

/// How one transaction is run.
struct TransactionConfig {
  Transport transport = Transport::kUdp;
  RetransmitSchedule schedule = RetransmitSchedule::Udp();
  ResponseSource response_source = ResponseSource::kServerOnly;
  /// Responses without FINGERPRINT are ignored.
  bool requires_fingerprint = false;
  /// Set: responses without valid integrity are ignored.
  std::optional<ResponseIntegrity> integrity;
  /// A 400 without integrity is ignored, also where `integrity` is not set
  /// yet: first requests of the long-term mechanism (RFC 8489 section 9.2.5).
  bool ignores_bare_bad_request = false;
  /// Comprehension-required attributes of a response that the usage
  /// understands, besides BaseAttributes().
  std::vector<AttributeType> understood;
};

/// How a transaction ended.
enum class TransactionOutcome : uint8_t {
  kSuccess,
  kErrorResponse,       ///< TransactionEvent::error_code says which
  kTimedOut,            ///< no response
  kIntegrityViolation,  ///< only responses that failed integrity
  kUnknownAttribute,    ///< a response with a required attribute not known
  kMalformedResponse,   ///< an error response without a valid ERROR-CODE
};

/// The end of a transaction.
struct TransactionEvent {
  TransactionOutcome outcome = TransactionOutcome::kTimedOut;
  /// The response for Message::Parse(); empty when there was none that counts.
  std::vector<uint8_t> response;
  Endpoint from;  ///< where the response came from
  /// From request to response; unset when the request was sent more than once
  /// (Karn's rule) or there was no response.
  std::optional<Duration> rtt;
  std::optional<ErrorCode> error_code;  ///< set for kErrorResponse alone
  bool is_verified = false;  ///< the response carried valid integrity
};

/// One request and its response (RFC 8489 section 6.2): sends, retransmits,
/// validates, and ends with one event.
///
/// Life: Start(), then inputs until PollEvent() yields; it yields once. Which
/// integrity algorithms a response may use follows from the request, so that
/// an attacker cannot bid down. Pure; not thread-safe.
class ClientTransaction {
 public:
  /// `request` is a whole message, sent as it is. A request that does not
  /// parse is a bug of the caller and aborts.
  ClientTransaction(const Endpoint& server, std::vector<uint8_t> request,
                    TransactionConfig config = {});

  // Inputs. After each one, drain all outputs.
  void Start(Instant now);
  /// True when `message` is a response to this transaction, used or not; false
  /// when it belongs to somebody else.
  bool HandleMessage(Instant now, const Endpoint& from, const Message& message);
  /// Parses and calls HandleMessage(); false also when it does not parse.
  bool HandleDatagram(Instant now, const Endpoint& from, ByteView datagram);
  void HandleTimeout(Instant now);
  /// Ends without an event, as ICE does with superseded checks.
  void Cancel();

  // Outputs.
  [[nodiscard]] std::optional<Transmit> PollTransmit();
  [[nodiscard]] std::optional<TransactionEvent> PollEvent();
  /// When to call HandleTimeout next; nullopt once finished.
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  [[nodiscard]] const TransactionId& id() const { return id_; }

  [[nodiscard]] const Endpoint& server() const { return server_; }

  /// True from Start() to the end.
  [[nodiscard]] bool is_running() const {
    return timer_.NextTimeout().has_value();
  }

 private:
  enum class Trust : uint8_t { kUnproven, kProven, kViolated };

  [[nodiscard]] bool IsResponseToThis(const Endpoint& from,
                                      const Message& message) const;
  [[nodiscard]] Trust CheckIntegrity(const Message& message) const;
  [[nodiscard]] bool MayLackIntegrity(const Message& message) const;
  [[nodiscard]] bool IsIgnored(const Message& message) const;
  void HandleViolation();
  void HandleTrusted(Instant now, const Endpoint& from, const Message& message,
                     Trust trust);
  void Finish(TransactionEvent event);

  Endpoint server_;
  std::vector<uint8_t> request_;
  TransactionConfig config_;
  TransactionId id_;
  Method method_ = Method::kBinding;
  bool sent_sha1_ = false;
  bool sent_sha256_ = false;

  RetransmitTimer timer_;
  Instant started_;
  Instant last_now_;
  bool is_transmit_due_ = false;
  bool saw_violation_ = false;
  std::optional<TransactionEvent> event_;
};

}  // namespace natkit::stun
