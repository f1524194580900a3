#include "join/membership.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "natkit/base/log.h"
#include "natkit/shell/logging.h"

namespace natkit::meshnode {

namespace {

/// The map is written when it has been quiet for that long.
constexpr Duration kSaveAfter = std::chrono::seconds(2);
/// How late the node may notice that its clock was set or that it slept.
constexpr Duration kRenewalCheck = std::chrono::hours(1);

mesh::WallTime WallNow() {
  return std::chrono::time_point_cast<mesh::WallTime::duration>(
      std::chrono::system_clock::now());
}

std::string SystemHostName() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "node";
}

std::string ServerText(const shell::ServerAddress& server) {
  const bool is_v6 = server.host.find(':') != std::string::npos;
  return (is_v6 ? "[" + server.host + "]" : server.host) + ":" +
         std::to_string(server.port);
}

void Warn(const std::string& text) {
  shell::Log(LogLevel::kWarning, text);
}

std::optional<mesh::NodeId> FindPeer(const mesh::NetworkMap& map,
                                     const std::string& name) {
  const auto address = IpAddress::Parse(name);
  for (const auto& [id, peer] : map.peers) {
    const bool has_address =
        address &&
        std::ranges::find(peer.addresses, *address) != peer.addresses.end();
    if (peer.name == name || has_address) {
      return id;
    }
  }
  return std::nullopt;
}

bool RemovesPeer(const mesh::NetworkMap& map, const mesh::MapChanges& changes) {
  return std::ranges::any_of(changes.items, [&](const mesh::ItemKey& key) {
    return key.item_class == static_cast<uint32_t>(mesh::ItemClass::kPeer) &&
           !map.peers.contains(key.id);
  });
}

}  // namespace

std::string DescribeMembership(const MembershipState& state) {
  using Phase = MembershipState::Phase;
  switch (state.phase) {
    case Phase::kConnecting:
      return state.text.empty()
                 ? "connecting to " + state.server
                 : "no stream to " + state.server + ": " + state.text;
    case Phase::kPendingApproval:
      return "waiting for an administrator: coordd nodes approve " +
             state.approval_code +
             " --user NAME (or --tag; neither, if its key names an owner)";
    case Phase::kActive:
      return state.is_connected ? "in the mesh"
             : state.is_from_saved_map
                 ? "working from the saved map; " + state.server +
                       " is not reached yet"
                 : "no stream to " + state.server + ": " + state.text;
    case Phase::kKeyExpired:
      return "the key of this node has expired; join again with an auth key, "
             "or have an administrator renew it";
    case Phase::kRemoved:
      return state.is_refused
                 ? state.server + " refused this node: " + state.text
                 : "not in the mesh: " + state.text;
  }
  return "";
}

Outcome<std::unique_ptr<Membership>> Membership::Open(io::EventLoop& loop,
                                                      JoinOptions options,
                                                      SecretString auth_key,
                                                      Rng& rng,
                                                      Handlers handlers) {
  auto directory = StateDirectory::Open(options.state_path, rng);
  if (!directory) {
    return std::unexpected(directory.error());
  }
  auto secrets = directory->LoadSecrets();
  if (!secrets) {
    return std::unexpected(secrets.error());
  }
  std::unique_ptr<Membership> membership(
      new Membership(loop, std::move(options), rng, std::move(handlers),
                     std::move(*directory), std::move(*secrets)));
  if (auto loaded = membership->LoadSettings(); !loaded) {
    return std::unexpected(loaded.error());
  }
  if (auto connected = membership->Connect(std::move(auth_key)); !connected) {
    return std::unexpected(connected.error());
  }
  return membership;
}

Membership::Membership(io::EventLoop& loop, JoinOptions options, Rng& rng,
                       Handlers handlers, StateDirectory directory,
                       NodeSecrets secrets)
    : loop_(loop),
      options_(std::move(options)),
      rng_(rng),
      handlers_(std::move(handlers)),
      directory_(std::move(directory)),
      secrets_(std::move(secrets)),
      machine_(secrets_.machine),
      posture_(loop, options_.posture_path, [this] { Report(); }),
      save_timer_(loop, [this] { SaveMap(); }),
      renewal_timer_(loop, [this] { RenewKey(); }) {
  if (const auto made = directory_.NodeKeyTime()) {
    renewal_.SetKeyMade(*made);
  }
}

Outcome<void> Membership::Connect(SecretString auth_key) {
  auto server = shell::ParseServerAddress(options_.server);
  if (!server) {
    return std::unexpected(server.error());
  }
  state_.server = ServerText(*server);
  server->pin = options_.pin;
  server->fwmark = options_.fwmark;
  mesh::ControlClientConfig config{
      .machine_seed = secrets_.machine.Clone(),
      .node_key = secrets_.node.Clone(),
      .signalling_key = secrets_.signalling.Clone(),
      .auth_key = std::move(auth_key),
      .host_name =
          options_.host_name.empty() ? SystemHostName() : options_.host_name,
      .is_ephemeral = options_.is_ephemeral,
      .tags = options_.tags,
      .software = "natkit " NATKIT_VERSION};
  auto saved = directory_.LoadMap(machine_.key());
  if (!saved) {
    Warn(saved.error() + "; starting without it");
  } else {
    config.saved_map = std::move(*saved);
  }
  auto link = shell::ControlLink::Make(
      loop_, std::move(*server), std::move(config), rng_,
      [this](mesh::ControlEvent event) { HandleEvent(std::move(event)); });
  if (!link) {
    return std::unexpected(link.error());
  }
  link_ = std::move(*link);
  return {};
}

void Membership::Start() {
  if (map() != nullptr) {
    state_.phase = MembershipState::Phase::kActive;
    state_.is_from_saved_map = true;
    ApplyMap({.is_whole = true});
  }
  Tell();
  if (secrets_.next_node) {
    link_->client().AnnounceKey(io::EventLoop::Now(),
                                secrets_.next_node->Clone());
  }
  Report();
  link_->Start();
}

const mesh::NetworkMap* Membership::map() const {
  const mesh::MapReplica* replica = link_->client().map();
  return replica == nullptr ? nullptr : &replica->map();
}

void Membership::Tell() {
  handlers_.on_state(state_);
}

// ---- What the server says --------------------------------------------------

void Membership::HandleEvent(mesh::ControlEvent event) {
  std::visit([this](const auto& part) { Handle(part); }, event);
}

void Membership::Handle(const mesh::ControlAdmitted& admitted) {
  using Phase = MembershipState::Phase;
  state_.is_connected = true;
  state_.is_from_saved_map = false;
  state_.node = admitted.node;
  state_.approval_code = admitted.approval_code;
  state_.text = admitted.message;
  switch (admitted.state) {
    case mesh::AdmissionState::kActive:
      state_.phase = Phase::kActive;
      break;
    case mesh::AdmissionState::kPendingApproval:
      state_.phase = Phase::kPendingApproval;
      break;
    case mesh::AdmissionState::kKeyExpired:
      state_.phase = Phase::kKeyExpired;
      break;
  }
  if (state_.phase != Phase::kActive) {
    LeaveMap();
  }
  Tell();
}

void Membership::Handle(const mesh::ControlMapChanged& changed) {
  ApplyMap(changed.changes);
  if (RemovesPeer(*map(), changed.changes)) {
    SaveMap();  // before it is acknowledged: no crash brings the peer back
    return;
  }
  save_timer_.Arm(io::EventLoop::Now() + kSaveAfter);
}

void Membership::Handle(const mesh::ReceivedSignal& signal) {
  handlers_.on_signal(signal.from, signal.sealed);
}

void Membership::Handle(const mesh::ControlLost& lost) {
  state_.is_connected = false;
  state_.text = lost.why;
  if (!lost.goodbye && link_->last_code() == Errc::kBadCertificate) {
    state_.text += options_.pin.empty()
                       ? "; a certificate that no authority signed is named "
                         "by --server-pin"
                       : "; it is not the one of --server-pin";
  }
  if (lost.is_final) {
    state_.is_refused = lost.goodbye == mesh::GoodbyeReason::kRefused;
    state_.phase = MembershipState::Phase::kRemoved;
    LeaveMap();
    if (lost.goodbye == mesh::GoodbyeReason::kRevoked ||
        lost.goodbye == mesh::GoodbyeReason::kLoggedOut) {
      directory_.DropMap();
    }
  }
  Tell();
}

// ---- The map ---------------------------------------------------------------

mesh::MapChoices Membership::Choices(const mesh::NetworkMap& map) const {
  const RoutingOptions& routing = options_.routing;
  mesh::MapChoices choices{.accepts_routes = routing.accepts_routes,
                           .own_routes = routing.advertised_routes};
  if (!routing.exit_node.empty()) {
    choices.exit = FindPeer(map, routing.exit_node);
  }
  return choices;
}

std::optional<std::string> Membership::ExitName(
    const mesh::NetworkMap& map) const {
  const std::string& wanted = options_.routing.exit_node;
  if (wanted.empty()) {
    return std::nullopt;
  }
  const auto id = FindPeer(map, wanted);
  return id ? map.peers.at(*id).name : wanted;
}

void Membership::ApplyMap(const mesh::MapChanges& changes) {
  const mesh::NetworkMap& current = *map();
  if (current.self) {
    renewal_.SetExpiry(WallNow(), current.self->key_expiry);
    ArmRenewal();
  }
  handlers_.on_map(current, planner_.Plan(current, changes, Choices(current)));
}

void Membership::Replan() {
  if (map() != nullptr && state_.phase == MembershipState::Phase::kActive) {
    mesh::MapPlan plan = planner_.Plan(*map(), {}, Choices(*map()));
    plan.routes_changed = true;  // not only the planner's part of them
    handlers_.on_map(*map(), std::move(plan));
  }
}

void Membership::LeaveMap() {
  handlers_.on_map({}, planner_.Clear());
}

void Membership::SaveMap() {
  const mesh::MapReplica* replica = link_->client().map();
  if (replica == nullptr || state_.phase != MembershipState::Phase::kActive) {
    return;
  }
  const auto saved = directory_.SaveMap(machine_, *replica);
  save_error_ = saved ? "" : saved.error();
  if (!saved) {
    Warn(save_error_);
  }
}

// ---- What we say -----------------------------------------------------------

void Membership::SetReport(mesh::NodeReport report) {
  report_ = std::move(report);
  Report();
}

void Membership::Report() {
  mesh::NodeReport report = report_;
  report.routes = options_.routing.advertised_routes;
  report.offers_exit = options_.routing.advertises_exit;
  report.attributes = posture_.attributes();
  report.host_name =
      options_.host_name.empty() ? SystemHostName() : options_.host_name;
  link_->client().SetReport(io::EventLoop::Now(), std::move(report));
  link_->Pump();
}

bool Membership::SendSignal(mesh::NodeId to, ByteView sealed) {
  const bool is_sent =
      link_->client().SendSignal(io::EventLoop::Now(), to, sealed);
  link_->Pump();
  return is_sent;
}

void Membership::HandleNetworkChange() {
  link_->client().Probe(io::EventLoop::Now());
  link_->Pump();
}

void Membership::SetRouting(RoutingOptions routing) {
  options_.routing = std::move(routing);
  Report();
  Replan();
}

void Membership::Logout() {
  link_->client().Logout(io::EventLoop::Now());
  link_->Pump();
}

void Membership::Stop() {
  SaveMap();
  link_->client().Stop(io::EventLoop::Now());
  link_->Pump();
}

// ---- Rotation of the node key ----------------------------------------------

Outcome<void> Membership::RotateKey() {
  if (state_.phase != MembershipState::Phase::kActive || !state_.is_connected) {
    return std::unexpected(
        std::string("a key is rotated with the help of the server, and there "
                    "is no stream to it"));
  }
  StaticPrivateKey next = GeneratePrivateKey(rng_);
  if (auto saved = directory_.SaveNextKey(next); !saved) {
    return saved;
  }
  secrets_.next_node = next.Clone();
  link_->client().AnnounceKey(io::EventLoop::Now(), std::move(next));
  link_->Pump();
  return {};
}

void Membership::ArmRenewal() {
  const mesh::WallTime now = WallNow();
  const auto next = renewal_.NextAttempt(now);
  if (!next) {
    renewal_timer_.Disarm();
    return;
  }
  const bool must_wait = *next <= now && !state_.is_connected;
  renewal_timer_.Arm(io::EventLoop::Now() +
                     (must_wait
                          ? kRenewalCheck
                          : std::min<Duration>(*next - now, kRenewalCheck)));
}

void Membership::RenewKey() {
  const mesh::WallTime now = WallNow();
  const auto next = renewal_.NextAttempt(now);
  if (next && *next <= now && state_.is_connected) {
    renewal_.HandleAttempt(now);
    if (auto begun = RotateKey(); !begun) {
      Warn("the node key, which will expire, could not be changed: " +
           begun.error());
    }
  }
  ArmRenewal();
}

void Membership::Handle(const mesh::ControlRotation& rotation) {
  if (!secrets_.next_node) {
    return;
  }
  if (rotation.step == mesh::RotationStep::kAbort) {
    (void)directory_.DropNextKey();
    secrets_.next_node.reset();
    link_->client().AbortRotation(io::EventLoop::Now());
    Warn("the server refused the next node key; the present one stays");
    return;
  }
  // On disk first: whoever starts after a crash proves the next key then, and
  // the server takes that for the switch.
  if (auto promoted = directory_.PromoteNextKey(); !promoted) {
    Warn(promoted.error() + "; the present node key stays");
    return;
  }
  secrets_.node = std::move(*secrets_.next_node);
  secrets_.next_node.reset();
  handlers_.on_switch_key(secrets_.node);
  link_->client().SwitchKey(io::EventLoop::Now());
  link_->Pump();
}

}  // namespace natkit::meshnode
