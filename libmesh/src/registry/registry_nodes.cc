#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <utility>

#include "natkit/mesh/tag.h"
#include "registry/registry_impl.h"

namespace natkit::mesh {

namespace {

/// A code without what people leave out or write otherwise.
std::string BareCode(std::string_view code) {
  std::string bare;
  for (const char c : code) {
    if (c != '-') {
      bare += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
  }
  return bare;
}

// Details of events are JSON; no name in them has a character to escape.

std::string OwnerJson(const Owner& owner) {
  return "\"" + OwnerText(owner) + "\"";
}

std::string TimeJson(std::optional<WallTime> time) {
  if (!time) {
    return "null";
  }
  const auto day = std::chrono::floor<std::chrono::days>(*time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(
      std::chrono::floor<std::chrono::seconds>(*time - day));
  std::array<char, 64> text{};
  const int size = std::snprintf(
      text.data(), text.size(), "\"%04d-%02u-%02uT%02d:%02d:%02dZ\"",
      static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
      static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()),
      static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()));
  return {text.data(), static_cast<size_t>(size)};
}

std::string RoutesJson(const std::vector<IpPrefix>& routes) {
  std::string text;
  for (const IpPrefix& route : routes) {
    text += (text.empty() ? "\"" : ",\"") + route.ToString() + "\"";
  }
  return "[" + text + "]";
}

}  // namespace

std::unexpected<Refusal> NoSuchNode() {
  return Refuse(RefusalKind::kNotFound, "there is no such node");
}

NodeRecord* Registry::Impl::Find(NodeId id) {
  const auto found = nodes.find(id);
  return found == nodes.end() ? nullptr : &found->second;
}

const NodeRecord* Registry::Impl::FindNode(NodeId id) const {
  const auto found = nodes.find(id);
  return found == nodes.end() ? nullptr : &found->second;
}

const NodeVolatile& Registry::Impl::live(NodeId node) const {
  static const NodeVolatile kNothing;
  const auto found = live_.find(node);
  return found == live_.end() ? kNothing : found->second;
}

bool Registry::Impl::IsServing(WallTime now, const NodeRecord& node) const {
  return node.status == NodeStatus::kActive &&
         !HasExpired(node.key_expiry, now);
}

void Registry::Impl::SetOnline(WallTime now, NodeId id, bool is_online) {
  NodeRecord* node = Find(id);
  if (node == nullptr || live_[id].is_online == is_online) {
    return;
  }
  live_[id].is_online = is_online;
  if (!is_online) {
    node->last_seen = now;
    Dirty("node", std::to_string(id));
  }
  changes.nodes.insert(id);
  moved_.insert(id);
}

Decision<void> Registry::Impl::CheckOwner(const Owner& owner) const {
  if (owner.is_tagged()) {
    const bool is_good =
        owner.tags.size() <= kMaxTags && std::ranges::all_of(owner.tags, IsTag);
    return is_good ? Decision<void>()
                   : Refuse(RefusalKind::kInvalid,
                            "a tag is like tag:server: a letter, then letters, "
                            "digits and hyphens; at most " +
                                std::to_string(kMaxTags) + " of them");
  }
  if (!users.contains(owner.user)) {
    return Refuse(RefusalKind::kNotFound,
                  "there is no user \"" + owner.user + "\"");
  }
  return {};
}

Decision<NodeId> Registry::Impl::Approve(WallTime now, std::string_view actor,
                                         std::string_view code_or_name,
                                         const Owner& owner) {
  const auto found = std::ranges::find_if(nodes, [&](const auto& entry) {
    const NodeRecord& node = entry.second;
    return node.status == NodeStatus::kPendingApproval &&
           (BareCode(node.approval_code) == BareCode(code_or_name) ||
            node.name == code_or_name ||
            std::to_string(node.id) == code_or_name);
  });
  if (found == nodes.end()) {
    return Refuse(RefusalKind::kNotFound,
                  "no node waits with the code or name \"" +
                      std::string(code_or_name) + "\"");
  }
  NodeRecord& node = found->second;
  const Owner wanted =
      owner == Owner{} ? node.owner : owner;  // node.owner moves
  if (wanted == Owner{}) {
    return Refuse(RefusalKind::kInvalid,
                  "say who owns it, by --user or --tag: it came without a key "
                  "that tells");
  }
  if (auto checked = CheckOwner(wanted); !checked) {
    return std::unexpected(checked.error());
  }
  const Owner before = std::exchange(node.owner, wanted);
  NormalizeTags(node.owner);
  if (auto active = Activate(now, node); !active) {
    node.owner = before;
    return std::unexpected(active.error());
  }
  Index(node);
  ApproveByPolicy(node);
  DirtyNode(node.id);
  Note({.now = now,
        .type = "node_approved",
        .actor = actor,
        .subject = node.name,
        .detail = "{\"owner\":" + OwnerJson(node.owner) + "}"});
  return node.id;
}

Decision<void> Registry::Impl::Rename(WallTime now, std::string_view actor,
                                      NodeId id, std::string_view name) {
  NodeRecord* node = Find(id);
  if (node == nullptr) {
    return NoSuchNode();
  }
  if (!IsLabel(name)) {
    return Refuse(RefusalKind::kInvalid,
                  "a name is made of a-z, 0-9 and hyphens, at most 63, and "
                  "begins and ends with none; it is no number and not "
                  "localhost");
  }
  const auto taken = by_name.find(name);
  if (taken != by_name.end() && taken->second != id) {
    return Refuse(RefusalKind::kConflict,
                  "another node is called \"" + std::string(name) + "\"");
  }
  const std::string old = node->name;
  SetName(*node, std::string(name));
  node->is_name_fixed = true;
  DirtyNode(id);
  Note({.now = now,
        .type = "node_renamed",
        .actor = actor,
        .subject = old,
        .detail = "{\"to\":\"" + node->name + "\"}"});
  return {};
}

Decision<void> Registry::Impl::SetOwner(WallTime now, std::string_view actor,
                                        NodeId id, const Owner& owner) {
  NodeRecord* node = Find(id);
  if (node == nullptr) {
    return NoSuchNode();
  }
  if (auto checked = CheckOwner(owner); !checked) {
    return checked;
  }
  const Owner before = std::exchange(node->owner, owner);
  NormalizeTags(node->owner);
  node->key_expiry = NewExpiry(now, owner);
  ResetExpiry(*node);
  ApproveByPolicy(*node);
  DirtyNode(id);
  Note({.now = now,
        .type = "node_owner_changed",
        .actor = actor,
        .subject = node->name,
        .detail = "{\"owner\":" + OwnerJson(node->owner) +
                  ",\"before\":" + OwnerJson(before) + "}"});
  return {};
}

void Registry::Impl::Remove(WallTime now, NodeId id, bool is_revoked) {
  const NodeRecord node = std::move(nodes.at(id));
  nodes.erase(id);
  live_.erase(id);
  expired_.erase(id);
  moved_.insert(id);
  by_name.erase(node.name);
  by_machine.erase(node.keys.machine_key);
  keys_in_use_.erase(node.keys.node_key);
  keys_in_use_.erase(node.keys.signalling_key);
  if (node.next_key) {
    keys_in_use_.erase(*node.next_key);
  }
  ReleaseAddresses(now, node);
  if (!node.approved.empty()) {
    ++policy_inputs;
  }
  if (is_revoked) {
    tombstones[id] = {.id = id,
                      .keys = node.keys,
                      .next_key = node.next_key,
                      .name = node.name,
                      .revoked = now};
    revoked_machines_.insert(node.keys.machine_key);
    revoked_keys_.insert(node.keys.node_key);
    revoked_keys_.insert(node.keys.signalling_key);
    if (node.next_key) {
      revoked_keys_.insert(*node.next_key);
    }
    Dirty("tombstone", std::to_string(id));
  } else {
    for (const PublicKey& key : former_keys_.RemoveAll(id)) {
      Dirty("former_key", key.ToBase64());
    }
  }
  DirtyNode(id);
  changes.revoked.insert(id);
}

void Registry::Impl::ReleaseAddresses(WallTime now, const NodeRecord& node) {
  ForgetReleased(now);
  for (const IpAddress& address : node.addresses) {
    by_address.erase(address);
    released_[address] = {.address = address, .released = now};
    resting_.emplace(now, address);
    Dirty("released_address", address.ToString());
  }
  pool_->Release(node.addresses, now);
}

Decision<void> Registry::Impl::Delete(WallTime now, std::string_view actor,
                                      NodeId id) {
  const NodeRecord* node = FindNode(id);
  if (node == nullptr) {
    return NoSuchNode();
  }
  Note({.now = now,
        .type = "node_deleted",
        .actor = actor,
        .subject = node->name,
        .detail = "{\"id\":" + std::to_string(id) +
                  ",\"owner\":" + OwnerJson(node->owner) + "}"});
  Remove(now, id, true);
  return {};
}

Decision<void> Registry::Impl::SetExpiry(WallTime now, std::string_view actor,
                                         NodeId id,
                                         std::optional<WallTime> at) {
  NodeRecord* node = Find(id);
  if (node == nullptr) {
    return NoSuchNode();
  }
  node->key_expiry = at;
  ResetExpiry(*node);
  node->is_expiry_fixed = at.has_value();
  DirtyNode(id);
  if (!IsServing(now, *node)) {
    changes.revoked.insert(id);
  }
  Note({.now = now,
        .type = "node_expiry_set",
        .actor = actor,
        .subject = node->name,
        .detail = "{\"until\":" + TimeJson(at) + "}"});
  return {};
}

Decision<void> Registry::Impl::ApproveRoutes(
    WallTime now, std::string_view actor, NodeId id,
    const std::vector<IpPrefix>& routes, bool exit) {
  NodeRecord* node = Find(id);
  if (node == nullptr) {
    return NoSuchNode();
  }
  for (const IpPrefix& route : routes) {
    if (route.Overlaps(mesh.ipv4) || route.Overlaps(mesh.ipv6) ||
        route.length() == 0) {
      return Refuse(RefusalKind::kInvalid,
                    route.ToString() + " overlaps the mesh's own addresses");
    }
  }
  node->approved = routes;
  std::ranges::sort(node->approved);
  const auto [first, last] = std::ranges::unique(node->approved);
  node->approved.erase(first, last);
  node->is_exit_approved = exit;
  ++policy_inputs;
  DirtyNode(id);
  Note({.now = now,
        .type = "routes_approved",
        .actor = actor,
        .subject = node->name,
        .detail = "{\"routes\":" + RoutesJson(node->approved) +
                  ",\"exit\":" + (exit ? "true" : "false") + "}"});
  return {};
}

void Registry::Impl::SetRoutePrimary(const IpPrefix& prefix, NodeId router) {
  const RoutePrimaryRecord record{.prefix = prefix, .router = router};
  const auto known = route_primaries.find(prefix);
  if (router == 0 ? known == route_primaries.end()
                  : known != route_primaries.end() && known->second == record) {
    return;
  }
  if (router == 0) {
    route_primaries.erase(known);
  } else {
    route_primaries[prefix] = record;
  }
  Dirty("route_primary", prefix.ToString());
}

}  // namespace natkit::mesh
