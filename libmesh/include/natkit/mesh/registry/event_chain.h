#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "natkit/mesh/registry/store.h"

namespace natkit::mesh {

/// The hash of `event` when `previous` is the hash of the event before it (all
/// zero before the first): SHA-256 over `previous`, sequence, unix_ms, type,
/// actor, subject and detail; numbers as 8 bytes, big-endian, texts after
/// their length in 4. event.hash itself is not read.
[[nodiscard]] EventHash HashEvent(const EventHash& previous,
                                  const StoreEvent& event);

/// Checks that events follow one another: sequences without a gap, and each
/// hash that of HashEvent. So an event that was changed, removed or inserted
/// afterwards is found, unless all later ones were made anew too: keep a head
/// elsewhere to find that as well.
class EventChainCheck {
 public:
  /// Takes the next events, in the order of Store::ListEvents. The first event
  /// ever given is verified if its sequence is 1, else it is the anchor that
  /// trimming left. Errors: kBadStore, and nothing after it is taken; see
  /// bad_sequence().
  [[nodiscard]] Result<void> Take(std::span<const StoreEvent> events);

  /// Where the chain broke; nullopt while it has not.
  [[nodiscard]] std::optional<uint64_t> bad_sequence() const { return bad_; }

  /// The last good event's sequence (0 before the first) and hash.
  [[nodiscard]] uint64_t head_sequence() const { return sequence_; }

  [[nodiscard]] const EventHash& head_hash() const { return hash_; }

 private:
  [[nodiscard]] bool Continues(const StoreEvent& event) const;

  uint64_t sequence_ = 0;
  EventHash hash_{};
  std::optional<uint64_t> bad_;
};

}  // namespace natkit::mesh
