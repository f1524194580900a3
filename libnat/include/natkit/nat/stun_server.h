#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/packet_batch.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/response_port_guard.h"
#include "natkit/nat/source_hash.h"
#include "natkit/nat/source_ledger.h"
#include "natkit/nat/source_rate_limiter.h"
#include "natkit/nat/stun_authenticator.h"
#include "natkit/nat/stun_credentials.h"
#include "natkit/nat/stun_discovery.h"
#include "natkit/nat/stun_message.h"

namespace natkit::stun {

class MessageBuilder;

/// Which well-formed Binding requests are answered.
enum class RequestPolicy : uint8_t {
  kAny,
  /// Only those of Tailscale's clients: SOFTWARE "tailnode" and FINGERPRINT.
  kTailnodeOnly,
};

/// How many bytes may be sent for those received, over UDP.
enum class AmplificationPolicy : uint8_t {
  /// Each response is as short as its protocol allows, and is always sent:
  /// without discovery at most 1.6 times the request, with it 3.4 times.
  kMinimal,
  /// Over time never more than was received from a source: each may be 48
  /// bytes ahead, so a first short request is answered, and most of the later
  /// ones; nat::SourceLedger has the details.
  kBalanced,
  /// No response is longer than its request; otherwise silence.
  kNone,
};

/// How a StunServer answers. The defaults make the shortest responses.
struct ServerConfig {
  RequestPolicy requests = RequestPolicy::kAny;
  AmplificationPolicy amplification = AmplificationPolicy::kMinimal;
  /// SOFTWARE of responses, at most 128 bytes; empty: none.
  std::string software;
  /// Answers clients of RFC 3489, which send no cookie, over IPv4. Never for a
  /// socket that other protocols share. Ignored with credentials.
  bool answers_rfc3489 = false;
  /// Not empty: only requests with one of these short-term credentials
  /// succeed (RFC 8489 section 9.1).
  std::vector<ShortTermCredentials> credentials;
  /// Set: only requests of these users succeed (RFC 8489 section 9.2); not
  /// together with `credentials`. The challenge is longer than the request
  /// that it answers, 100 to 250 bytes, so kBalanced and kNone hold it back
  /// from requests over UDP that are not long themselves.
  std::optional<LongTermUsers> long_term{};
  /// With users: what they ask for over this address family they are sent to
  /// this server for, by 300 (RFC 8489 section 10). Nobody else is: the answer
  /// could not be protected. Requests of RFC 5780 are answered here.
  std::optional<Endpoint> alternate_server{};
  /// Per source; nullopt: no limit.
  std::optional<nat::RateLimit> rate_limit = nat::RateLimit{};
  /// RFC 5780 and the attributes of stun_vendor.h; nullopt: neither, and their
  /// comprehension-required attributes get 420.
  std::optional<DiscoveryConfig> discovery{};
  /// Size of the SourceLedger, 4 bytes each. There is one with kBalanced and
  /// with discovery.
  size_t ledger_buckets = 4096;
};

/// What became of the datagrams. Each is counted once in `received` and once
/// in one of the others, up to `too_long`.
struct ServerCounters {
  uint64_t received = 0;
  uint64_t answered = 0;           ///< with a success response
  uint64_t answered_rfc3489 = 0;   ///< with a success response of RFC 3489
  uint64_t unknown_attribute = 0;  ///< answered with 420
  uint64_t unauthenticated = 0;    ///< answered with 400, 401 or 438
  uint64_t sent_elsewhere = 0;     ///< answered with 300
  /// Answered with 400 or 403: an RFC 5780 attribute that is malformed, not
  /// for this transport, or not allowed to this source now.
  uint64_t refused_discovery = 0;
  uint64_t not_stun = 0;  ///< malformed or another protocol
  uint64_t refused_rfc3489 =
      0;                       ///< RFC 3489, which ServerConfig does not answer
  uint64_t not_a_request = 0;  ///< response, indication, other method
  uint64_t refused_form = 0;   ///< RequestPolicy says no
  uint64_t refused_source = 0;  ///< martian or looping source
  uint64_t rate_limited = 0;
  uint64_t too_long = 0;  ///< AmplificationPolicy or the buffer says no

  // Of those answered with success, and of all bytes of STUN.
  uint64_t changed = 0;     ///< CHANGE-REQUEST honoured
  uint64_t redirected = 0;  ///< RESPONSE-PORT honoured
  uint64_t padded = 0;      ///< with PADDING
  uint64_t received_bytes = 0;
  uint64_t sent_bytes = 0;

  ServerCounters& operator+=(const ServerCounters& other);
};

/// A response, in the caller's buffer, and its way.
struct ServerReply {
  size_t size = 0;  ///< bytes; 0: silence
  Endpoint from;    ///< the local endpoint to send from
  Endpoint to;
};

/// A STUN server for Binding (RFC 8489) and behaviour discovery (RFC 5780),
/// made for the open Internet: it answers requests only, so two servers never
/// talk to each other, and keeps no state but tables of fixed size.
///
/// FINGERPRINT is mirrored, except in answers to Tailscale's clients, which
/// expect 32 bytes. Reason phrases are left empty to keep errors short.
///
/// With discovery, each success response has MAPPED-ADDRESS, RESPONSE-ORIGIN
/// and, on one of two addresses, OTHER-ADDRESS. Against abuse:
/// - RESPONSE-PORT is honoured for ports from 1024 that are not those of other
///   services, as ResponsePortLimits says; else 403 to the source. 400 with
///   PADDING.
/// - PADDING makes the response exactly as long as the request, or as long as
///   ProbeOptions say and the source has paid for, and never longer.
/// - Over TCP and TLS, CHANGE-REQUEST, RESPONSE-PORT and PADDING get 400.
///
/// Pure; not thread-safe. It does not allocate after construction, but for the
/// growth of a PacketBatch and what the sums of credentials take for a moment.
class StunServer {
 public:
  /// No response is longer than this.
  static constexpr size_t kMaxResponseSize = 2048;

  /// `rng` is used by the constructor alone. DiscoveryEndpoints that are not
  /// valid are a bug of the caller and abort.
  StunServer(ServerConfig config, Rng& rng);

  /// Answers one datagram that came `from` to `local` (an unspecified address
  /// when that is not known). The response, in `out`, leaves from `local`, or
  /// with CHANGE-REQUEST from another one of the DiscoveryEndpoints, and goes
  /// to `from`, or with RESPONSE-PORT to another port of it. `out` should have
  /// kMaxResponseSize bytes.
  [[nodiscard]] ServerReply HandleDatagram(Instant now, const Endpoint& local,
                                           const Endpoint& from,
                                           ByteView datagram, MutableBytes out);

  /// Answers each datagram of `requests`; appends to `responses` with Meta
  /// `remote` and `local` of the reply and the request's tag.
  void HandleDatagrams(Instant now, const PacketBatch& requests,
                       PacketBatch& responses);

  /// Answers one message of a TCP or TLS connection, as PeekMessageSize()
  /// frames it. Returns the size of the response in `out`; 0: close the
  /// connection, no more is to be said.
  [[nodiscard]] size_t HandleStreamMessage(Instant now, const Endpoint& local,
                                           const Endpoint& from,
                                           ByteView message, MutableBytes out);

  [[nodiscard]] const ServerCounters& counters() const { return counters_; }

 private:
  /// One request on its way through the server; addresses are unmapped.
  struct Exchange {
    Instant now;
    Endpoint local;
    Endpoint from;
    ByteView request;
    Transport transport = Transport::kUdp;
    nat::SourceKey source{};
    /// Of `local`, if it is one of four.
    const DiscoveryEndpoints* endpoints = nullptr;
    DiscoveryEndpoints::Slot slot{};
  };

  /// A response in the caller's buffer, what it counts as, and its way.
  struct Reply {
    size_t size = 0;  ///< 0: it did not fit
    uint64_t ServerCounters::* counter = nullptr;
    attr::ChangeRequestValue change{};
    std::optional<uint16_t> response_port{};
    bool is_padded = false;
  };

  /// What a success response has besides the usual.
  struct Extras {
    bool has_digest = false;
    size_t padding = 0;  ///< bytes of the value of PADDING; 0: none
  };

  [[nodiscard]] Exchange Begin(Instant now, const Endpoint& local,
                               const Endpoint& from, ByteView request);
  [[nodiscard]] bool IsOwn(const Endpoint& endpoint) const;
  [[nodiscard]] bool IsAdmitted(Exchange& exchange);
  [[nodiscard]] Reply HandleRequest(Exchange& exchange, MutableBytes out);
  [[nodiscard]] Reply HandleForeign(Exchange& exchange, MutableBytes out);
  /// Whether it is a request for which AnswerPlain() is enough.
  [[nodiscard]] bool IsPlain(ByteView datagram) const;
  /// What Answer() says to a plain request, written in one go.
  [[nodiscard]] static Reply AnswerPlain(const Exchange& exchange,
                                         MutableBytes out);
  [[nodiscard]] bool IsTailnodeEnough(const Message& request) const;
  [[nodiscard]] bool IsUnpaidChange(const Exchange& exchange,
                                    const Reply& reply) const;
  [[nodiscard]] static Reply AnswerUnpaidChange(const Exchange& exchange,
                                                MutableBytes out);
  [[nodiscard]] bool Settle(const Exchange& exchange, const Reply& reply);
  void Count(const Reply& reply);

  [[nodiscard]] Reply Answer(const Exchange& exchange, const Message& request,
                             MutableBytes out);
  [[nodiscard]] Reply AnswerError(const Exchange& exchange,
                                  const Message& request,
                                  const Authentication& authentication,
                                  ErrorCode code, MutableBytes out) const;
  [[nodiscard]] bool IsSentElsewhere(
      const Exchange& exchange, const Message& request,
      const Authentication& authentication) const;
  [[nodiscard]] AttributeTypeList FindNotUnderstood(
      const Exchange& exchange, const Message& request) const;
  /// Reads what the request wants of RFC 5780 into `reply`.
  [[nodiscard]] std::optional<ErrorCode> Plan(const Exchange& exchange,
                                              const Message& request,
                                              Reply& reply);
  [[nodiscard]] Extras ChooseExtras(const Exchange& exchange,
                                    const Message& request, size_t size) const;
  [[nodiscard]] size_t WriteSuccess(const Exchange& exchange,
                                    const Message& request,
                                    const Authentication& authentication,
                                    const Reply& reply, const Extras& extras,
                                    MutableBytes out) const;
  [[nodiscard]] Authentication Authenticate(const Exchange& exchange,
                                            const Message& request) const;
  [[nodiscard]] size_t Finish(const Message& request,
                              const Authentication& authentication,
                              MessageBuilder& response) const;

  ServerConfig config_;
  std::optional<Authenticator> authenticator_;
  /// A request without attributes gets XOR-MAPPED-ADDRESS and nothing else.
  bool has_plain_answers_ = false;
  nat::SourceHash hash_;
  std::optional<nat::SourceRateLimiter> limiter_;
  std::optional<nat::SourceLedger> ledger_;
  std::optional<nat::ResponsePortGuard> response_ports_;
  ServerCounters counters_;
};

}  // namespace natkit::stun
