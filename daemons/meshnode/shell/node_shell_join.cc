#include <algorithm>
#include <chrono>
#include <utility>

#include "join/inventory.h"
#include "natkit/shell/logging.h"
#include "shell/node_shell.h"

namespace natkit::meshnode {

namespace {

/// How long a node that is refused still tells why, to `meshnode wait`.
constexpr Duration kTellRefusal = std::chrono::seconds(1);
constexpr size_t kMaxReported = mesh::kMaxReportedEndpoints;

Instant Now() {
  return io::EventLoop::Now();
}

int64_t UnixSeconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             io::EventLoop::UnixNow().time_since_epoch())
      .count();
}

RelayStreams::Relays ByNumber(const std::vector<mesh::RelayConfig>& relays) {
  RelayStreams::Relays by_number;
  for (const mesh::RelayConfig& relay : relays) {
    by_number.emplace(relay.id, relay.entry);
  }
  return by_number;
}

}  // namespace

Outcome<void> NodeShell::OpenJoined() {
  if (auto opened = OpenControl(options_); !opened) {
    return opened;
  }
  if (auto opened = OpenRoutes(); !opened) {
    return opened;
  }
  if (auto opened = OpenUdp(options_); !opened) {
    return opened;
  }
  OpenDns();
  auto membership = Membership::Open(
      loop_, *options_.join, std::move(options_.auth_key), rng_,
      {.on_map = [this](
                     const mesh::NetworkMap& map,
                     mesh::MapPlan plan) { HandleMap(map, std::move(plan)); },
       .on_state =
           [this](const MembershipState& state) { HandleMembership(state); },
       .on_signal = [this](mesh::NodeId from,
                           ByteView sealed) { HandleSignal(from, sealed); },
       .on_switch_key =
           [this](const StaticPrivateKey& next) { SwitchKey(next); }});
  if (!membership) {
    return std::unexpected(membership.error());
  }
  membership_ = std::move(*membership);
  if (dns_) {
    dns_->SetChangesSystem(membership_->accepts_dns());
  }
  membership_->Start();
  return {};
}

void NodeShell::HandleMap(const mesh::NetworkMap& map, mesh::MapPlan plan) {
  if (node_ == nullptr) {
    if (!map.self || !map.settings) {
      return;  // no place in the mesh yet
    }
    if (auto up = BringUp(map); !up) {
      Stop(kExitFailure, up.error());
      return;
    }
  }
  ApplyPlan(map, std::move(plan));
}

Outcome<void> NodeShell::BringUp(const mesh::NetworkMap& map) {
  uses_port_mapping_ = options_.has_port_mapping;
  mesh_ = MakeInventory(map, membership_->planner());
  // The key on the disk counts: who was killed after the switch to it has a map
  // that names the one before.
  mesh_.nodes.front().public_key = DerivePublicKey(membership_->secrets().node);
  self_ = &mesh_.nodes.front();
  mesh::NodeConfig config{
      .mesh = mesh_,
      .name = self_->name,
      .private_key = membership_->secrets().node.Clone(),
      .signalling_key = membership_->secrets().signalling.Clone(),
      .greets = mesh::GreetPolicy::kActivePeers,
      .filter = mesh::FilterConfig{},
      .wall_clock_offset = io::EventLoop::UnixNow().time_since_epoch() -
                           Now().time_since_epoch()};
  config.mesh.nodes.resize(1);  // peers come by the plan
  config.mesh.relays.clear();   // relays too, by their numbers
  pcp_nonce_key_ = nat::DerivePcpNonceKey(config.private_key.Expose());
  auto node = mesh::Node::Create(std::move(config), rng_);
  if (!node) {
    return std::unexpected("cannot set up the node: " +
                           DescribeError(node.error().code));
  }
  node_ = std::move(*node);
  const auto relays = MakeRelays(map);
  if (auto opened = OpenRelays(ByNumber(relays)); !opened) {
    return opened;
  }
  if (auto set = node_->SetRelays(Now(), relays, std::nullopt); !set) {
    return std::unexpected("the server's relays cannot be used: " +
                           DescribeError(set.error().code));
  }
  if (auto opened = OpenInterface(options_); !opened) {
    return opened;
  }
  WatchNetwork();
  Start();
  LogStart();
  if (dns_) {
    dns_->Start([this] { return PlanDns(); });
  }
  return {};
}

void NodeShell::ApplyPlan(const mesh::NetworkMap& map, mesh::MapPlan plan) {
  // Narrower first: what goes has gone before anything new is allowed.
  mesh::PacketFilter& filter = *node_->filter();
  filter.SetUnixTime(Now(), UnixSeconds());
  filter.DropFlowsOf(plan.revoked);
  if (auto applied = filter.Apply(Now(), std::move(plan.filter)); !applied) {
    shell::Log(LogLevel::kWarning, "the server's rules cannot be applied: " +
                                       DescribeError(applied.error().code));
  }
  mesh::NodeUpdate update;
  for (const mesh::PlannedPeer& peer : plan.remove) {
    update.removed.push_back(peer.node_key);
  }
  for (const mesh::PlannedPeer& peer : plan.set) {
    update.peers.push_back(MakePeerConfig(peer));
  }
  if (auto applied = node_->Apply(Now(), std::move(update)); !applied) {
    shell::Log(LogLevel::kWarning, "the server's map cannot be applied: " +
                                       DescribeError(applied.error().code));
  }
  if (map.self) {
    mesh_ = MakeInventory(map, membership_->planner());
    self_ = &mesh_.nodes.front();
    if (plan.self_changed) {
      node_->SetSelf(Now(), *self_);
    }
    if (plan.relays_changed || plan.settings_changed) {
      UpdateRelays(map);
    }
  }
  if (plan.routes_changed || plan.self_changed || plan.settings_changed) {
    UpdateRoutes();
  }
  if (dns_ && plan.dns_changed) {
    dns_->Refresh();
  }
  Pump();
}

void NodeShell::UpdateRelays(const mesh::NetworkMap& map) {
  const auto relays = MakeRelays(map);
  if (auto set = relays_->SetRelays(ByNumber(relays)); !set) {
    shell::Log(LogLevel::kWarning, set.error());
    return;
  }
  if (auto set = node_->SetRelays(Now(), relays, std::nullopt); !set) {
    shell::Log(LogLevel::kWarning, "the server's relays cannot be used: " +
                                       DescribeError(set.error().code));
  }
  stun_->SetMesh(mesh_);
  stun_->Refresh();
}

void NodeShell::HandleMembership(const MembershipState& state) {
  using Phase = MembershipState::Phase;
  const bool is_trouble = state.phase == Phase::kKeyExpired ||
                          (!state.is_connected && !state.text.empty());
  shell::Log(state.phase == Phase::kRemoved ? LogLevel::kError
             : is_trouble                   ? LogLevel::kWarning
                                            : LogLevel::kInfo,
             DescribeMembership(state));
  if (state.is_refused && node_ == nullptr && !logout_timer_) {
    refusal_timer_.emplace(loop_, [this] {
      Stop(kExitFailure, "stopping: this node has never been in the mesh");
    });
    refusal_timer_->Arm(Now() + kTellRefusal);
  }
  if (logout_timer_ && state.phase == Phase::kRemoved) {
    logout_timer_->Arm(Now());
  }
  if (node_ != nullptr) {
    node_->SetControlReach(Now(),
                           state.is_connected && state.phase == Phase::kActive);
    Pump();
  }
}

void NodeShell::HandleSignal(mesh::NodeId from, ByteView sealed) {
  const auto& peers = membership_->planner().peers();
  const auto peer = peers.find(from);
  if (node_ != nullptr && peer != peers.end()) {
    node_->HandleControlSignal(Now(), peer->second.signalling_key, sealed);
    Pump();
  }
}

void NodeShell::SendSignals() {
  while (const auto signal = node_->PollControlSignal()) {
    const auto& peers = membership_->planner().peers();
    const auto peer = std::ranges::find_if(peers, [&](const auto& entry) {
      return entry.second.node_key == signal->peer;
    });
    if (peer != peers.end()) {
      (void)membership_->SendSignal(peer->first, signal->bytes);
    }
  }
}

void NodeShell::SwitchKey(const StaticPrivateKey& next) {
  if (node_ == nullptr) {
    return;
  }
  if (auto set = node_->SetPrivateKey(Now(), next.Clone()); !set) {
    shell::Log(LogLevel::kWarning,
               "cannot use the next key: " + DescribeError(set.error().code));
  }
  Pump();
}

void NodeShell::ReportSelf(const std::vector<Endpoint>& reflexive) {
  if (membership_ == nullptr) {
    return;
  }
  // Only what STUN saw of the WireGuard socket, and its own addresses: never
  // the address of the stream to the server.
  std::vector<Endpoint> endpoints = reflexive;
  for (const Endpoint& local : node_->Snapshot().local_endpoints) {
    endpoints.push_back(local);
  }
  endpoints.resize(std::min(endpoints.size(), kMaxReported));
  membership_->SetReport(
      {.endpoints = std::move(endpoints),
       .home_relay = uint64_t{node_->home_relay().value_or(0)}});
}

}  // namespace natkit::meshnode
