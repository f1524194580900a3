#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/datagram.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/ice_candidate.h"

namespace natkit::ice {

/// A host candidate that hides its address behind a name of multicast DNS, as
/// browsers send them (draft-ietf-mmusic-mdns-ice-candidates).
struct NamedCandidate {
  Candidate candidate;  ///< with a port, and an unspecified address
  std::string name;     ///< lower case

  bool operator==(const NamedCandidate&) const = default;
};

/// Whether `name` is a UUID in its text form and ".local": the one form of
/// name that is ever asked for, so that a candidate cannot have us look up what
/// somebody else would like looked up.
[[nodiscard]] bool IsMdnsName(std::string_view name);

/// As ParseCandidate(), for a host candidate with such a name as its address.
/// Errors: those of ParseCandidate(), kUnsupported for other names and types.
[[nodiscard]] Result<NamedCandidate> ParseNamedCandidate(std::string_view text);

/// Finds the addresses behind NamedCandidates by one-shot queries of multicast
/// DNS (RFC 6762 section 5.1), asked for IPv4 and IPv6 at once, at 0, 1 and 3
/// s.
///
/// A name with exactly one usable address gives its candidates; one with more
/// in a response, or with none after 5 s, gives nothing (RFC 8839 section 5.1).
/// Responders on the link are believed, as the protocol demands: what they can
/// do is have ICE check an address.
///
/// Pure: the owner sends from one UDP socket per family on an ephemeral port,
/// with a multicast hop limit of 255, and passes on what comes to it. Memory is
/// bounded. Not thread-safe.
class MdnsResolver {
 public:
  static constexpr size_t kMaxNames = 16;
  static constexpr size_t kMaxCandidates = 32;  ///< of all names together
  static constexpr uint16_t kPort = 5353;
  /// Where queries go: 224.0.0.251 and ff02::fb, port 5353.
  static const Endpoint kGroupV4;
  static const Endpoint kGroupV6;

  struct Counters {
    uint64_t resolved = 0;       ///< names
    uint64_t unanswered = 0;     ///< names that nobody knew
    uint64_t ambiguous = 0;      ///< names with several addresses
    uint64_t bad_responses = 0;  ///< datagrams
  };

  explicit MdnsResolver(Rng& rng) : rng_(rng) {}

  /// Starts asking, unless the name is being asked for. Errors: kLimitExceeded,
  /// kBadCandidate (no such name, or no port).
  [[nodiscard]] Result<void> Add(Instant now, const NamedCandidate& candidate);
  /// Takes a datagram that came to one of the owner's sockets; false, without
  /// effect, if it is no response to a query of ours.
  bool HandleDatagram(Instant now, const Endpoint& from, ByteView datagram);
  void HandleTimeout(Instant now);

  [[nodiscard]] std::optional<Transmit> PollTransmit();
  /// A candidate with its address, for Agent::AddRemoteCandidate().
  [[nodiscard]] std::optional<Candidate> PollCandidate();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  struct Question {
    std::vector<Candidate> candidates;
    uint16_t id = 0;
    int sends = 0;
    Instant next{};
  };

  using Questions = std::map<std::string, Question, std::less<>>;

  void Ask(Instant now, const std::string& name, Question& question);
  void Resolve(const Questions::iterator& question,
               const std::vector<IpAddress>& addresses);

  Rng& rng_;
  Questions questions_;
  std::deque<Transmit> transmits_;
  std::deque<Candidate> resolved_;
  Instant last_now_{};
  Counters counters_;
};

}  // namespace natkit::ice
