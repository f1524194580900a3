#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/datagram.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/stun_credentials.h"
#include "natkit/nat/stun_long_term_client.h"
#include "natkit/nat/stun_message_builder.h"
#include "natkit/nat/stun_redirect_memory.h"
#include "natkit/nat/stun_transaction.h"

namespace natkit::stun {

/// What a BindingClient asks and how.
struct BindingConfig {
  Transport transport = Transport::kUdp;
  RetransmitSchedule schedule = RetransmitSchedule::Udp();
  /// SOFTWARE of the request, at most 763 bytes; empty: none.
  std::string software;
  /// Adds FINGERPRINT to the request.
  bool sends_fingerprint = false;
  /// Over UDP: makes the request as long as an ordinary response (AddFiller),
  /// so that servers that never amplify always answer.
  bool sends_filler = true;
  /// Set: the request carries both integrities, and a response must carry one.
  /// Once a server has answered, later requests carry the one it used.
  std::optional<ShortTermCredentials> credentials;
  /// Set: a 401 is answered with these. Not together with `credentials`.
  std::optional<LongTermCredentials> long_term;
  LongTermPolicy long_term_policy;
  /// Follows ALTERNATE-SERVER of a verified 300 (RFC 8489 section 10).
  bool follows_redirects = false;

  /// The one form of request that Tailscale's DERP servers answer: SOFTWARE
  /// "tailnode" and FINGERPRINT.
  [[nodiscard]] static BindingConfig ForDerpServer();
  /// What suits servers of RFC 3489: its schedule, and a request without
  /// attributes (RFC 8489 section 11).
  [[nodiscard]] static BindingConfig ForRfc3489Server();
};

/// How a BindingClient ended.
enum class BindingOutcome : uint8_t {
  kSuccess,
  kErrorResponse,       ///< BindingEvent::error_code says which
  kTimedOut,            ///< no response
  kIntegrityViolation,  ///< only responses that failed integrity
  kBadResponse,         ///< a response without a usable mapped address
  kBidDown,             ///< LongTermAction::kBidDown
  /// On a stream: BindingEvent::alternate_server is to be connected to, then
  /// Start() called again.
  kRedirected,
  kConnectionLost,  ///< the stream ended or carried something else
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
  /// ALTERNATE-SERVER of a 300 response, of the server's address family.
  std::optional<Endpoint> alternate_server;
  /// The response carried valid integrity; otherwise anybody may have written
  /// it, and `alternate_server` must not be followed.
  bool is_verified = false;
};

/// Learns this host's server-reflexive address from one STUN server.
///
/// Sends at 0, 500, 1500, 3500, ... ms and gives up 39500 ms after the first
/// request (RFC 8489 section 6.2.1: RTO 500 ms, Rc 7, Rm 16). A 5xx response
/// is tried again after one RTO, with a new transaction ID, at most 4 times.
/// Servers of RFC 3489 are understood. Yields one event after each Start();
/// what was learnt of the server's nonce and integrity stays for the next.
/// Pure: owns no socket, clock or random source. Not thread-safe.
class BindingClient {
 public:
  /// `rng` must outlive the client. Texts of `config` beyond their limits, and
  /// both kinds of credentials at once, are bugs of the caller and abort.
  BindingClient(const Endpoint& server, Rng& rng, BindingConfig config = {});

  // Inputs. After each one, drain all outputs.
  void Start(Instant now);
  /// True when the datagram is a response to this client's request.
  bool HandleDatagram(Instant now, const Endpoint& from, ByteView datagram);
  void HandleTimeout(Instant now);
  /// Ends without an event.
  void Cancel();

  // Outputs.
  [[nodiscard]] std::optional<Transmit> PollTransmit();
  [[nodiscard]] std::optional<BindingEvent> PollEvent();
  /// When to call HandleTimeout next; nullopt once finished.
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  /// True from Start() until there is an event.
  [[nodiscard]] bool is_running() const {
    return transaction_.has_value() || retry_at_.has_value();
  }

  /// Whom requests go to: as constructed, or where a redirect pointed.
  [[nodiscard]] const Endpoint& server() const { return server_; }

 private:
  enum class IntegrityKind : uint8_t { kSha1, kSha256 };

  void StartTransaction(Instant now);
  [[nodiscard]] std::vector<uint8_t> BuildRequest();
  void AddIntegrity(MessageBuilder& builder) const;
  [[nodiscard]] TransactionConfig MakeTransactionConfig() const;
  void DrainTransaction(Instant now);
  void HandleEnd(Instant now, const TransactionEvent& end);
  // True when the next transaction has been started.
  [[nodiscard]] bool RetriesWithChallenge(Instant now, const Message& response,
                                          BindingEvent& event);
  [[nodiscard]] bool FollowsRedirect(Instant now, BindingEvent& event);
  [[nodiscard]] bool IsRetried(const TransactionEvent& end) const;
  void NoteIntegrityKind(const Message& response);
  void MoveTo(const Endpoint& server);
  [[nodiscard]] BindingEvent Translate(const TransactionEvent& end) const;
  void ReadRedirect(const Message& response, BindingEvent& event) const;
  static void ReadSuccess(const Message& response, BindingEvent& event);

  Endpoint home_;
  Endpoint server_;
  Rng& rng_;
  BindingConfig config_;
  std::optional<LongTermClient> long_term_;
  std::optional<IntegrityKind> peer_integrity_;
  RedirectMemory redirects_;
  std::optional<Endpoint> redirect_;  ///< where the next Start() goes
  std::optional<ClientTransaction> transaction_;
  std::optional<Instant> retry_at_;
  int retries_ = 0;
  Instant last_now_;
  std::optional<BindingEvent> event_;
};

}  // namespace natkit::stun
