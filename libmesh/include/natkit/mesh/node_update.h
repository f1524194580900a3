#pragma once

#include <optional>
#include <vector>

#include "natkit/base/keys.h"
#include "natkit/mesh/mesh_file.h"
#include "natkit/mesh/node_event.h"

namespace natkit::mesh {

/// One peer as a coordination server describes it.
struct PeerConfig {
  /// Name, public key (the node key), addresses, routes, fixed endpoint and
  /// whether it punches hard NATs; its relay's name is not looked at.
  NodeEntry entry;
  /// The node key it is going to use (mesh.md 4.4). Needs a signalling key.
  std::optional<PublicKey> next_key;
  /// Signals are sealed for it, and it names the peer while node keys change;
  /// none: the node key.
  std::optional<PublicKey> signalling_key;
  std::optional<RelayId> home_relay;
  /// We talked with it within the last hour: it is greeted from the start.
  bool was_active = false;
};

/// One relay and the caller's name for it, below 65536.
struct RelayConfig {
  RelayId id = 0;
  RelayEntry entry;
  bool operator==(const RelayConfig& other) const;
};

/// Several changes at once; see Node::Apply().
struct NodeUpdate {
  std::vector<PublicKey> removed;  ///< node keys of peers
  std::vector<PeerConfig> peers;   ///< to be added or changed
};

/// A signal that the coordination server is to carry.
struct ControlSignal {
  PublicKey peer;  ///< its node key
  std::vector<uint8_t> bytes;
};

}  // namespace natkit::mesh
