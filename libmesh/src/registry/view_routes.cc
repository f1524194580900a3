#include <algorithm>
#include <utility>

#include "registry/view_index_impl.h"

namespace natkit::mesh {

namespace {

/// Whether a role's part of a rule touches a route.
bool Touches(const ViewRole& role, const IpPrefix& route) {
  return std::ranges::any_of(
      role.own, [&route](const IpPrefix& own) { return own.Overlaps(route); });
}

}  // namespace

void ViewIndex::Impl::SetRoutes(const ViewNode& node,
                                const std::vector<IpPrefix>& before) {
  for (const IpPrefix& route : before) {
    prefixes_[route].routers.erase(node.id);
  }
  for (const IpPrefix& route : node.routes) {
    prefixes_[route].routers.insert(node.id);
  }
  const Slot slot = slots_.at(node.id);
  node.routes.empty() ? routers_.Erase(slot) : routers_.Insert(slot);
  for (const auto* routes : {&before, &node.routes}) {
    for (const IpPrefix& route : *routes) {
      const auto found = prefixes_.find(route);
      if (found == prefixes_.end()) {
        continue;
      }
      const NodeId primary = found->second.primary;
      ElectPrimary(found->second);
      if (found->second.primary != primary) {
        led_anew_.insert(route);
        // They have no route to what they lead to, whether they see who did or
        // not.
        const ItemKey key = KeyOf(ItemClass::kRoute, RouteItemId(route));
        NoteItem(primary, key);
        NoteItem(found->second.primary, key);
      }
      if (found->second.routers.empty()) {
        prefixes_.erase(found);
      }
    }
  }
}

void ViewIndex::Impl::ElectPrimary(Prefix& prefix) const {
  const auto is_online = [this](NodeId router) {
    const Node* node = Find(router);
    return node != nullptr && node->info.is_online;
  };
  const auto is_presumed = [this](NodeId router) {
    const Node* node = Find(router);
    return node != nullptr && node->info.is_presumed;
  };
  const auto is_trusted = [this](NodeId router) {
    const Node* node = Find(router);
    return node != nullptr && node->info.is_trusted;
  };
  const bool is_router = prefix.routers.contains(prefix.primary);
  // One that works is left alone, also when an earlier one comes back.
  if (is_router && (is_online(prefix.primary) || is_trusted(prefix.primary))) {
    return;
  }
  auto first = std::ranges::find_if(prefix.routers, is_online);
  if (first == prefix.routers.end()) {
    if (is_router && is_presumed(prefix.primary)) {
      return;
    }
    first = std::ranges::find_if(prefix.routers, is_presumed);
  }
  prefix.primary = first == prefix.routers.end() ? 0 : *first;
}

void ViewIndex::Impl::RestorePrimary(const IpPrefix& prefix, NodeId router) {
  const auto found = prefixes_.find(prefix);
  if (found != prefixes_.end() && found->second.routers.contains(router)) {
    found->second.primary = router;
  }
}

std::map<IpPrefix, NodeId> ViewIndex::Impl::TakePrimaries() {
  std::map<IpPrefix, NodeId> primaries;
  for (const IpPrefix& prefix : std::exchange(led_anew_, {})) {
    const auto found = prefixes_.find(prefix);
    if (found == prefixes_.end()) {
      primaries[prefix] = 0;
    } else if (found->second.primary != 0) {
      primaries[prefix] = found->second.primary;
    }
  }
  return primaries;
}

std::set<NodeId> ViewIndex::Impl::StandIns(NodeId router) const {
  std::set<NodeId> others;
  const Node* node = Find(router);
  if (node == nullptr) {
    return others;
  }
  for (const IpPrefix& route : node->info.routes) {
    for (const NodeId other : prefixes_.at(route).routers) {
      if (other != router && Find(other)->info.is_online) {
        others.insert(other);
      }
    }
  }
  return others;
}

ViewIndex::Impl::Routes ViewIndex::Impl::RoutesOf(const Node& viewer) const {
  Routes routes;
  if (routers_.is_empty()) {
    return routes;
  }
  // A rule may leave a viewer some of a prefix's routers only.
  std::map<IpPrefix, std::set<NodeId>> candidates;
  for (const ViewRole& role : viewer.info.roles) {
    const RuleDirection other = Opposite(role.direction);
    SlotSet routers = rules_.at(role.rule).participants[Side(other)];
    routers &= routers_;
    routers.ForEach([&](Slot slot) {
      const ViewNode& router = nodes_[slot].info;
      const ViewRole* part = FindRole(router, role.rule, other);
      for (const IpPrefix& route : router.routes) {
        if ((router.is_online || router.is_presumed) && Touches(*part, route)) {
          candidates[route].insert(router.id);
        }
      }
    });
  }
  for (const auto& [route, routers] : candidates) {
    const NodeId primary = prefixes_.at(route).primary;
    const NodeId owner = routers.contains(primary) ? primary : *routers.begin();
    if (owner != viewer.info.id && primary != viewer.info.id) {
      routes[route] = owner;
    }
  }
  return routes;
}

std::set<NodeId> ViewIndex::Impl::ExitsOf(const Node& viewer) const {
  std::set<NodeId> exits;
  if (exits_.is_empty()) {
    return exits;
  }
  for (const ViewRole& role : viewer.info.roles) {
    if (role.direction != RuleDirection::kOutbound) {
      continue;
    }
    SlotSet candidates =
        rules_.at(role.rule).participants[Side(RuleDirection::kInbound)];
    candidates &= exits_;
    candidates.ForEach([&](Slot slot) {
      const Node& node = nodes_[slot];
      const ViewRole* part =
          FindRole(node.info, role.rule, RuleDirection::kInbound);
      if (part->is_exit && node.info.id != viewer.info.id) {
        exits.insert(node.info.id);
      }
    });
  }
  return exits;
}

void ViewIndex::Impl::NoteRoutes(const SlotSet& viewers,
                                 const std::vector<IpPrefix>& routes) {
  for (const IpPrefix& route : routes) {
    const ItemKey key = KeyOf(ItemClass::kRoute, RouteItemId(route));
    viewers.ForEach([&](Slot slot) { NoteItem(nodes_[slot].info.id, key); });
  }
}

}  // namespace natkit::mesh
