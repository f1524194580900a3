#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/keys.h"
#include "natkit/mesh/control/map_replica.h"
#include "natkit/mesh/packet_filter.h"

namespace natkit::mesh {

/// What a node makes of its map, where that is its own choice.
struct MapChoices {
  bool accepts_routes = true;  ///< networks behind other nodes
  std::optional<NodeId> exit;  ///< through which the internet is reached
  /// Networks that this node leads to itself; never taken from others.
  std::vector<IpPrefix> own_routes;
  bool operator==(const MapChoices&) const = default;
};

/// A peer as the node engine needs it.
struct PlannedPeer {
  NodeId id = 0;
  std::string name;
  PublicKey node_key;
  std::optional<PublicKey> next_key;
  PublicKey signalling_key;
  std::vector<IpAddress> addresses;
  std::vector<IpPrefix> routes;  ///< that it owns for us; an exit's: all
  uint64_t home_relay = 0;
  std::vector<Endpoint> endpoints;
  bool is_online = false;
  bool operator==(const PlannedPeer&) const = default;
};

/// What an update of the map changes at the node, to be applied together.
struct MapPlan {
  std::vector<PlannedPeer> set;     ///< added or changed
  std::vector<PlannedPeer> remove;  ///< as they were
  FilterUpdate filter;
  /// Addresses whose established flows end: their peer is gone or they moved.
  std::vector<IpPrefix> revoked;
  bool self_changed = false;
  bool relays_changed = false;
  bool dns_changed = false;  ///< also by a peer's name or address
  bool settings_changed = false;
  /// The prefixes that lead into the mesh changed (see Routes()).
  bool routes_changed = false;
};

/// Whether the keys of a peer are to be believed: where trust that does not
/// rest on the server goes (PeerInfo::key_signature). Who is not believed is no
/// peer.
using PeerVerifier = std::function<bool(const PeerInfo& peer)>;

/// Turns a map and its changes into what a node does about it. Keeps what it
/// planned last, so that only differences come out. Pure; not thread-safe.
class MapPlanner {
 public:
  /// Without a verifier the server is believed.
  explicit MapPlanner(PeerVerifier verifier = {})
      : verifier_(std::move(verifier)) {}

  /// The cost is that of what `changes` names, and of rules that a changed peer
  /// is a member of.
  [[nodiscard]] MapPlan Plan(const NetworkMap& map, const MapChanges& changes,
                             const MapChoices& choices);
  /// Everything away: the node has no place in the mesh at present.
  [[nodiscard]] MapPlan Clear();

  [[nodiscard]] const std::map<NodeId, PlannedPeer>& peers() const {
    return peers_;
  }

  /// What leads into the mesh: the addresses and routes of all peers.
  [[nodiscard]] std::vector<IpPrefix> Routes() const;

 private:
  using RouteOwners = std::map<NodeId, std::vector<IpPrefix>>;

  [[nodiscard]] std::optional<PlannedPeer> Describe(const NetworkMap& map,
                                                    NodeId id) const;
  void PlanPeer(const NetworkMap& map, NodeId id, MapPlan& plan);
  void PlanRule(const NetworkMap& map, const RuleKey& key, MapPlan& plan);
  void RemoveRule(const RuleKey& key, MapPlan& plan);
  [[nodiscard]] RouteOwners OwnersOf(const NetworkMap& map,
                                     const MapChoices& choices) const;

  PeerVerifier verifier_;
  std::map<NodeId, PlannedPeer> peers_;
  RouteOwners owners_;
  std::map<RuleKey, uint32_t> rule_parts_;  ///< FilterRules of each rule
  MapChoices choices_;
};

}  // namespace natkit::mesh
