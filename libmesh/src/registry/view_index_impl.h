#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "natkit/mesh/registry/view_index.h"
#include "registry/slot_set.h"

namespace natkit::mesh {

/// Split by concern: view_index.cc (changes), view_items.cc (what a viewer
/// has), view_routes.cc (routes and exits).
class ViewIndex::Impl {
 public:
  explicit Impl(const DigestKey& key) : key_(key) {}

  // view_index.cc
  void Watch(NodeId viewer);
  void Unwatch(NodeId viewer);
  void SetNode(ViewNode node);
  void RemoveNode(NodeId node);
  void SetPolicy(std::vector<ViewRule> rules,
                 const std::function<std::vector<ViewRole>(NodeId)>& roles_of);
  void SetShared(std::map<ItemKey, std::vector<uint8_t>> items);
  std::map<NodeId, ViewerChanges> TakeChanges();

  // view_routes.cc
  void RestorePrimary(const IpPrefix& prefix, NodeId router);
  std::map<IpPrefix, NodeId> TakePrimaries();

  // view_items.cc
  [[nodiscard]] bool Contains(NodeId node) const {
    return slots_.contains(node);
  }

  std::vector<ItemKey> ListItems(NodeId viewer) const;
  std::vector<RuleKey> ListRules(NodeId viewer) const;
  std::optional<std::vector<uint8_t>> Body(NodeId viewer,
                                           const ItemKey& item) const;
  bool IsMember(NodeId viewer, const RuleKey& rule, NodeId node) const;
  std::vector<NodeId> Members(NodeId viewer, const RuleKey& rule) const;
  uint64_t Digest(NodeId viewer) const;
  std::set<NodeId> StandIns(NodeId router) const;
  bool Sees(NodeId viewer, NodeId other) const;
  std::vector<NodeId> Visible(NodeId viewer) const;

 private:
  using Slot = uint32_t;
  using Routes = std::map<IpPrefix, NodeId>;

  /// Both sides of a rule; indexed by RuleDirection.
  struct Rule {
    ViewRule info;
    std::array<SlotSet, 2> members;           ///< by identity
    std::array<SlotSet, 2> participants;      ///< in any way
    std::array<uint64_t, 2> member_digest{};  ///< as the other side sees them
  };

  struct Node {
    ViewNode info;
    uint64_t rules_digest = 0;  ///< of the rule items it has
  };

  /// Who leads to a prefix, in the order of registration.
  struct Prefix {
    std::set<NodeId> routers;
    NodeId primary = 0;  ///< kept while it is online; 0: all are offline
  };

  static RuleDirection Opposite(RuleDirection direction) {
    return direction == RuleDirection::kInbound ? RuleDirection::kOutbound
                                                : RuleDirection::kInbound;
  }

  static size_t Side(RuleDirection direction) {
    return static_cast<size_t>(direction);
  }

  // view_index.cc
  Slot TakeSlot(NodeId node);
  void Join(Slot slot);
  void Leave(Slot slot);
  void NoteChange(Slot slot, const ViewNode& before, const SlotSet& seen);
  void NoteItem(NodeId viewer, const ItemKey& item);
  void NotePeer(const SlotSet& viewers, NodeId node);
  void NoteMember(const ViewRole& role, NodeId node);
  void NoteMembers(const ViewNode& before, const ViewNode& after);
  void NoteOwn(NodeId node, const std::vector<ViewRole>& before,
               const std::vector<ViewRole>& after);
  void NotePeers(NodeId viewer, const SlotSet& peers);
  void UpdateRulesDigest(Node& node) const;
  [[nodiscard]] SlotSet VisibleSlots(Slot slot) const;
  [[nodiscard]] static const ViewRole* FindRole(const ViewNode& node,
                                                uint64_t rule,
                                                RuleDirection direction);

  // view_items.cc
  [[nodiscard]] std::optional<std::vector<uint8_t>> RuleBody(
      const Node& node, const RuleKey& rule) const;
  [[nodiscard]] std::vector<uint8_t> RuleBody(const ViewRole& role) const;
  [[nodiscard]] const Node* Find(NodeId node) const;
  [[nodiscard]] uint64_t PeerDigest(const ViewNode& node) const;

  // view_routes.cc
  void SetRoutes(const ViewNode& node, const std::vector<IpPrefix>& before);
  void ElectPrimary(Prefix& prefix) const;
  [[nodiscard]] Routes RoutesOf(const Node& viewer) const;
  [[nodiscard]] std::set<NodeId> ExitsOf(const Node& viewer) const;
  void NoteRoutes(const SlotSet& viewers, const std::vector<IpPrefix>& routes);

  struct ViewerState {
    SlotSet visible;
    std::vector<ViewRole> roles;
    Routes routes;
    std::set<NodeId> exits;
  };

  [[nodiscard]] ViewerState Remember(NodeId viewer) const;
  void NoteWays(NodeId viewer, const ViewerState& before,
                const ViewerState& after);
  void NoteDifference(NodeId viewer, const ViewerState& before,
                      const std::map<uint64_t, Rule>& old_rules);

  DigestKey key_;
  std::map<uint64_t, Rule> rules_;
  std::unordered_map<NodeId, Slot> slots_;
  std::vector<Node> nodes_;             ///< by slot
  std::vector<uint64_t> peer_digests_;  ///< by slot
  std::vector<Slot> free_slots_;
  SlotSet routers_;  ///< nodes with routes
  SlotSet exits_;    ///< nodes with a role that is an exit's
  std::map<IpPrefix, Prefix> prefixes_;
  std::set<IpPrefix> led_anew_;  ///< whose primary changed
  std::map<ItemKey, std::vector<uint8_t>> shared_;
  uint64_t shared_digest_ = 0;
  std::unordered_set<NodeId> watched_;
  std::map<NodeId, ViewerChanges> changes_;
};

}  // namespace natkit::mesh
