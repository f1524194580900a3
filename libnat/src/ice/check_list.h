#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "ice/pair.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/nat/ice_candidate.h"

namespace natkit::ice {

/// Whether checks between two addresses make sense: one family, and IPv6
/// link-local only with link-local (RFC 8445 section 6.1.2.2).
[[nodiscard]] bool CanPair(const IpAddress& local, const IpAddress& remote);

/// The check list and the triggered-check queue of one session (RFC 8445
/// sections 6.1.2 and 6.1.4). Knows states and order, sends nothing.
///
/// Pointers to pairs are valid until the pair is removed.
class CheckList {
 public:
  struct Limits {
    size_t max_pairs = 100;
    /// Off: no pair is ever Frozen.
    bool freezing = true;
  };

  CheckList(Limits limits, Role role) : limits_(limits), role_(role) {}

  /// Finds or forms the pair of a host candidate and a remote one. At the limit
  /// the lowest pair that nothing depends on makes room; nullptr if that would
  /// be the new one. `keep` is never removed.
  Pair* Insert(const Candidate& local, const Candidate& remote,
               const std::optional<PairKey>& keep);
  [[nodiscard]] Pair* Find(const PairKey& key);
  [[nodiscard]] const Pair* Find(const PairKey& key) const;
  void RemoveBase(const Endpoint& base);
  void RemoveRemote(const Endpoint& remote);
  /// A peer-reflexive candidate turned out to be a signalled one.
  void UpdateRemote(const Candidate& remote);
  /// Recomputes all priorities.
  void SetRole(Role role);

  /// Queues a triggered check unless one is queued (RFC 8445 section 7.3.1.4).
  void Trigger(Pair& pair);
  /// Queues it before all others.
  void TriggerFirst(Pair& pair);
  void CancelTrigger(Pair& pair);
  /// Takes the next pair to check: triggered ones in order, then the highest
  /// Waiting one; unfreezes when none is Waiting. nullptr: nothing to do.
  /// IPv4 and IPv6 take turns, so that one that does not work holds up the
  /// other by one slot (RFC 8421, as Happy Eyeballs does).
  Pair* TakeNext();
  /// Whether TakeNext() would find one.
  [[nodiscard]] bool has_work() const;

  void SetSucceeded(Pair& pair);
  void SetFailed(Pair& pair, Instant now);
  /// Makes a pair that is done Waiting again.
  static void Reopen(Pair& pair);

  /// The Succeeded pair with the highest priority, other than `except`.
  [[nodiscard]] const Pair* BestSucceeded(
      const std::optional<PairKey>& except = std::nullopt) const;
  /// Whether a pair above `priority` is neither Succeeded nor Failed.
  [[nodiscard]] bool HasPendingAbove(uint64_t priority) const;
  [[nodiscard]] bool all_failed() const;
  /// Waiting and In-Progress pairs.
  [[nodiscard]] size_t active_count() const;

  [[nodiscard]] std::map<PairKey, Pair>& pairs() { return pairs_; }

  [[nodiscard]] const std::map<PairKey, Pair>& pairs() const { return pairs_; }

 private:
  void SetPriority(Pair& pair) const;
  bool MakeRoom(uint64_t priority, const std::optional<PairKey>& keep);
  [[nodiscard]] bool IsFoundationActive(const std::string& foundation) const;
  void Unfreeze(const std::string& foundation);
  Pair* HighestWaiting(std::optional<AddressFamily> family);
  Pair* HighestUnfreezable();

  Limits limits_;
  Role role_;
  std::map<PairKey, Pair> pairs_;
  std::deque<PairKey> triggered_;
  std::optional<AddressFamily> last_family_;  ///< that TakeNext() gave its turn
};

}  // namespace natkit::ice
