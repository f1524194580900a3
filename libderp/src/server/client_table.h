#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "natkit/base/keys.h"
#include "natkit/base/rng.h"
#include "natkit/derp/server_core.h"
#include "server/connection.h"

namespace natkit::derp {

/// Hashes keys with a secret of its own: clients choose their keys.
class KeyHash {
 public:
  explicit KeyHash(Rng& rng) { rng.Fill(seed_); }

  [[nodiscard]] size_t operator()(const PublicKey& key) const;

 private:
  std::array<uint8_t, 16> seed_{};
};

/// The connections of one key. All stay open and are read from; at most one
/// receives.
struct ClientEntry {
  Connection* active = nullptr;           // none: packets are dropped
  std::vector<Connection*> connections;   // in the order of their logins
  Connection* last = nullptr;             // the preferred one
  std::vector<Connection*> send_history;  // those that spoke, latest at the end
};

/// Which connections each key has and which of them is active.
class ClientTable {
 public:
  ClientTable(DuplicatePolicy policy, Rng& rng)
      : policy_(policy), entries_(0, KeyHash(rng)) {}

  /// The newest connection of a key becomes the active one.
  void Register(Connection& connection, ServerCounters& counters);
  /// True if this was the last connection of its key.
  bool Unregister(Connection& connection, ServerCounters& counters);
  /// A frame came on `connection`; matters only for duplicates.
  void NoteActivity(Connection& connection);

  /// Null if the key has no connection.
  [[nodiscard]] const ClientEntry* Find(const PublicKey& key) const;

 private:
  void DisableAll(ClientEntry& entry);

  DuplicatePolicy policy_;
  std::unordered_map<PublicKey, ClientEntry, KeyHash> entries_;
};

}  // namespace natkit::derp
