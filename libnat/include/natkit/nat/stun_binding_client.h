#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "natkit/base/bytes.h"
#include "natkit/base/datagram.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/stun_transaction.h"

namespace natkit::stun {

/// A short-term user (RFC 8489 section 9.1); the name has at most 508 bytes.
struct ShortTermCredentials {
  std::string username;
  IntegrityKey key;
};

/// What a BindingClient asks and how.
struct BindingConfig {
  Transport transport = Transport::kUdp;
  RetransmitSchedule schedule = RetransmitSchedule::Udp();
  /// SOFTWARE of the request, at most 763 bytes; empty: none.
  std::string software;
  /// Adds FINGERPRINT to the request.
  bool sends_fingerprint = false;
  /// Set: the request carries both integrities, and a response must carry one.
  std::optional<ShortTermCredentials> credentials;

  /// The one form of request that Tailscale's DERP servers answer: SOFTWARE
  /// "tailnode" and FINGERPRINT.
  [[nodiscard]] static BindingConfig ForDerpServer();
};

/// How a BindingClient ended.
enum class BindingOutcome : uint8_t {
  kSuccess,
  kErrorResponse,       ///< BindingEvent::error_code says which
  kTimedOut,            ///< no response
  kIntegrityViolation,  ///< only responses that failed integrity
  kBadResponse,         ///< a response without a usable mapped address
};

/// What a BindingClient found out.
struct BindingEvent {
  BindingOutcome outcome = BindingOutcome::kTimedOut;
  Endpoint server;
  /// Where the server saw the request come from; set for kSuccess.
  std::optional<Endpoint> reflexive_address;
  /// XOR-MAPPED-ADDRESS and MAPPED-ADDRESS differ: something on the path
  /// rewrites addresses in payloads. The XORed one is reported.
  bool alg_detected = false;
  /// Unset when the request was sent more than once.
  std::optional<Duration> rtt;
  std::optional<ErrorCode> error_code;  ///< set for kErrorResponse alone
  /// ALTERNATE-SERVER of a 300 response. Only to be followed when credentials
  /// were configured: the response was then verified (RFC 8489 section 10).
  std::optional<Endpoint> alternate_server;
};

/// Learns this host's server-reflexive address from one STUN server.
///
/// Sends at 0, 500, 1500, 3500, ... ms and gives up 39500 ms after the first
/// request (RFC 8489 section 6.2.1: RTO 500 ms, Rc 7, Rm 16). A 5xx response
/// is tried again after one RTO, with a new transaction ID, at most 4 times.
/// Servers of RFC 3489 are understood. Yields one event.
/// Pure: owns no socket, clock or random source. Not thread-safe.
class BindingClient {
 public:
  /// `rng` must outlive the client. Texts of `config` beyond their limits are a
  /// bug of the caller and abort.
  BindingClient(const Endpoint& server, Rng& rng, BindingConfig config = {});

  // Inputs. After each one, drain all outputs.
  void Start(Instant now);
  /// True when the datagram is a response to this client's request.
  bool HandleDatagram(Instant now, const Endpoint& from, ByteView datagram);
  void HandleTimeout(Instant now);

  // Outputs.
  [[nodiscard]] std::optional<Transmit> PollTransmit();
  [[nodiscard]] std::optional<BindingEvent> PollEvent();
  /// When to call HandleTimeout next; nullopt once finished.
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  [[nodiscard]] const Endpoint& server() const { return server_; }

 private:
  void StartTransaction(Instant now);
  [[nodiscard]] std::vector<uint8_t> BuildRequest();
  [[nodiscard]] TransactionConfig MakeTransactionConfig() const;
  void DrainTransaction(Instant now);
  [[nodiscard]] bool IsRetried(const TransactionEvent& end) const;
  [[nodiscard]] BindingEvent Translate(const TransactionEvent& end) const;
  static void ReadSuccess(const Message& response, BindingEvent& event);

  Endpoint server_;
  Rng& rng_;
  BindingConfig config_;
  std::optional<ClientTransaction> transaction_;
  std::optional<Instant> retry_at_;
  int retries_ = 0;
  Instant last_now_;
  std::optional<BindingEvent> event_;
};

}  // namespace natkit::stun
