#include "natkit/mesh/coord/coordinator.h"

#include <algorithm>

#include "coord/coordinator_impl.h"
#include "natkit/base/queue.h"

namespace natkit::mesh {

namespace {

constexpr size_t kMaxNotices = 4096;

void Earlier(std::optional<Instant>& next, std::optional<Instant> candidate) {
  if (candidate) {
    next = next ? std::min(*next, *candidate) : *candidate;
  }
}

template <class Set>
std::optional<Instant> FirstOf(const Set& set) {
  return set.empty() ? std::nullopt : std::optional(set.begin()->first);
}

}  // namespace

Coordinator::Impl::Impl(CoordinatorConfig config, Registry& registry, Rng& rng,
                        ServerTime time)
    : config_(std::move(config)),
      registry_(registry),
      rng_(rng),
      views_(registry.mesh().digest_key),
      epoch_(rng.NextU64()),
      failures_(config_.failures_burst, std::chrono::seconds(1)),
      requests_(config_.requests_burst, std::chrono::seconds(10)) {
  UpdateShared();
  presume_until_ = time.now + config_.presume_routers;
  trust_until_ = time.now + config_.trust_routers;
  for (const auto& [id, node] : registry_.nodes()) {
    if (!node.approved.empty()) {
      presumed_.insert(id);
    }
    UpdateNode(time, id);
  }
  for (const auto& [prefix, record] : registry_.route_primaries()) {
    views_.RestorePrimary(prefix, record.router);
  }
  UpdateRegistryDeadline(time);
}

void Coordinator::Impl::Notify(CoordinatorNotice::Kind kind, std::string text) {
  if (notices.size() < kMaxNotices) {
    notices.push_back({.kind = kind, .text = std::move(text)});
  }
}

// ---- What follows from changes ---------------------------------------------

std::vector<ViewRole> Coordinator::Impl::RolesOf(const NodeRecord& node) const {
  if (!policy_) {
    return {};
  }
  const auto user = registry_.users().find(node.owner.user);
  const bool has_user =
      !node.owner.is_tagged() && user != registry_.users().end();
  return policy_->RolesOf(node, has_user ? &user->second : nullptr);
}

ViewNode Coordinator::Impl::MakeViewNode(const NodeRecord& node) const {
  const std::string user = node.owner.is_tagged() ? "" : node.owner.user;
  const bool is_exit = node.offers_exit && node.is_exit_approved;
  ViewNode view{.id = node.id,
                .roles = RolesOf(node),
                .is_online = registry_.is_online(node.id),
                .is_presumed = presumed_.contains(node.id)};
  view.is_trusted = view.is_presumed && trusts_presumed_;
  for (const IpPrefix& route : node.approved) {
    if (std::ranges::find(node.advertised, route) != node.advertised.end()) {
      view.routes.push_back(route);
    }
  }
  view.peer_body =
      EncodeItem(PeerInfo{.name = node.name,
                          .user = user,
                          .tags = node.owner.tags,
                          .addresses = node.addresses,
                          .node_key = node.keys.node_key,
                          .next_key = node.next_key,
                          .signalling_key = node.keys.signalling_key,
                          .home_relay = registry_.home_relay(node.id),
                          .endpoints = registry_.endpoints(node.id),
                          .is_online = view.is_online});
  view.self_body = EncodeItem(SelfInfo{.name = node.name,
                                       .user = user,
                                       .tags = node.owner.tags,
                                       .addresses = node.addresses,
                                       .approved_routes = view.routes,
                                       .may_be_exit = is_exit,
                                       .key_expiry = node.key_expiry,
                                       .node_key = node.keys.node_key,
                                       .next_key = node.next_key});
  return view;
}

void Coordinator::Impl::UpdateNode(ServerTime time, NodeId id) {
  const NodeRecord* node = registry_.FindNode(id);
  if (node != nullptr && registry_.IsServing(time.wall, *node)) {
    views_.SetNode(MakeViewNode(*node));
  } else {
    views_.RemoveNode(id);
  }
}

void Coordinator::Impl::UpdateShared() {
  const MeshRecord& mesh = registry_.mesh();
  std::map<ItemKey, std::vector<uint8_t>> items;
  items[KeyOf(ItemClass::kDns)] = EncodeItem(mesh.dns);
  items[KeyOf(ItemClass::kSettings)] =
      EncodeItem(SettingsInfo{.mesh_name = mesh.name,
                              .mtu = config_.mtu,
                              .stun_servers = config_.stun_servers,
                              .mesh_prefixes = {mesh.ipv4, mesh.ipv6}});
  for (const auto& [id, relay] : registry_.relays()) {
    items[KeyOf(ItemClass::kRelay, id)] = EncodeItem(relay.info);
  }
  views_.SetShared(std::move(items));
}

void Coordinator::Impl::UpdatePolicy(ServerTime time) {
  views_.SetPolicy(
      policy_ ? policy_->Rules() : std::vector<ViewRule>(), [this](NodeId id) {
        const NodeRecord* node = registry_.FindNode(id);
        return node == nullptr ? std::vector<ViewRole>() : RolesOf(*node);
      });
  TakeViewChanges(time, true);
}

void Coordinator::Impl::SetPolicy(ServerTime time,
                                  std::shared_ptr<const PolicyView> policy) {
  policy_ = std::move(policy);
  registry_.SetPolicyHooks(policy_);
  UpdatePolicy(time);
}

void Coordinator::Impl::TakeRegistryChanges(ServerTime time) {
  RegistryChanges changes = registry_.TakeChanges();
  if (changes.is_empty()) {
    return;
  }
  if (changes.relays || changes.mesh) {
    UpdateShared();
  }
  for (const NodeId id : changes.revoked) {
    UpdateNode(time, id);
  }
  TakeViewChanges(time, !changes.revoked.empty());
  for (const NodeId id : changes.nodes) {
    UpdateNode(time, id);
    UpdateRouterDeadlines(id);
  }
  if (changes.users) {
    for (const auto& [id, node] : registry_.nodes()) {
      UpdateNode(time, id);
    }
  }
  TakeViewChanges(time, false);
  EndRevoked(time, changes);
  UpdateRegistryDeadline(time);
}

void Coordinator::Impl::EndRevoked(ServerTime time,
                                   const RegistryChanges& changes) {
  for (const NodeId id : changes.revoked) {
    rotations_.End(id);
    CoordSession* session = SessionOf(id);
    const NodeRecord* node = registry_.FindNode(id);
    if (session != nullptr && node == nullptr) {
      Goodbye(time, *session, GoodbyeReason::kRevoked,
              "this node was removed from the mesh");
    }
    if (session == nullptr || node == nullptr) {
      ForgetViewer(id);
    }
    if (node == nullptr) {
      logins_.erase(id);
    }
  }
  for (const NodeId id : changes.nodes) {
    CoordSession* session = SessionOf(id);
    if (session != nullptr && session->phase != Phase::kClosing) {
      const NodeRecord* node = registry_.FindNode(id);
      const bool should_serve =
          node != nullptr && registry_.IsServing(time.wall, *node);
      if (node != nullptr &&
          should_serve != (session->phase == Phase::kActive)) {
        Admit(time, *session, std::nullopt);
      }
    }
  }
}

Result<void> Coordinator::Impl::Settle(ServerTime time) {
  TakeRegistryChanges(time);
  RememberPrimaries();
  if (auto committed = registry_.Commit(); !committed) {
    return committed;
  }
  FlushDue(time);
  // What the flushes themselves changed, if anything.
  return registry_.Commit();
}

// ---- Time ------------------------------------------------------------------

void Coordinator::Impl::HandleTimeout(ServerTime time) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= time.now) {
    const auto [at, id] = *deadlines_.begin();
    deadlines_.erase(deadlines_.begin());
    CoordSession& session = *sessions_.at(id);
    session.deadline.reset();
    HandleSessionTimeout(time, session);
  }
  while (!farewells_.empty() && farewells_.begin()->first <= time.now) {
    ForgetViewer(farewells_.begin()->second);
  }
  ReportLate(time);
  EndPresumptions(time);
  for (const NodeId node : rotations_.Due(time.now)) {
    GoRotation(time, node);
  }
  if (registry_next_ && *registry_next_ <= time.wall) {
    registry_.HandleTimeout(time.wall);
    UpdateRegistryDeadline(time);
  }
}

void Coordinator::Impl::EndPresumptions(ServerTime time) {
  const bool ends_all = presume_until_ <= time.now;
  const bool ends_trust = trusts_presumed_ && trust_until_ <= time.now;
  if (presumed_.empty() || (!ends_all && !ends_trust)) {
    return;
  }
  trusts_presumed_ = trusts_presumed_ && !ends_trust;
  const std::set<NodeId> silent = presumed_;
  if (ends_all) {
    presumed_.clear();
  }
  for (const NodeId id : silent) {
    UpdateNode(time, id);
  }
  TakeViewChanges(time, false);
}

void Coordinator::Impl::RememberPrimaries() {
  for (const auto& [prefix, router] : views_.TakePrimaries()) {
    registry_.SetRoutePrimary(prefix, router);
  }
}

void Coordinator::Impl::UpdateRegistryDeadline(ServerTime time) {
  registry_next_ = registry_.NextTimeout();
  wall_offset_ = time.wall.time_since_epoch() - time.now.time_since_epoch();
}

std::optional<Instant> Coordinator::Impl::NextTimeout() const {
  std::optional<Instant> next;
  Earlier(next, FirstOf(deadlines_));
  Earlier(next, FirstOf(flushes_));
  Earlier(next, FirstOf(farewells_));
  Earlier(next, FirstOf(late_));
  if (!presumed_.empty()) {
    Earlier(next, trusts_presumed_ ? std::min(trust_until_, presume_until_)
                                   : presume_until_);
  }
  Earlier(next, rotations_.NextTimeout());
  if (registry_next_) {
    Earlier(next, Instant(registry_next_->time_since_epoch() - wall_offset_));
  }
  return next;
}

void Coordinator::Impl::Shutdown(ServerTime time) {
  for (auto& [id, session] : sessions_) {
    Goodbye(time, *session, GoodbyeReason::kShuttingDown,
            "the coordination server is shutting down");
  }
}

CoordinatorCounters Coordinator::Impl::counters() const {
  CoordinatorCounters counters = counters_;
  counters.streams = by_node_.size();
  counters.unproven = unproven_.size();
  counters.watched = viewers_.size();
  return counters;
}

// ---- The door --------------------------------------------------------------

Coordinator::Coordinator(CoordinatorConfig config, Registry& registry, Rng& rng,
                         ServerTime time)
    : impl_(std::make_unique<Impl>(std::move(config), registry, rng, time)) {}

Coordinator::~Coordinator() = default;

void Coordinator::SetPolicy(ServerTime time,
                            std::shared_ptr<const PolicyView> policy) {
  impl_->SetPolicy(time, std::move(policy));
}

void Coordinator::HandleOpen(ServerTime time, ConnectionId connection,
                             const std::array<uint8_t, 32>& exporter,
                             const IpAddress& source) {
  impl_->HandleOpen(time, connection, exporter, source);
}

void Coordinator::HandleBytes(ServerTime time, ConnectionId connection,
                              ByteView bytes) {
  impl_->HandleBytes(time, connection, bytes);
}

void Coordinator::HandleClosed(ServerTime time, ConnectionId connection) {
  impl_->HandleClosed(time, connection);
}

void Coordinator::HandleTimeout(ServerTime time) {
  impl_->HandleTimeout(time);
}

void Coordinator::Shutdown(ServerTime time) {
  impl_->Shutdown(time);
}

Result<void> Coordinator::Settle(ServerTime time) {
  return impl_->Settle(time);
}

std::vector<ConnectionId> Coordinator::TakeWritable() {
  return impl_->TakeWritable();
}

size_t Coordinator::PollBytes(ServerTime time, ConnectionId connection,
                              MutableBytes out) {
  return impl_->PollBytes(time, connection, out);
}

std::optional<CloseConnection> Coordinator::PollCommand() {
  return TakeFront(impl_->commands);
}

std::optional<CoordinatorNotice> Coordinator::PollNotice() {
  return TakeFront(impl_->notices);
}

std::optional<Instant> Coordinator::NextTimeout() const {
  return impl_->NextTimeout();
}

CoordinatorCounters Coordinator::counters() const {
  return impl_->counters();
}

const ViewIndex& Coordinator::views() const {
  return impl_->views();
}

}  // namespace natkit::mesh
