#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/nat/ice_candidate.h"

namespace natkit::ice {

/// The local candidates of an agent: assigns priorities and foundations, drops
/// redundant ones (RFC 8445 section 5.1).
class LocalCandidates {
 public:
  explicit LocalCandidates(size_t limit) : limit_(limit) {}

  /// Errors: kBadCandidate, kAlreadyExists, kLimitExceeded.
  [[nodiscard]] Result<Candidate> AddHost(const Endpoint& base);
  /// Adds a server- or peer-reflexive candidate. `server` is where it was
  /// learnt, if known. Peer-reflexive ones take at most half of the room; of
  /// the server-reflexive ones of a base the last four are kept, since older
  /// mappings have most likely ended.
  /// Errors: as AddHost(), and kNotFound (no such base).
  [[nodiscard]] Result<Candidate> AddReflexive(
      CandidateType type, const Endpoint& mapped, const Endpoint& base,
      const std::optional<IpAddress>& server);
  void RemoveBase(const Endpoint& base);
  /// Forgets what a session learnt.
  void RemovePeerReflexive();

  [[nodiscard]] const Candidate* FindHost(const Endpoint& base) const;
  /// PRIORITY of a check from `base`: that of a peer-reflexive candidate with
  /// the base's local preference (RFC 8445 section 7.1.1).
  [[nodiscard]] static uint32_t CheckPriority(const Candidate& host);

  [[nodiscard]] const std::vector<Candidate>& items() const { return items_; }

 private:
  /// What makes two foundations equal (RFC 8445 section 5.1.1.3).
  struct Origin {
    CandidateType type = CandidateType::kHost;
    IpAddress base;
    std::optional<IpAddress> server;

    auto operator<=>(const Origin&) const = default;
  };

  [[nodiscard]] Result<void> CheckNew(const Endpoint& endpoint,
                                      const Endpoint& base) const;
  void DropOldReflexive(const Endpoint& base);
  [[nodiscard]] uint16_t FreePreference(CandidateType type,
                                        uint16_t start) const;
  [[nodiscard]] std::string FoundationOf(const Origin& origin);

  size_t limit_;
  std::vector<Candidate> items_;
  std::map<Origin, uint32_t> foundations_;
  uint32_t last_foundation_ = 0;
};

}  // namespace natkit::ice
