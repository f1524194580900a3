#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "filter/keyed_hash.h"
#include "filter/packet.h"

namespace natkit::mesh {

/// The datagrams whose first fragment was accepted lately.
///
/// Sets of eight; in a full set the peer with most datagrams gives up its
/// oldest. Memory is taken once.
class FragmentTable {
 public:
  explicit FragmentTable(const KeyedHash& hash);

  /// Remembers the datagram of this first fragment, which was accepted. False
  /// if another first fragment of it ends elsewhere: they overlap (RFC 5722),
  /// and the datagram is forgotten.
  [[nodiscard]] bool AcceptFirst(Instant now, Direction direction,
                                 const PacketFacts& facts, uint64_t peer);

  /// Judges a later fragment: kAccept, kNoFirstFragment, or kBadFragment for
  /// one that reaches into the first, whose datagram is forgotten.
  [[nodiscard]] Verdict CheckLater(Instant now, Direction direction,
                                   const PacketFacts& facts);

  /// Forgets all.
  void Clear() { ++generation_; }

 private:
  static constexpr size_t kWays = 8;

  struct Entry {
    std::array<uint8_t, 40> key{};
    uint32_t first_end = 0;
    uint32_t generation = 0;
    Instant since;
    uint64_t peer = 0;
  };

  using Set = std::array<Entry, kWays>;

  [[nodiscard]] Set& SetOf(const std::array<uint8_t, 40>& key);
  [[nodiscard]] bool IsLive(Instant now, const Entry& entry) const;
  [[nodiscard]] Entry* Find(Instant now, Set& set,
                            const std::array<uint8_t, 40>& key) const;
  [[nodiscard]] Entry& Victim(Instant now, Set& set) const;

  KeyedHash hash_;
  std::vector<Set> sets_;
  uint32_t generation_ = 1;
};

}  // namespace natkit::mesh
