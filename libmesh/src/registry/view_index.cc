#include "natkit/mesh/registry/view_index.h"

#include <algorithm>
#include <iterator>

#include "natkit/base/check.h"
#include "natkit/mesh/control/map_digest.h"
#include "registry/view_index_impl.h"

namespace natkit::mesh {

size_t ViewerChanges::size() const {
  size_t count = items.size();
  for (const auto& [rule, nodes] : members) {
    count += std::max<size_t>(nodes.size(), 1);
  }
  return count;
}

void ViewerChanges::Merge(const ViewerChanges& other) {
  items.insert(other.items.begin(), other.items.end());
  for (const auto& [rule, nodes] : other.members) {
    const auto [at, is_new] = members.try_emplace(rule, nodes);
    if (nodes.empty() || at->second.empty()) {
      at->second.clear();  // all of them
    } else if (!is_new) {
      at->second.insert(nodes.begin(), nodes.end());
    }
  }
}

void ViewIndex::Impl::Watch(NodeId viewer) {
  watched_.insert(viewer);
}

void ViewIndex::Impl::Unwatch(NodeId viewer) {
  watched_.erase(viewer);
  changes_.erase(viewer);
}

ViewIndex::Impl::Slot ViewIndex::Impl::TakeSlot(NodeId node) {
  Slot slot = 0;
  if (free_slots_.empty()) {
    slot = static_cast<Slot>(nodes_.size());
    nodes_.emplace_back();
    peer_digests_.push_back(0);
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  slots_[node] = slot;
  return slot;
}

void ViewIndex::Impl::Join(Slot slot) {
  const NodeId id = nodes_[slot].info.id;
  for (const ViewRole& role : nodes_[slot].info.roles) {
    Rule& rule = rules_.at(role.rule);
    const size_t side = Side(role.direction);
    rule.participants[side].Insert(slot);
    if (role.by_identity) {
      rule.members[side].Insert(slot);
      rule.member_digest[side] +=
          MemberDigest(key_, role.rule, Opposite(role.direction), id);
    }
    if (role.is_exit) {
      exits_.Insert(slot);
    }
  }
}

void ViewIndex::Impl::Leave(Slot slot) {
  const NodeId id = nodes_[slot].info.id;
  for (const ViewRole& role : nodes_[slot].info.roles) {
    Rule& rule = rules_.at(role.rule);
    const size_t side = Side(role.direction);
    rule.participants[side].Erase(slot);
    if (role.by_identity) {
      rule.members[side].Erase(slot);
      rule.member_digest[side] -=
          MemberDigest(key_, role.rule, Opposite(role.direction), id);
    }
  }
  exits_.Erase(slot);
}

SlotSet ViewIndex::Impl::VisibleSlots(Slot slot) const {
  SlotSet visible;
  for (const ViewRole& role : nodes_[slot].info.roles) {
    visible |=
        rules_.at(role.rule).participants[Side(Opposite(role.direction))];
  }
  visible.Erase(slot);
  return visible;
}

const ViewRole* ViewIndex::Impl::FindRole(const ViewNode& node, uint64_t rule,
                                          RuleDirection direction) {
  const auto& roles = node.roles;
  const auto found = std::ranges::lower_bound(
      roles, std::pair(rule, direction), {}, [](const ViewRole& role) {
        return std::pair(role.rule, role.direction);
      });
  return found != roles.end() && found->rule == rule &&
                 found->direction == direction
             ? &*found
             : nullptr;
}

void ViewIndex::Impl::NoteItem(NodeId viewer, const ItemKey& item) {
  if (watched_.contains(viewer)) {
    changes_[viewer].items.insert(item);
  }
}

void ViewIndex::Impl::NotePeer(const SlotSet& viewers, NodeId node) {
  const ItemKey key = KeyOf(ItemClass::kPeer, node);
  viewers.ForEach([&](Slot slot) { NoteItem(nodes_[slot].info.id, key); });
}

void ViewIndex::Impl::NotePeers(NodeId viewer, const SlotSet& peers) {
  peers.ForEach([&](Slot slot) {
    NoteItem(viewer, KeyOf(ItemClass::kPeer, nodes_[slot].info.id));
  });
}

void ViewIndex::Impl::NoteMember(const ViewRole& role, NodeId node) {
  const RuleDirection seen_as = Opposite(role.direction);
  const RuleKey key{.id = role.rule, .direction = seen_as};
  rules_.at(role.rule).participants[Side(seen_as)].ForEach([&](Slot slot) {
    const NodeId viewer = nodes_[slot].info.id;
    if (watched_.contains(viewer)) {
      changes_[viewer].Merge({.members = {{key, {node}}}});
    }
  });
}

void ViewIndex::Impl::NoteOwn(NodeId node, const std::vector<ViewRole>& before,
                              const std::vector<ViewRole>& after) {
  NoteItem(node, KeyOf(ItemClass::kSelf));
  const auto note = [&](const std::vector<ViewRole>& some,
                        const std::vector<ViewRole>& others) {
    for (const ViewRole& role : some) {
      if (std::ranges::find(others, role) == others.end()) {
        const RuleKey key{.id = role.rule, .direction = role.direction};
        NoteItem(node, KeyOf(ItemClass::kRule, role.rule,
                             static_cast<uint64_t>(role.direction)));
        if (watched_.contains(node)) {
          changes_[node].Merge({.members = {{key, {}}}});
        }
      }
    }
  };
  note(before, after);
  note(after, before);
}

void ViewIndex::Impl::UpdateRulesDigest(Node& node) const {
  node.rules_digest = 0;
  for (const ViewRole& role : node.info.roles) {
    const ItemKey key = KeyOf(ItemClass::kRule, role.rule,
                              static_cast<uint64_t>(role.direction));
    node.rules_digest +=
        ItemDigest(key_, key, ItemVersion(key_, RuleBody(role)));
  }
}

void ViewIndex::Impl::NoteMembers(const ViewNode& before,
                                  const ViewNode& after) {
  const auto note = [&](const ViewNode& one, const ViewNode& other) {
    for (const ViewRole& role : one.roles) {
      const ViewRole* same = FindRole(other, role.rule, role.direction);
      if (role.by_identity && (same == nullptr || !same->by_identity)) {
        NoteMember(role, one.id);
      }
    }
  };
  note(before, after);
  note(after, before);
}

void ViewIndex::Impl::SetNode(ViewNode node) {
  const NodeId id = node.id;
  const auto found = slots_.find(id);
  const Slot slot = found == slots_.end() ? TakeSlot(id) : found->second;
  if (nodes_[slot].info == node) {
    return;
  }
  const SlotSet seen = VisibleSlots(slot);
  const ViewerState own = watched_.contains(id) ? Remember(id) : ViewerState{};
  Leave(slot);
  const ViewNode before = std::exchange(nodes_[slot].info, std::move(node));
  Join(slot);
  UpdateRulesDigest(nodes_[slot]);
  NoteChange(slot, before, seen);
  if (watched_.contains(id)) {
    NoteWays(id, own, Remember(id));
  }
}

void ViewIndex::Impl::NoteChange(Slot slot, const ViewNode& before,
                                 const SlotSet& seen) {
  const ViewNode& after = nodes_[slot].info;
  peer_digests_[slot] = PeerDigest(after);
  SlotSet differs = seen;
  const SlotSet visible = VisibleSlots(slot);
  differs ^= visible;
  SlotSet all = seen;
  all |= visible;
  NotePeer(before.peer_body == after.peer_body ? differs : all, after.id);
  NoteMembers(before, after);
  NotePeers(after.id, differs);
  NoteOwn(after.id, before.roles, after.roles);
  if (!before.routes.empty() || !after.routes.empty()) {
    SetRoutes(after, before.routes);
    NoteRoutes(all, before.routes);
    NoteRoutes(all, after.routes);
  }
  const auto is_exit = [](const ViewRole& role) { return role.is_exit; };
  if (std::ranges::any_of(before.roles, is_exit) ||
      std::ranges::any_of(after.roles, is_exit)) {
    all.ForEach([&](Slot viewer) {
      NoteItem(nodes_[viewer].info.id, KeyOf(ItemClass::kExit, after.id));
    });
  }
}

void ViewIndex::Impl::RemoveNode(NodeId id) {
  const auto found = slots_.find(id);
  if (found == slots_.end()) {
    return;
  }
  // First as a node that nobody sees, so that everybody hears of it.
  SetNode({.id = id});
  const Slot slot = found->second;
  nodes_[slot] = {};
  peer_digests_[slot] = 0;
  free_slots_.push_back(slot);
  slots_.erase(found);
  changes_.erase(id);
}

void ViewIndex::Impl::SetShared(std::map<ItemKey, std::vector<uint8_t>> items) {
  std::set<ItemKey> touched;
  for (const auto& [key, body] : items) {
    const auto old = shared_.find(key);
    if (old == shared_.end() || old->second != body) {
      touched.insert(key);
    }
  }
  for (const auto& [key, body] : shared_) {
    if (!items.contains(key)) {
      touched.insert(key);
    }
  }
  shared_ = std::move(items);
  shared_digest_ = 0;
  for (const auto& [key, body] : shared_) {
    shared_digest_ += ItemDigest(key_, key, ItemVersion(key_, body));
  }
  for (const NodeId viewer : watched_) {
    for (const ItemKey& key : touched) {
      NoteItem(viewer, key);
    }
  }
}

std::map<NodeId, ViewerChanges> ViewIndex::Impl::TakeChanges() {
  return std::exchange(changes_, {});
}

// ---- A new policy ----------------------------------------------------------

ViewIndex::Impl::ViewerState ViewIndex::Impl::Remember(NodeId viewer) const {
  const auto found = slots_.find(viewer);
  if (found == slots_.end()) {
    return {};
  }
  const Node& node = nodes_[found->second];
  return {.visible = VisibleSlots(found->second),
          .roles = node.info.roles,
          .routes = RoutesOf(node),
          .exits = ExitsOf(node)};
}

void ViewIndex::Impl::SetPolicy(
    std::vector<ViewRule> rules,
    const std::function<std::vector<ViewRole>(NodeId)>& roles_of) {
  std::map<NodeId, ViewerState> before;
  for (const NodeId viewer : watched_) {
    before.emplace(viewer, Remember(viewer));
  }
  const auto old_rules = std::exchange(rules_, {});
  for (ViewRule& rule : rules) {
    const uint64_t id = rule.id;
    rules_[id].info = std::move(rule);
  }
  exits_ = {};
  for (const auto& [id, slot] : slots_) {
    nodes_[slot].info.roles = roles_of(id);
    Join(slot);
  }
  for (const auto& [id, slot] : slots_) {
    UpdateRulesDigest(nodes_[slot]);
  }
  for (const auto& [viewer, state] : before) {
    NoteDifference(viewer, state, old_rules);
  }
}

void ViewIndex::Impl::NoteDifference(
    NodeId viewer, const ViewerState& before,
    const std::map<uint64_t, Rule>& old_rules) {
  const ViewerState after = Remember(viewer);
  SlotSet differs = before.visible;
  differs ^= after.visible;
  NotePeers(viewer, differs);
  NoteOwn(viewer, before.roles, after.roles);
  for (const ViewRole& role : after.roles) {
    const auto old = old_rules.find(role.rule);
    const Rule& rule = rules_.at(role.rule);
    if (old == old_rules.end()) {
      continue;  // new to everybody: NoteOwn has it
    }
    const size_t other = Side(Opposite(role.direction));
    if (!(old->second.info == rule.info)) {
      NoteItem(viewer, KeyOf(ItemClass::kRule, role.rule,
                             static_cast<uint64_t>(role.direction)));
    }
    if (old->second.member_digest[other] != rule.member_digest[other]) {
      const RuleKey key{.id = role.rule, .direction = role.direction};
      changes_[viewer].Merge({.members = {{key, {}}}});
    }
  }
  NoteWays(viewer, before, after);
}

void ViewIndex::Impl::NoteWays(NodeId viewer, const ViewerState& before,
                               const ViewerState& after) {
  const auto note_routes = [&](const Routes& some, const Routes& others) {
    for (const auto& [prefix, owner] : some) {
      const auto other = others.find(prefix);
      if (other == others.end() || other->second != owner) {
        NoteItem(viewer, KeyOf(ItemClass::kRoute, RouteItemId(prefix)));
      }
    }
  };
  note_routes(before.routes, after.routes);
  note_routes(after.routes, before.routes);
  std::vector<NodeId> exits;
  std::ranges::set_symmetric_difference(before.exits, after.exits,
                                        std::back_inserter(exits));
  for (const NodeId exit : exits) {
    NoteItem(viewer, KeyOf(ItemClass::kExit, exit));
  }
}

}  // namespace natkit::mesh
