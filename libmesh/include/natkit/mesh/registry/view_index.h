#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/mesh/control/map_item.h"
#include "natkit/mesh/control/map_replica.h"
#include "natkit/mesh/control/message.h"

namespace natkit::mesh {

/// One compiled rule of the policy, without the nodes in it.
struct ViewRule {
  uint64_t id = 0;  ///< kept by a rule that other edits leave alone
  std::vector<IpPrefix> sources;       ///< that are no nodes
  std::vector<IpPrefix> destinations;  ///< that are no nodes
  std::vector<PortRange> ports;
  std::vector<uint8_t> protocols;
  std::optional<std::vector<WindowInfo>> windows;
  bool operator==(const ViewRule&) const = default;
};

/// A node's part in a rule. kInbound: it is a destination.
struct ViewRole {
  uint64_t rule = 0;
  RuleDirection direction = RuleDirection::kInbound;
  bool by_identity = false;  ///< with all its addresses
  /// Of its addresses and routes, those that the rule's prefixes cover.
  std::vector<IpPrefix> own;
  bool is_exit = false;  ///< as a destination: for the whole internet
  bool operator==(const ViewRole&) const = default;
};

/// A node as the maps of others see it.
struct ViewNode {
  NodeId id = 0;
  std::vector<uint8_t> peer_body;  ///< encoded PeerInfo
  std::vector<uint8_t> self_body;  ///< encoded SelfInfo
  /// By rule and direction, each pair once.
  std::vector<ViewRole> roles;
  std::vector<IpPrefix> routes;  ///< approved, without the exit's
  bool is_online = false;
  /// Not heard of since the server began: leads to its routes as long as no
  /// router that is online does.
  bool is_presumed = false;
  /// As presumed, and keeps the routes that it led to, also where another
  /// router is online.
  bool is_trusted = false;
  bool operator==(const ViewNode&) const = default;
};

/// What has to be told to one viewer: names of items, not their contents. What
/// is told is how they are when it is told.
struct ViewerChanges {
  std::set<ItemKey> items;
  /// Members that came or went; an empty set: look at all of them.
  std::map<RuleKey, std::set<NodeId>> members;

  [[nodiscard]] bool is_empty() const {
    return items.empty() && members.empty();
  }

  [[nodiscard]] size_t size() const;
  void Merge(const ViewerChanges& other);
};

/// Who sees what: for each node the map that its place in the policy gives it.
///
/// Two nodes see each other if a rule joins them, in either direction. A change
/// costs in proportion to the nodes that see it: for each of those that are
/// watched, the items that changed are named in TakeChanges(). Contents are
/// made when asked for, and shared as far as they do not depend on the viewer;
/// a watched node costs a few bytes.
///
/// Not thread-safe.
class ViewIndex {
 public:
  explicit ViewIndex(const DigestKey& key);
  ~ViewIndex();
  ViewIndex(const ViewIndex&) = delete;
  ViewIndex& operator=(const ViewIndex&) = delete;

  /// A node that streams: its changes are noted from now on.
  void Watch(NodeId viewer);
  void Unwatch(NodeId viewer);

  /// Adds or changes a node. Its roles name rules that there are.
  void SetNode(ViewNode node);
  void RemoveNode(NodeId node);
  /// Exchanges the policy: all rules, and of every node the roles.
  void SetPolicy(std::vector<ViewRule> rules,
                 const std::function<std::vector<ViewRole>(NodeId)>& roles_of);
  /// After the nodes were set, before anybody watches: who led to a prefix when
  /// the server ended. Ignored for who does no longer.
  void RestorePrimary(const IpPrefix& prefix, NodeId router);
  /// Who leads to the prefixes whose router has changed since the last call;
  /// 0: no node has the prefix. Where all are offline the last one is kept.
  [[nodiscard]] std::map<IpPrefix, NodeId> TakePrimaries();
  /// Items that every viewer has: relays, DNS, settings.
  void SetShared(std::map<ItemKey, std::vector<uint8_t>> items);

  /// Of each watched viewer, since the last call.
  [[nodiscard]] std::map<NodeId, ViewerChanges> TakeChanges();

  [[nodiscard]] bool Contains(NodeId node) const;
  /// All that `viewer` has, in the order to send it. Cost: its size.
  [[nodiscard]] std::vector<ItemKey> ListItems(NodeId viewer) const;
  [[nodiscard]] std::vector<RuleKey> ListRules(NodeId viewer) const;
  /// An item's body as `viewer` sees it; nullopt: it does not have it.
  [[nodiscard]] std::optional<std::vector<uint8_t>> Body(
      NodeId viewer, const ItemKey& item) const;
  /// Whether `viewer` has the rule, and `node` takes part on its other side.
  [[nodiscard]] bool IsMember(NodeId viewer, const RuleKey& rule,
                              NodeId node) const;
  [[nodiscard]] std::vector<NodeId> Members(NodeId viewer,
                                            const RuleKey& rule) const;
  /// Of the whole map of `viewer`, as MapReplica computes it.
  [[nodiscard]] uint64_t Digest(NodeId viewer) const;
  /// The other routers that are online and lead to a prefix of `router`.
  [[nodiscard]] std::set<NodeId> StandIns(NodeId router) const;
  /// Whether the two see each other.
  [[nodiscard]] bool Sees(NodeId viewer, NodeId other) const;
  [[nodiscard]] std::vector<NodeId> Visible(NodeId viewer) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace natkit::mesh
