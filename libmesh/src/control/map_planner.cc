#include "natkit/mesh/control/map_planner.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <ranges>
#include <utility>

namespace natkit::mesh {

namespace {

/// Prefixes of one FilterRule; a rule with more becomes several.
constexpr size_t kPrefixesPerPart = 4096;
/// Parts of a rule have names far from those of others.
constexpr uint64_t kPartStep = 0x9e3779b97f4a7c15;

IpPrefix HostPrefix(const IpAddress& address) {
  return *IpPrefix::Make(address, address.bit_count());
}

Direction DirectionOf(const RuleKey& key) {
  return key.direction == RuleDirection::kInbound ? Direction::kInbound
                                                  : Direction::kOutbound;
}

uint64_t PartId(const RuleKey& key, uint32_t part) {
  return key.id + part * kPartStep;
}

std::vector<IpPrefix> OwnSide(const NetworkMap& map, const RuleInfo& rule) {
  std::vector<IpPrefix> own = rule.own;
  if (rule.own_identity && map.self) {
    for (const IpAddress& address : map.self->addresses) {
      own.push_back(HostPrefix(address));
    }
  }
  return own;
}

std::vector<IpPrefix> OtherSide(const NetworkMap& map, const RuleKey& key,
                                const RuleInfo& rule) {
  std::vector<IpPrefix> others = rule.others;
  const auto members = map.members.find(key);
  if (members == map.members.end()) {
    return others;
  }
  for (const NodeId member : members->second) {
    const auto peer = map.peers.find(member);
    if (peer != map.peers.end()) {
      for (const IpAddress& address : peer->second.addresses) {
        others.push_back(HostPrefix(address));
      }
    }
  }
  return others;
}

/// A rule for one of the two ICMPs alone holds in that one's family; members
/// come with all their addresses, and an echo request needs any rule.
std::optional<AddressFamily> OnlyFamily(const RuleInfo& rule) {
  constexpr uint8_t kIcmp = 1;
  constexpr uint8_t kIcmp6 = 58;
  if (rule.protocols == std::vector<uint8_t>{kIcmp}) {
    return AddressFamily::kIpv4;
  }
  if (rule.protocols == std::vector<uint8_t>{kIcmp6}) {
    return AddressFamily::kIpv6;
  }
  return std::nullopt;
}

std::vector<ZonedWindow> WindowsOf(const RuleInfo& rule) {
  std::vector<ZonedWindow> windows;
  for (const WindowInfo& info : *rule.windows) {
    windows.push_back({.window = info.window,
                       .rules = std::make_shared<ZoneRules>(info.rules)});
  }
  return windows;
}

bool HasClass(const std::set<ItemKey>& items, ItemClass item_class) {
  const auto at = items.lower_bound(KeyOf(item_class));
  return at != items.end() &&
         at->item_class == static_cast<uint32_t>(item_class);
}

std::set<NodeId> IdsOf(const MapChanges& changes, ItemClass item_class) {
  std::set<NodeId> ids;
  for (auto at = changes.items.lower_bound(KeyOf(item_class));
       at != changes.items.end() &&
       at->item_class == static_cast<uint32_t>(item_class);
       ++at) {
    ids.insert(at->id);
  }
  return ids;
}

/// The rules that a change touches: named, with other members, or with a
/// changed peer among the members.
std::set<RuleKey> TouchedRules(const NetworkMap& map, const MapChanges& changes,
                               const std::set<NodeId>& peers) {
  std::set<RuleKey> touched = changes.members;
  for (const ItemKey& key : changes.items) {
    if (key.item_class == static_cast<uint32_t>(ItemClass::kRule)) {
      touched.insert(
          {.id = key.id, .direction = static_cast<RuleDirection>(key.sub)});
    }
  }
  for (const auto& [rule, members] : map.members) {
    if (std::ranges::any_of(peers, [&members](NodeId peer) {
          return members.contains(peer);
        })) {
      touched.insert(rule);
    }
  }
  return touched;
}

using Owners = std::map<NodeId, std::vector<IpPrefix>>;

/// Adds the peers whose routes differ between the two.
void NoteMoved(const Owners& before, const Owners& after,
               std::set<NodeId>& peers) {
  for (const auto* owners : {&before, &after}) {
    for (const auto& [id, routes] : *owners) {
      const auto one = before.find(id);
      const auto other = after.find(id);
      if (one == before.end() || other == after.end() ||
          one->second != other->second) {
        peers.insert(id);
      }
    }
  }
}

/// Addresses that were the peer's and are no longer.
void NoteRevoked(const PlannedPeer& old,
                 const std::optional<PlannedPeer>& planned, MapPlan& plan) {
  for (const IpAddress& address : old.addresses) {
    const bool stays =
        planned && std::ranges::find(planned->addresses, address) !=
                       planned->addresses.end();
    if (!stays) {
      plan.revoked.push_back(HostPrefix(address));
    }
  }
}

}  // namespace

MapPlanner::RouteOwners MapPlanner::OwnersOf(const NetworkMap& map,
                                             const MapChoices& choices) const {
  RouteOwners owners;
  for (const auto& [id, route] : map.routes) {
    const bool is_own = std::ranges::find(choices.own_routes, route.prefix) !=
                        choices.own_routes.end();
    if (choices.accepts_routes && !is_own && map.peers.contains(route.owner)) {
      owners[route.owner].push_back(route.prefix);
    }
  }
  if (choices.exit && map.exits.contains(*choices.exit) &&
      map.peers.contains(*choices.exit)) {
    auto& routes = owners[*choices.exit];
    routes.push_back(IpPrefix());
    routes.push_back(
        *IpPrefix::Make(IpAddress::V6(std::array<uint8_t, 16>{}), 0));
  }
  for (auto& [owner, routes] : owners) {
    std::ranges::sort(routes);
  }
  return owners;
}

MapPlan MapPlanner::Plan(const NetworkMap& map, const MapChanges& changes,
                         const MapChoices& choices) {
  MapPlan plan;
  const bool is_self = HasClass(changes.items, ItemClass::kSelf);
  std::set<NodeId> peers = IdsOf(changes, ItemClass::kPeer);
  if (changes.is_whole) {
    std::ranges::copy(std::views::keys(peers_),
                      std::inserter(peers, peers.end()));
    std::ranges::copy(std::views::keys(map.peers),
                      std::inserter(peers, peers.end()));
  }
  std::set<RuleKey> rules = TouchedRules(map, changes, peers);
  if (changes.is_whole || is_self) {
    std::ranges::copy(std::views::keys(rule_parts_),
                      std::inserter(rules, rules.end()));
    std::ranges::copy(std::views::keys(map.rules),
                      std::inserter(rules, rules.end()));
  }
  RouteOwners owners = OwnersOf(map, choices);
  NoteMoved(owners_, owners, peers);
  owners_ = std::move(owners);
  choices_ = choices;
  for (const NodeId id : peers) {
    PlanPeer(map, id, plan);
  }
  for (const RuleKey& key : rules) {
    PlanRule(map, key, plan);
  }
  const auto has = [&changes](ItemClass item_class) {
    return changes.is_whole || HasClass(changes.items, item_class);
  };
  plan.self_changed = has(ItemClass::kSelf);
  plan.relays_changed = has(ItemClass::kRelay);
  plan.settings_changed = has(ItemClass::kSettings);
  plan.dns_changed =
      plan.dns_changed || plan.self_changed || has(ItemClass::kDns);
  return plan;
}

std::optional<PlannedPeer> MapPlanner::Describe(const NetworkMap& map,
                                                NodeId id) const {
  const auto found = map.peers.find(id);
  if (found == map.peers.end() || (verifier_ && !verifier_(found->second))) {
    return std::nullopt;
  }
  const PeerInfo& info = found->second;
  PlannedPeer peer{.id = id,
                   .name = info.name,
                   .node_key = info.node_key,
                   .next_key = info.next_key,
                   .signalling_key = info.signalling_key,
                   .addresses = info.addresses,
                   .home_relay = info.home_relay,
                   .endpoints = info.endpoints,
                   .is_online = info.is_online};
  if (const auto owned = owners_.find(id); owned != owners_.end()) {
    peer.routes = owned->second;
  }
  return peer;
}

void MapPlanner::PlanPeer(const NetworkMap& map, NodeId id, MapPlan& plan) {
  std::optional<PlannedPeer> planned = Describe(map, id);
  const auto known = peers_.find(id);
  std::optional<PlannedPeer> old;
  if (known != peers_.end()) {
    old = std::move(known->second);
    peers_.erase(known);
  }
  if (planned) {
    peers_.emplace(id, *planned);
  }
  if (old == planned) {
    return;
  }
  const bool moved = !old || !planned || old->addresses != planned->addresses ||
                     old->routes != planned->routes;
  plan.routes_changed = plan.routes_changed || moved;
  plan.dns_changed = plan.dns_changed || moved || old->name != planned->name;
  if (old) {
    NoteRevoked(*old, planned, plan);
  }
  if (planned) {
    plan.set.push_back(*std::move(planned));
  } else {
    plan.remove.push_back(*std::move(old));
  }
}

void MapPlanner::RemoveRule(const RuleKey& key, MapPlan& plan) {
  const auto known = rule_parts_.find(key);
  if (known == rule_parts_.end()) {
    return;
  }
  for (uint32_t part = 0; part < known->second; ++part) {
    plan.filter.removals.push_back(
        {.direction = DirectionOf(key), .id = PartId(key, part)});
  }
  rule_parts_.erase(known);
}

void MapPlanner::PlanRule(const NetworkMap& map, const RuleKey& key,
                          MapPlan& plan) {
  RemoveRule(key, plan);
  const auto found = map.rules.find(key);
  if (found == map.rules.end()) {
    return;
  }
  const RuleInfo& info = found->second;
  std::vector<IpPrefix> own = OwnSide(map, info);
  std::vector<IpPrefix> others = OtherSide(map, key, info);
  if (const auto family = OnlyFamily(info)) {
    const auto is_other = [family](const IpPrefix& prefix) {
      return prefix.address().family() != *family;
    };
    std::erase_if(own, is_other);
    std::erase_if(others, is_other);
  }
  const bool is_never = info.windows && info.windows->empty();
  if (own.empty() || others.empty() || is_never) {
    return;
  }
  uint32_t part = 0;
  for (size_t at = 0; at < others.size(); at += kPrefixesPerPart, ++part) {
    const size_t count = std::min(kPrefixesPerPart, others.size() - at);
    const auto begin = others.begin() + static_cast<ptrdiff_t>(at);
    const std::vector<IpPrefix> some(begin,
                                     begin + static_cast<ptrdiff_t>(count));
    const bool is_inbound = key.direction == RuleDirection::kInbound;
    plan.filter.puts.push_back(
        {.direction = DirectionOf(key),
         .rule = {.id = PartId(key, part),
                  .sources = is_inbound ? some : own,
                  .destinations = is_inbound ? own : some,
                  .ports = info.ports,
                  .protocols = info.protocols,
                  .windows = info.windows ? WindowsOf(info)
                                          : std::vector<ZonedWindow>()}});
  }
  rule_parts_[key] = part;
}

MapPlan MapPlanner::Clear() {
  return Plan({}, {.is_whole = true}, choices_);
}

std::vector<IpPrefix> MapPlanner::Routes() const {
  std::vector<IpPrefix> routes;
  for (const auto& [id, peer] : peers_) {
    for (const IpAddress& address : peer.addresses) {
      routes.push_back(HostPrefix(address));
    }
    routes.insert(routes.end(), peer.routes.begin(), peer.routes.end());
  }
  std::ranges::sort(routes);
  const auto [first, last] = std::ranges::unique(routes);
  routes.erase(first, last);
  return routes;
}

}  // namespace natkit::mesh
