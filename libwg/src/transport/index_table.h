#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "natkit/base/rng.h"
#include "noise/types.h"

namespace natkit::wg {

class Keypair;
struct Peer;

/// What one of our indices stands for.
struct IndexEntry {
  Peer* peer = nullptr;
  /// nullptr while the index belongs to an initiation without response.
  Keypair* keypair = nullptr;
};

/// All indices in use, random and unique (paper, section 5.4.1). Looking up
/// does not allocate.
class IndexTable {
 public:
  explicit IndexTable(Rng& rng) : rng_(rng) {}

  /// Gives out a new random index for `entry`.
  [[nodiscard]] SenderIndex Add(const IndexEntry& entry);
  /// Changes what `index` stands for; it must be in use.
  void Assign(SenderIndex index, const IndexEntry& entry);
  void Remove(SenderIndex index);
  /// nullptr when no such index is in use.
  [[nodiscard]] const IndexEntry* Find(ReceiverIndex index) const;

  [[nodiscard]] size_t size() const { return entries_.size(); }

 private:
  Rng& rng_;
  std::unordered_map<uint32_t, IndexEntry> entries_;
};

}  // namespace natkit::wg
