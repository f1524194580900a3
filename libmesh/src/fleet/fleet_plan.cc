#include "natkit/mesh/fleet/fleet_plan.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "fleet/fleet_mtu.h"
#include "fleet/fleet_prefixes.h"

namespace natkit::mesh {

namespace {

bool HasEndpoint(const NodeEntry& node) {
  return node.endpoint.has_value() || !node.fleet.endpoint_name.empty();
}

bool IsBehindNat(const NodeEntry& node) {
  return node.fleet.behind_nat.value_or(!HasEndpoint(node));
}

/// Others expect it where its endpoint says, unless it says otherwise.
std::optional<uint16_t> ListenPort(const NodeEntry& node) {
  if (node.listen_port) {
    return node.listen_port;
  }
  if (node.endpoint) {
    return node.endpoint->port;
  }
  const std::string_view name = node.fleet.endpoint_name;
  const std::string_view digits = name.substr(name.rfind(':') + 1);
  uint16_t port = 0;
  std::from_chars(digits.begin(), digits.end(), port);
  return port != 0 ? std::optional(port) : std::nullopt;
}

/// Plans one fleet; lives as long as one call of PlanFleet().
class Planner {
 public:
  Planner(const MeshFile& file, FleetPlan& plan) : file_(file), plan_(plan) {
    for (const NodeEntry& node : file.nodes) {
      prefixes_.emplace(&node, PrefixesOf(node));
      const NodeEntry* hub = FindHub(node);
      hub_of_.emplace(&node, hub);
      behind_[hub].push_back(&node);
    }
  }

  void Run() {
    plan_.interface = file_.fleet.interface;
    plan_.key_dir = file_.fleet.key_dir;
    CheckDisjoint(file_, plan_.diagnostics);
    CheckRotation();
    if (!plan_.is_usable()) {
      return;
    }
    for (const NodeEntry& node : file_.nodes) {
      plan_.nodes.push_back(PlanNode(node));
    }
  }

 private:
  using Nodes = std::vector<const NodeEntry*>;

  [[nodiscard]] bool has_hubs() const {
    return file_.fleet.topology == FleetTopology::kHubs;
  }

  [[nodiscard]] bool IsHub(const NodeEntry& node) const {
    const auto& hubs = file_.fleet.hubs;
    return has_hubs() && std::ranges::find(hubs, node.name) != hubs.end();
  }

  /// A spoke's hub; nullptr for a hub and in a full mesh.
  [[nodiscard]] const NodeEntry* HubOf(const NodeEntry& node) const {
    return hub_of_.at(&node);
  }

  [[nodiscard]] const NodeEntry* FindHub(const NodeEntry& node) const {
    if (!has_hubs() || IsHub(node)) {
      return nullptr;
    }
    return file_.FindNode(node.fleet.hub.empty() ? file_.fleet.hubs.front()
                                                 : node.fleet.hub);
  }

  /// Whether the topology has this pair. Hubs have no hub, so they are linked
  /// with each other, as all nodes of a full mesh are.
  [[nodiscard]] bool AreLinked(const NodeEntry& a, const NodeEntry& b) const {
    const NodeEntry* hub_a = HubOf(a);
    const NodeEntry* hub_b = HubOf(b);
    return hub_a == hub_b ? hub_a == nullptr : hub_a == &b || hub_b == &a;
  }

  [[nodiscard]] bool IsRotating(const NodeEntry& node) const {
    return plan_.rotation && plan_.rotation->node == node.name;
  }

  /// The steps at which the node has its next key and peers still have both.
  [[nodiscard]] bool IsSwitching() const {
    return plan_.rotation &&
           (plan_.rotation->step == FleetRotationStep::kSwitch ||
            plan_.rotation->step == FleetRotationStep::kMove);
  }

  void AddWarning(const NodeEntry& node, const std::string& text) {
    plan_.diagnostics.push_back(
        {Severity::kWarning, node.line, "node \"" + node.name + "\": " + text});
  }

  void CheckRotation();
  FleetNode PlanNode(const NodeEntry& node);
  void SetKey(const NodeEntry& node, FleetNode& out) const;
  void SetMtu(const NodeEntry& node, const Nodes& linked, FleetNode& out);
  Nodes LinkedWith(const NodeEntry& node);
  std::vector<IpPrefix> AllowedIps(const NodeEntry& node,
                                   const NodeEntry& peer) const;
  void AddPeer(const NodeEntry& node, const NodeEntry& peer,
               FleetNode& out) const;
  void AddBothKeys(const FleetPeer& entry, FleetNode& out) const;

  const MeshFile& file_;
  FleetPlan& plan_;
  std::map<const NodeEntry*, std::vector<IpPrefix>> prefixes_;
  std::map<const NodeEntry*, const NodeEntry*> hub_of_;
  std::map<const NodeEntry*, Nodes> behind_;  // spokes by hub
};

void Planner::CheckRotation() {
  if (!plan_.rotation) {
    return;
  }
  const RotationState& rotation = *plan_.rotation;
  const NodeEntry* node = file_.FindNode(rotation.node);
  if (node == nullptr) {
    plan_.diagnostics.push_back(
        {Severity::kError, 0,
         "the key of \"" + rotation.node +
             "\" is being rotated, but there is no such node"});
    return;
  }
  if (node->public_key != rotation.from ||
      node->fleet.next_public_key != rotation.to) {
    plan_.diagnostics.push_back(
        {Severity::kError, node->line,
         "node \"" + node->name +
             "\": its rotation is under way from public_key " +
             rotation.from.ToBase64() + " to next_public_key " +
             rotation.to.ToBase64() + ", and the file must have both"});
  }
}

/// A spoke sends everything to its hub; a hub sends to another one what is
/// behind that.
std::vector<IpPrefix> Planner::AllowedIps(const NodeEntry& node,
                                          const NodeEntry& peer) const {
  std::vector<IpPrefix> out = prefixes_.at(&peer);
  const auto add = [&](const NodeEntry& other) {
    const auto& more = prefixes_.at(&other);
    out.insert(out.end(), more.begin(), more.end());
  };
  if (HubOf(node) == &peer) {
    const auto& networks = file_.fleet.networks;
    out.insert(out.end(), networks.begin(), networks.end());
    for (const NodeEntry& other : file_.nodes) {
      if (&other != &node) {
        add(other);
      }
    }
  } else if (IsHub(peer)) {
    if (const auto found = behind_.find(&peer); found != behind_.end()) {
      std::ranges::for_each(found->second,
                            [&](const NodeEntry* spoke) { add(*spoke); });
    }
  }
  return MinimalPrefixes(std::move(out));
}

void Planner::AddPeer(const NodeEntry& node, const NodeEntry& peer,
                      FleetNode& out) const {
  FleetPeer entry;
  entry.name = peer.name;
  entry.public_key = peer.public_key;
  entry.allowed_ips = AllowedIps(node, peer);
  entry.endpoint = peer.endpoint;
  entry.endpoint_name = peer.fleet.endpoint_name;
  // The side that can begin keeps a mapping alive if it has one. A node that
  // has just changed its key greets whom it can.
  if (HasEndpoint(peer) &&
      (IsBehindNat(node) || (IsRotating(node) && IsSwitching()))) {
    entry.keepalive = file_.fleet.keepalive;
  }
  if (IsRotating(peer)) {
    AddBothKeys(entry, out);
  } else {
    out.peers.push_back(std::move(entry));
  }
}

void Planner::AddBothKeys(const FleetPeer& entry, FleetNode& out) const {
  const FleetRotationStep step = plan_.rotation->step;
  const bool has_moved =
      step == FleetRotationStep::kMove || step == FleetRotationStep::kRetire;
  FleetPeer old_key = entry;
  FleetPeer next_key = entry;
  next_key.public_key = plan_.rotation->to;
  next_key.is_next_key = true;
  old_key.expects_handshake = step == FleetRotationStep::kAnnounce;
  next_key.expects_handshake = !old_key.expects_handshake;
  (has_moved ? old_key : next_key).allowed_ips.clear();
  if (has_moved) {
    old_key.keepalive = std::chrono::seconds(0);
  }
  // Without AllowedIPs there is no traffic that would bring the handshake of
  // the next key about.
  if (entry.has_endpoint() && step != FleetRotationStep::kRetire) {
    next_key.keepalive = file_.fleet.keepalive;
  }
  if (step != FleetRotationStep::kRetire) {
    out.peers.push_back(std::move(old_key));
  }
  out.peers.push_back(std::move(next_key));
}

Planner::Nodes Planner::LinkedWith(const NodeEntry& node) {
  Nodes out;
  for (const NodeEntry& peer : file_.nodes) {
    if (&peer == &node || !AreLinked(node, peer)) {
      continue;
    }
    if (HasEndpoint(node) || HasEndpoint(peer)) {
      out.push_back(&peer);
    } else if (&node < &peer) {  // each pair once
      AddWarning(peer,
                 "it and \"" + node.name +
                     "\" have no endpoint, so they cannot reach each other "
                     "without a hub: left out");
    }
  }
  return out;
}

void Planner::SetKey(const NodeEntry& node, FleetNode& out) const {
  const bool uses_next =
      IsRotating(node) && plan_.rotation->step != FleetRotationStep::kAnnounce;
  out.public_key = uses_next ? plan_.rotation->to : node.public_key;
  out.key_name = node.name + (uses_next ? ".next" : "");
}

void Planner::SetMtu(const NodeEntry& node, const Nodes& linked,
                     FleetNode& out) {
  out.mtu = linked.empty() ? kDefaultInnerMtu : UINT16_MAX;
  for (const NodeEntry* peer : linked) {
    out.mtu = std::min(out.mtu, PairMtu(file_, node, *peer));
  }
  const bool has_ipv6 = std::ranges::any_of(node.addresses, &IpAddress::is_v6);
  if (has_ipv6 && out.mtu < kLowestIpv6Mtu) {
    AddWarning(node, "an MTU of " + std::to_string(out.mtu) +
                         " is too small for IPv6 inside; with 1280, packets "
                         "outside will be fragmented");
    out.mtu = kLowestIpv6Mtu;
  }
}

FleetNode Planner::PlanNode(const NodeEntry& node) {
  FleetNode out;
  out.name = node.name;
  out.addresses = node.addresses;
  out.listen_port = ListenPort(node);
  out.forwards = IsHub(node) || !node.routes.empty();
  SetKey(node, out);
  const Nodes linked = LinkedWith(node);
  SetMtu(node, linked, out);
  for (const NodeEntry* peer : linked) {
    AddPeer(node, *peer, out);
  }
  return out;
}

}  // namespace

const FleetPeer* FleetNode::FindPeer(const PublicKey& key) const {
  const auto found = std::ranges::find(peers, key, &FleetPeer::public_key);
  return found != peers.end() ? &*found : nullptr;
}

bool FleetPlan::is_usable() const {
  return std::ranges::none_of(diagnostics, [](const Diagnostic& diagnostic) {
    return diagnostic.severity == Severity::kError;
  });
}

const FleetNode* FleetPlan::FindNode(std::string_view wanted) const {
  const auto found = std::ranges::find(nodes, wanted, &FleetNode::name);
  return found != nodes.end() ? &*found : nullptr;
}

FleetPlan PlanFleet(const MeshFile& file,
                    std::optional<RotationState> rotation) {
  FleetPlan plan;
  plan.rotation = std::move(rotation);
  Planner(file, plan).Run();
  return plan;
}

}  // namespace natkit::mesh
