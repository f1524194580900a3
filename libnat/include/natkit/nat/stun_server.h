#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/packet_batch.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/source_rate_limiter.h"
#include "natkit/nat/stun_binding_client.h"
#include "natkit/nat/stun_message.h"

namespace natkit::stun {

class MessageBuilder;

/// Which well-formed Binding requests are answered.
enum class RequestPolicy : uint8_t {
  kAny,
  /// Only those of Tailscale's clients: SOFTWARE "tailnode" and FINGERPRINT.
  kTailnodeOnly,
};

/// How long a response may be.
enum class AmplificationPolicy : uint8_t {
  kMinimal,  ///< as short as the protocol allows: at most 1.6 times
  kNone,     ///< never longer than the request; otherwise silence
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
  /// Per source; nullopt: no limit.
  std::optional<nat::RateLimit> rate_limit = nat::RateLimit{};
};

/// What became of the datagrams. Each is counted once in `received` and once
/// in one of the others.
struct ServerCounters {
  uint64_t received = 0;
  uint64_t answered = 0;           ///< with a success response
  uint64_t answered_rfc3489 = 0;   ///< with a success response of RFC 3489
  uint64_t unknown_attribute = 0;  ///< answered with 420
  uint64_t unauthenticated = 0;    ///< answered with 400 or 401
  uint64_t not_stun = 0;           ///< malformed or another protocol
  uint64_t not_a_request = 0;      ///< response, indication, other method
  uint64_t refused_form = 0;       ///< RequestPolicy says no
  uint64_t refused_source = 0;     ///< martian or looping source
  uint64_t rate_limited = 0;
  uint64_t too_long = 0;  ///< AmplificationPolicy or the buffer says no
};

/// A STUN server for Binding on one address (RFC 8489), made for the open
/// Internet: it answers requests only, so two servers never talk to each
/// other, and keeps no state but a rate limiter of fixed size.
///
/// FINGERPRINT is mirrored, except in answers to Tailscale's clients, which
/// expect 32 bytes. Reason phrases are left empty to keep errors short.
/// CHANGE-REQUEST, RESPONSE-PORT and PADDING (RFC 5780) get 420.
/// Pure; not thread-safe. Without credentials it does not allocate after
/// construction, but for the growth of a PacketBatch.
class StunServer {
 public:
  /// No response is longer than this.
  static constexpr size_t kMaxResponseSize = kMaxUdpMessageSize;

  /// `rng` is used by the constructor alone.
  StunServer(ServerConfig config, Rng& rng);

  /// Answers one datagram that came `from` to `local` (an unspecified address
  /// when that is not known). Returns the size of the response in `out`, to be
  /// sent from `local` to `from`, or 0 for silence. `out` should have
  /// kMaxResponseSize bytes.
  [[nodiscard]] size_t HandleDatagram(Instant now, const Endpoint& local,
                                      const Endpoint& from, ByteView datagram,
                                      MutableBytes out);

  /// Answers each datagram of `requests`; appends to `responses` with Meta as
  /// in the request: remote, local and tag.
  void HandleDatagrams(Instant now, const PacketBatch& requests,
                       PacketBatch& responses);

  [[nodiscard]] const ServerCounters& counters() const { return counters_; }

 private:
  struct Authentication {
    std::optional<ErrorCode> error;
    const IntegrityKey* key = nullptr;  ///< of the user; null: not asked for
    bool uses_sha256 = false;
  };

  /// A response in the caller's buffer and what it counts as.
  struct Reply {
    size_t size = 0;  ///< 0: it did not fit
    uint64_t ServerCounters::* counter = nullptr;
  };

  [[nodiscard]] bool IsAdmitted(Instant now, const Endpoint& from);
  [[nodiscard]] size_t HandleForeign(Instant now, const Endpoint& from,
                                     ByteView datagram, MutableBytes out);
  [[nodiscard]] Reply Answer(const Message& request, const Endpoint& from,
                             MutableBytes out) const;
  [[nodiscard]] Authentication Authenticate(const Message& request) const;
  [[nodiscard]] size_t Finish(const Message& request,
                              const Authentication& authentication,
                              MessageBuilder& response) const;
  [[nodiscard]] size_t Emit(const Reply& reply, size_t request_size);

  ServerConfig config_;
  std::map<std::string, IntegrityKey, std::less<>> users_;
  std::optional<nat::SourceRateLimiter> limiter_;
  ServerCounters counters_;
};

}  // namespace natkit::stun
