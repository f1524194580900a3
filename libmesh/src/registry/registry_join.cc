#include <algorithm>
#include <array>
#include <utility>

#include "registry/registry_impl.h"

namespace natkit::mesh {

namespace {

/// RFC 6761 section 6.3: it is everybody's own machine.
constexpr std::string_view kLocalHost = "localhost";

bool IsNumber(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string OwnerText(const Owner& owner) {
  if (!owner.is_tagged()) {
    return owner.user;
  }
  std::string text;
  for (const std::string& tag : owner.tags) {
    text += (text.empty() ? "" : ",") + tag;
  }
  return text;
}

bool IsLabel(std::string_view text) {
  const auto is_good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  constexpr size_t kLongest = 63;
  return !text.empty() && text.size() <= kLongest &&
         std::ranges::all_of(text, is_good) && text.front() != '-' &&
         text.back() != '-' && !IsNumber(text) && text != kLocalHost;
}

std::string MakeLabel(std::string_view text) {
  constexpr size_t kLongest = 55;  // leaves room for a number
  std::string label;
  for (const char c : text.substr(0, text.find('.'))) {
    const bool is_upper = c >= 'A' && c <= 'Z';
    const bool is_good =
        is_upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (is_good && label.size() < kLongest) {
      label += is_upper ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!label.empty() && label.back() != '-') {
      label += '-';
    }
  }
  while (!label.empty() && label.back() == '-') {
    label.pop_back();
  }
  if (label.empty() || label == kLocalHost) {
    return "node";
  }
  return IsNumber(label) ? "node-" + label : label;
}

void NormalizeTags(Owner& owner) {
  std::ranges::sort(owner.tags);
  const auto [first, last] = std::ranges::unique(owner.tags);
  owner.tags.erase(first, last);
}

std::string Registry::Impl::FreeName(std::string_view wanted) const {
  const std::string label = MakeLabel(wanted);
  std::string name = label;
  for (unsigned number = 2; by_name.contains(name); ++number) {
    name = label + "-" + std::to_string(number);
  }
  return name;
}

void Registry::Impl::SetName(NodeRecord& node, std::string name) {
  by_name.erase(node.name);
  node.name = std::move(name);
  by_name[node.name] = node.id;
}

std::string Registry::Impl::NewApprovalCode() {
  // No letters that are taken for digits, no vowels that make words.
  constexpr std::string_view kAlphabet = "BCDFGHJKLMNPQRSTVWXZ23456789";
  constexpr size_t kHalf = 4;
  std::string code;
  for (size_t i = 0; i < 2 * kHalf; ++i) {
    code += i == kHalf ? "-" : "";
    code += kAlphabet[rng_.Below(kAlphabet.size())];
  }
  return code;
}

Decision<NodeId> Registry::Impl::Join(WallTime now,
                                      const JoinRequest& request) {
  if (IsRevoked(request.keys)) {
    return Refuse(RefusalKind::kForbidden,
                  "this node was removed from the mesh; to join again it needs "
                  "new keys (delete its state directory)");
  }
  const auto found = by_machine.find(request.keys.machine_key);
  if (found != by_machine.end()) {
    return Return(now, nodes.at(found->second), request);
  }
  if (request.keys.node_key == request.keys.signalling_key) {
    return Refuse(RefusalKind::kInvalid,
                  "the node key and the signalling key are the same");
  }
  if (IsKeyInUse(request.keys.node_key, 0) ||
      IsKeyInUse(request.keys.signalling_key, 0)) {
    return Refuse(RefusalKind::kForbidden,
                  "another node of the mesh has or had one of these keys");
  }
  return Register(now, request);
}

Decision<NodeId> Registry::Impl::Return(WallTime now, NodeRecord& node,
                                        const JoinRequest& request) {
  if (!request.auth_key.empty() &&
      (!IsServing(now, node) || request.keys != node.keys)) {
    const auto admitted = Admit(now, request);
    if (!admitted) {
      return std::unexpected(admitted.error());
    }
    if (auto renewed = Renew(now, node, admitted->what, request); !renewed) {
      return std::unexpected(renewed.error());
    }
    admitted->by->NoteUse(now, admitted->what, node);
    return node.id;
  }
  if (request.keys.signalling_key != node.keys.signalling_key) {
    return Refuse(RefusalKind::kForbidden,
                  "the signalling key is not the one this machine registered; "
                  "join again with an auth key");
  }
  if (request.keys.node_key == node.next_key) {
    if (auto switched = ActivateKey(now, node.id, *node.next_key); !switched) {
      return std::unexpected(switched.error());
    }
  } else if (request.keys.node_key != node.keys.node_key) {
    return Refuse(RefusalKind::kForbidden,
                  "the node key is not the one this machine registered; join "
                  "again with an auth key");
  } else if (node.next_key) {
    node.next_key_since = now;  // it was away: it may go on with its rotation
    DirtyNode(node.id);
  }
  return node.id;
}

Decision<void> Registry::Impl::Renew(WallTime now, NodeRecord& node,
                                     const Admittance& admittance,
                                     const JoinRequest& request) {
  if (node.status == NodeStatus::kActive && admittance.owner != node.owner) {
    return Refuse(RefusalKind::kForbidden,
                  "this machine belongs to " + OwnerText(node.owner) +
                      ", and the auth key is another owner's");
  }
  if (IsKeyInUse(request.keys.node_key, node.id) ||
      IsKeyInUse(request.keys.signalling_key, node.id)) {
    return Refuse(RefusalKind::kForbidden,
                  "another node of the mesh has or had one of these keys");
  }
  const Owner before = std::exchange(node.owner, admittance.owner);
  if (node.status != NodeStatus::kActive && admittance.is_approved) {
    if (auto active = Activate(now, node); !active) {
      node.owner = before;
      return active;
    }
  }
  ExchangeKeys(now, node, request.keys);
  Index(node);
  node.key_expiry = NewExpiry(now, node.owner);
  ResetExpiry(node);
  ApproveByPolicy(node);
  DirtyNode(node.id);
  Note({.now = now,
        .type = "node_renewed",
        .actor = "node",
        .subject = node.name});
  return {};
}

Decision<void> Registry::Impl::CheckRoom(bool is_pending) const {
  if (nodes.size() >= config_.max_nodes) {
    return Refuse(RefusalKind::kExhausted, "the mesh has no room for a node");
  }
  const auto waits = [](const auto& entry) {
    return entry.second.status == NodeStatus::kPendingApproval;
  };
  if (is_pending && static_cast<size_t>(std::ranges::count_if(nodes, waits)) >=
                        config_.max_pending) {
    return Refuse(RefusalKind::kExhausted,
                  "too many nodes wait for approval already");
  }
  return {};
}

Decision<NodeId> Registry::Impl::Register(WallTime now,
                                          const JoinRequest& request) {
  const auto admitted = Admit(now, request);
  if (!admitted) {
    return std::unexpected(admitted.error());
  }
  const Admittance& admittance = admitted->what;
  const bool is_pending = !admittance.is_approved;
  if (auto room = CheckRoom(is_pending); !room) {
    return std::unexpected(room.error());
  }
  NodeRecord node{
      .id = mesh.last_node + 1,
      .keys = request.keys,
      .status = NodeStatus::kPendingApproval,
      .name = FreeName(request.host_name),
      .host_name = request.host_name,
      .owner = admittance.owner,
      .is_ephemeral = request.is_ephemeral || admittance.is_ephemeral,
      .created = now,
      .last_seen = now,
      .software = request.software,
      .auth_key_id = admittance.credential_id};
  if (is_pending) {
    node.approval_code = NewApprovalCode();
  } else if (auto active = Activate(now, node); !active) {
    return std::unexpected(active.error());
  }
  mesh.last_node = node.id;
  DirtyMesh();
  DirtyNode(node.id);
  Index(node);
  Note({.now = now,
        .type = is_pending ? "node_pending" : "node_registered",
        .actor = "node",
        .subject = node.name});
  const NodeRecord& stored = nodes[node.id] = std::move(node);
  admitted->by->NoteUse(now, admittance, stored);
  return stored.id;
}

std::optional<WallTime> Registry::Impl::NewExpiry(WallTime now,
                                                  const Owner& owner) const {
  return owner.is_tagged() || config_.key_lifetime.count() == 0
             ? std::nullopt
             : std::optional<WallTime>(now + config_.key_lifetime);
}

Decision<void> Registry::Impl::Activate(WallTime now, NodeRecord& node) {
  auto addresses = pool_->Take(now);
  if (!addresses) {
    const size_t resting = pool_->released_count();
    return Refuse(
        RefusalKind::kExhausted,
        "the mesh has no address left in " + mesh.ipv4.ToString() +
            (resting == 0 ? std::string()
                          : "; " + std::to_string(resting) +
                                " of nodes that were removed rest for a week"));
  }
  node.addresses = *std::move(addresses);
  for (const IpAddress& address : node.addresses) {
    if (released_.erase(address) != 0) {
      Dirty("released_address", address.ToString());
    }
  }
  node.status = NodeStatus::kActive;
  node.approval_code.clear();
  node.key_expiry = NewExpiry(now, node.owner);
  node.is_expiry_fixed = false;
  return {};
}

void Registry::Impl::Report(WallTime now, NodeId id, const NodeReport& report) {
  NodeRecord* node = Find(id);
  if (node == nullptr) {
    return;
  }
  NodeVolatile& live = live_[id];
  if (report.endpoints && *report.endpoints != live.endpoints) {
    live.endpoints = *report.endpoints;
    changes.nodes.insert(id);
  }
  if (report.home_relay && *report.home_relay != live.home_relay) {
    live.home_relay = *report.home_relay;
    changes.nodes.insert(id);
  }
  const NodeRecord before = *node;
  if (report.host_name) {
    node->host_name = *report.host_name;
  }
  if (report.attributes) {
    node->attributes = *report.attributes;
  }
  if (report.offers_exit) {
    node->offers_exit = *report.offers_exit;
  }
  if (report.routes && TakeRoutes(*node, *report.routes)) {
    Note({.now = now,
          .type = "routes_advertised",
          .actor = "node",
          .subject = node->name});
  }
  ApproveByPolicy(*node);
  if (*node != before) {
    DirtyNode(id);
  }
}

bool Registry::Impl::TakeRoutes(NodeRecord& node,
                                const std::vector<IpPrefix>& routes) {
  std::vector<IpPrefix> good;
  for (const IpPrefix& route : routes) {
    if (!route.Overlaps(mesh.ipv4) && !route.Overlaps(mesh.ipv6) &&
        route.length() != 0) {
      good.push_back(route);
    }
  }
  std::ranges::sort(good);
  const auto [first, last] = std::ranges::unique(good);
  good.erase(first, last);
  if (node.advertised == good) {
    return false;
  }
  node.advertised = std::move(good);
  ++policy_inputs;
  return true;
}

void Registry::Impl::ApproveByPolicy(NodeRecord& node) {
  if (!hooks || node.status != NodeStatus::kActive) {
    return;
  }
  const auto before = std::pair(node.approved.size(), node.is_exit_approved);
  for (const IpPrefix& route : node.advertised) {
    if (std::ranges::find(node.approved, route) == node.approved.end() &&
        hooks->AutoApproves(node.owner, route)) {
      node.approved.push_back(route);
    }
  }
  std::ranges::sort(node.approved);
  node.is_exit_approved =
      node.is_exit_approved ||
      (node.offers_exit && hooks->AutoApprovesExit(node.owner));
  if (before != std::pair(node.approved.size(), node.is_exit_approved)) {
    ++policy_inputs;
  }
}

}  // namespace natkit::mesh
