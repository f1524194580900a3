#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "natkit/base/result.h"

namespace natkit::mesh {

/// One stored object. The store does not look into `value`.
struct StoreRecord {
  std::string kind;  ///< "node", "user", "auth_key", ...
  std::string key;   ///< unique within its kind
  std::vector<uint8_t> value;

  bool operator==(const StoreRecord&) const = default;
};

/// SHA-256 over an event and the hash of the one before it (event_chain.h).
using EventHash = std::array<uint8_t, 32>;

/// One entry of the event log. It is only appended to; trimming takes from its
/// old end.
struct StoreEvent {
  uint64_t sequence = 0;  ///< given by the store: 1, 2, 3, ... without gaps
  int64_t unix_ms = 0;    ///< when, in milliseconds since 1970 (UTC)
  std::string type;       ///< "node_registered", "policy_set", ...
  std::string actor;      ///< who did it
  std::string subject;    ///< to what
  std::string detail;     ///< JSON text, or empty
  EventHash hash{};       ///< given by the store

  bool operator==(const StoreEvent&) const = default;
};

/// What is written together or not at all. The deletes come first, then the
/// puts in their order, so a record in both is there afterwards.
struct StoreBatch {
  std::vector<StoreRecord> puts;  ///< each adds a record or replaces it
  std::vector<std::pair<std::string, std::string>> deletes;  ///< kind and key;
                                                             ///< may be absent
  std::vector<StoreEvent> events;  ///< appended; sequence and hash are ignored

  [[nodiscard]] bool is_empty() const {
    return puts.empty() && deletes.empty() && events.empty();
  }
};

/// Bounds of what a store takes; every implementation has the same.
struct StoreLimits {
  static constexpr size_t kMaxKind = 64;                    ///< bytes, from 1
  static constexpr size_t kMaxKey = 512;                    ///< bytes, from 1
  static constexpr size_t kMaxValue = size_t{16} << 20;     ///< bytes, from 0
  static constexpr size_t kMaxEventText = size_t{1} << 20;  ///< bytes per field
};

/// Whether every store takes this batch. Kinds, keys and event texts may hold
/// any byte but NUL. Errors: kBadValue for an empty kind or key and for a NUL;
/// kLimitExceeded beyond StoreLimits.
[[nodiscard]] Result<void> CheckBatch(const StoreBatch& batch);

/// The memory of a coordination server: records that are found by kind and
/// key, and an event log, changed together in one transaction.
///
/// The owner loads everything at its start, works in memory, and commits each
/// change before it acts on it or acknowledges it. Every implementation passes
/// the same suite (tests/unit/libmesh/registry/store_test.cc). Not thread-safe.
class Store {
 public:
  Store() = default;
  virtual ~Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Writes all of `batch`; it is durable when this returns. On error nothing
  /// of it is stored, and later commits may work again. Errors: as CheckBatch;
  /// kStoreFull, kStoreLocked, kPermissionDenied, kBadStore, kIo. After kIo
  /// the store may refuse everything until it is opened anew, because whether
  /// the batch survives a crash is not known. An empty batch does nothing.
  [[nodiscard]] virtual Result<void> Commit(const StoreBatch& batch) = 0;

  /// All records, ordered by kind and key (bytewise). Errors: kBadStore, kIo.
  [[nodiscard]] virtual Result<std::vector<StoreRecord>> LoadAll() = 0;

  /// At most `limit` events in order, beginning with the first one whose
  /// sequence is greater than `after_sequence`. Errors: kBadStore, kIo.
  [[nodiscard]] virtual Result<std::vector<StoreEvent>> ListEvents(
      uint64_t after_sequence, size_t limit) = 0;

  /// The sequence of the newest event; 0 when there never was one. Errors:
  /// kBadStore, kIo.
  [[nodiscard]] virtual Result<uint64_t> LastEventSequence() = 0;

  /// Removes all but the newest `keep` events (0 counts as 1: the newest
  /// carries the sequence and the hash on). Errors: as Commit.
  [[nodiscard]] virtual Result<void> TrimEvents(uint64_t keep) = 0;

  /// Why the last call that failed did, in one line for the operator, e.g.
  /// "/var/lib/coordd/store.db: the disk is full"; empty before the first.
  [[nodiscard]] virtual const std::string& last_error() const = 0;
};

}  // namespace natkit::mesh
