#include <algorithm>

#include "natkit/mesh/control/map_digest.h"
#include "registry/view_index_impl.h"

namespace natkit::mesh {

const ViewIndex::Impl::Node* ViewIndex::Impl::Find(NodeId node) const {
  const auto found = slots_.find(node);
  return found == slots_.end() ? nullptr : &nodes_[found->second];
}

uint64_t ViewIndex::Impl::PeerDigest(const ViewNode& node) const {
  return ItemDigest(key_, KeyOf(ItemClass::kPeer, node.id),
                    ItemVersion(key_, node.peer_body));
}

std::vector<uint8_t> ViewIndex::Impl::RuleBody(const ViewRole& role) const {
  const ViewRule& rule = rules_.at(role.rule).info;
  return EncodeItem(RuleInfo{.own_identity = role.by_identity,
                             .own = role.own,
                             .others = role.direction == RuleDirection::kInbound
                                           ? rule.sources
                                           : rule.destinations,
                             .ports = rule.ports,
                             .protocols = rule.protocols,
                             .windows = rule.windows});
}

std::optional<std::vector<uint8_t>> ViewIndex::Impl::RuleBody(
    const Node& node, const RuleKey& rule) const {
  const ViewRole* role = FindRole(node.info, rule.id, rule.direction);
  return role == nullptr ? std::nullopt : std::optional(RuleBody(*role));
}

bool ViewIndex::Impl::Sees(NodeId viewer, NodeId other) const {
  const auto from = slots_.find(viewer);
  const auto to = slots_.find(other);
  if (from == slots_.end() || to == slots_.end() || viewer == other) {
    return false;
  }
  const auto& roles = nodes_[from->second].info.roles;
  return std::ranges::any_of(roles, [&](const ViewRole& role) {
    return rules_.at(role.rule)
        .participants[Side(Opposite(role.direction))]
        .Contains(to->second);
  });
}

std::vector<NodeId> ViewIndex::Impl::Visible(NodeId viewer) const {
  std::vector<NodeId> visible;
  const auto found = slots_.find(viewer);
  if (found != slots_.end()) {
    VisibleSlots(found->second).ForEach([&](Slot slot) {
      visible.push_back(nodes_[slot].info.id);
    });
  }
  return visible;
}

std::vector<RuleKey> ViewIndex::Impl::ListRules(NodeId viewer) const {
  std::vector<RuleKey> rules;
  if (const Node* node = Find(viewer)) {
    for (const ViewRole& role : node->info.roles) {
      rules.push_back({.id = role.rule, .direction = role.direction});
    }
  }
  return rules;
}

std::vector<ItemKey> ViewIndex::Impl::ListItems(NodeId viewer) const {
  const Node* node = Find(viewer);
  if (node == nullptr) {
    return {};
  }
  std::vector<ItemKey> items = {KeyOf(ItemClass::kSelf)};
  for (const auto& [key, body] : shared_) {
    items.push_back(key);
  }
  for (const NodeId peer : Visible(viewer)) {
    items.push_back(KeyOf(ItemClass::kPeer, peer));
  }
  for (const auto& [prefix, owner] : RoutesOf(*node)) {
    items.push_back(KeyOf(ItemClass::kRoute, RouteItemId(prefix)));
  }
  for (const NodeId exit : ExitsOf(*node)) {
    items.push_back(KeyOf(ItemClass::kExit, exit));
  }
  for (const RuleKey& rule : ListRules(viewer)) {
    items.push_back(KeyOf(ItemClass::kRule, rule.id,
                          static_cast<uint64_t>(rule.direction)));
  }
  return items;
}

std::optional<std::vector<uint8_t>> ViewIndex::Impl::Body(
    NodeId viewer, const ItemKey& item) const {
  const Node* node = Find(viewer);
  if (node == nullptr) {
    return std::nullopt;
  }
  switch (static_cast<ItemClass>(item.item_class)) {
    case ItemClass::kSelf:
      return node->info.self_body;
    case ItemClass::kPeer:
      return Sees(viewer, item.id)
                 ? std::optional(Find(item.id)->info.peer_body)
                 : std::nullopt;
    case ItemClass::kRule:
      return RuleBody(
          *node,
          {.id = item.id, .direction = static_cast<RuleDirection>(item.sub)});
    case ItemClass::kRoute:
      for (const auto& [prefix, owner] : RoutesOf(*node)) {
        if (RouteItemId(prefix) == item.id) {
          return EncodeItem(RouteInfo{.prefix = prefix, .owner = owner});
        }
      }
      return std::nullopt;
    case ItemClass::kExit:
      return ExitsOf(*node).contains(item.id)
                 ? std::optional(std::vector<uint8_t>())
                 : std::nullopt;
    case ItemClass::kMember:
      return std::nullopt;
    case ItemClass::kRelay:
    case ItemClass::kDns:
    case ItemClass::kSettings:
      break;
  }
  const auto shared = shared_.find(item);
  return shared == shared_.end() ? std::nullopt : std::optional(shared->second);
}

bool ViewIndex::Impl::IsMember(NodeId viewer, const RuleKey& rule,
                               NodeId node) const {
  const Node* reader = Find(viewer);
  const auto slot = slots_.find(node);
  return reader != nullptr && slot != slots_.end() &&
         FindRole(reader->info, rule.id, rule.direction) != nullptr &&
         rules_.at(rule.id).members[Side(Opposite(rule.direction))].Contains(
             slot->second);
}

std::vector<NodeId> ViewIndex::Impl::Members(NodeId viewer,
                                             const RuleKey& rule) const {
  std::vector<NodeId> members;
  const Node* reader = Find(viewer);
  if (reader != nullptr &&
      FindRole(reader->info, rule.id, rule.direction) != nullptr) {
    rules_.at(rule.id).members[Side(Opposite(rule.direction))].ForEach(
        [&](Slot slot) { members.push_back(nodes_[slot].info.id); });
  }
  return members;
}

uint64_t ViewIndex::Impl::Digest(NodeId viewer) const {
  const auto found = slots_.find(viewer);
  if (found == slots_.end()) {
    return 0;
  }
  const Node& node = nodes_[found->second];
  uint64_t digest = shared_digest_ + node.rules_digest;
  const auto add = [&](const ItemKey& key, ByteView body) {
    digest += ItemDigest(key_, key, ItemVersion(key_, body));
  };
  add(KeyOf(ItemClass::kSelf), node.info.self_body);
  VisibleSlots(found->second).ForEach([&](Slot slot) {
    digest += peer_digests_[slot];
  });
  for (const ViewRole& role : node.info.roles) {
    digest +=
        rules_.at(role.rule).member_digest[Side(Opposite(role.direction))];
  }
  for (const auto& [prefix, owner] : RoutesOf(node)) {
    add(KeyOf(ItemClass::kRoute, RouteItemId(prefix)),
        EncodeItem(RouteInfo{.prefix = prefix, .owner = owner}));
  }
  for (const NodeId exit : ExitsOf(node)) {
    add(KeyOf(ItemClass::kExit, exit), {});
  }
  return digest;
}

// ---- The door --------------------------------------------------------------

ViewIndex::ViewIndex(const DigestKey& key)
    : impl_(std::make_unique<Impl>(key)) {}

ViewIndex::~ViewIndex() = default;

void ViewIndex::Watch(NodeId viewer) {
  impl_->Watch(viewer);
}

void ViewIndex::Unwatch(NodeId viewer) {
  impl_->Unwatch(viewer);
}

void ViewIndex::SetNode(ViewNode node) {
  impl_->SetNode(std::move(node));
}

void ViewIndex::RemoveNode(NodeId node) {
  impl_->RemoveNode(node);
}

void ViewIndex::SetPolicy(
    std::vector<ViewRule> rules,
    const std::function<std::vector<ViewRole>(NodeId)>& roles_of) {
  impl_->SetPolicy(std::move(rules), roles_of);
}

void ViewIndex::SetShared(std::map<ItemKey, std::vector<uint8_t>> items) {
  impl_->SetShared(std::move(items));
}

std::map<NodeId, ViewerChanges> ViewIndex::TakeChanges() {
  return impl_->TakeChanges();
}

bool ViewIndex::Contains(NodeId node) const {
  return impl_->Contains(node);
}

std::vector<ItemKey> ViewIndex::ListItems(NodeId viewer) const {
  return impl_->ListItems(viewer);
}

std::vector<RuleKey> ViewIndex::ListRules(NodeId viewer) const {
  return impl_->ListRules(viewer);
}

std::optional<std::vector<uint8_t>> ViewIndex::Body(NodeId viewer,
                                                    const ItemKey& item) const {
  return impl_->Body(viewer, item);
}

bool ViewIndex::IsMember(NodeId viewer, const RuleKey& rule,
                         NodeId node) const {
  return impl_->IsMember(viewer, rule, node);
}

std::vector<NodeId> ViewIndex::Members(NodeId viewer,
                                       const RuleKey& rule) const {
  return impl_->Members(viewer, rule);
}

uint64_t ViewIndex::Digest(NodeId viewer) const {
  return impl_->Digest(viewer);
}

void ViewIndex::RestorePrimary(const IpPrefix& prefix, NodeId router) {
  impl_->RestorePrimary(prefix, router);
}

std::map<IpPrefix, NodeId> ViewIndex::TakePrimaries() {
  return impl_->TakePrimaries();
}

std::set<NodeId> ViewIndex::StandIns(NodeId router) const {
  return impl_->StandIns(router);
}

bool ViewIndex::Sees(NodeId viewer, NodeId other) const {
  return impl_->Sees(viewer, other);
}

std::vector<NodeId> ViewIndex::Visible(NodeId viewer) const {
  return impl_->Visible(viewer);
}

}  // namespace natkit::mesh
