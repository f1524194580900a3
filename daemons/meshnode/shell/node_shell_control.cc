#include <algorithm>
#include <chrono>
#include <utility>

#include "control/control_protocol.h"
#include "control/debug_report.h"
#include "control/status_field.h"
#include "natkit/shell/logging.h"
#include "natkit/shell/recent_log.h"
#include "netcheck/netcheck_servers.h"
#include "shell/node_shell.h"

// What a running node is asked for over its control socket.

namespace natkit::meshnode {

namespace {

/// A server that answers at all does so by then.
constexpr Duration kLogoutWait = std::chrono::seconds(5);

}  // namespace

MeshStanding NodeShell::Standing(const mesh::NodeState* engine) const {
  MeshStanding standing{.name = options_.name, .engine = engine};
  if (membership_) {
    standing.membership = &membership_->state();
    standing.membership_text = DescribeMembership(membership_->state());
    standing.map = membership_->map();
    if (!membership_->save_error().empty()) {
      standing.troubles.push_back(membership_->save_error());
    }
  }
  if (routes_ && standing.map != nullptr) {
    if (const auto exit = membership_->ExitName(*standing.map)) {
      standing.exit = {.name = *exit, .is_usable = routes_->is_exit_usable()};
    }
    std::ranges::move(routes_->Troubles(),
                      std::back_inserter(standing.troubles));
  }
  if (dns_) {
    const auto backend = dns_->backend();
    standing.dns = {.listen = dns_->local_endpoints(),
                    .system = backend ? std::string(BackendName(*backend)) : "",
                    .system_resolvers = dns_->system_resolvers()};
  }
  return standing;
}

std::string NodeShell::StatusLine() const {
  if (node_ == nullptr) {
    return FormatStatus(Standing(nullptr), {});
  }
  const mesh::NodeState engine = node_->Snapshot();
  return FormatStatus(Standing(&engine), node_->counters());
}

std::string NodeShell::DebugLine() const {
  return FormatResult(FormatDebugReport(
      {.map = membership_ ? membership_->map() : nullptr,
       .settings = membership_ ? membership_->settings()
                               : std::map<std::string, std::string>(),
       .log = shell::RecentLog()}));
}

Outcome<std::string> NodeShell::NetcheckLine() const {
  if (const auto not_ready = NotReady()) {
    return std::unexpected(*not_ready);
  }
  NetcheckServers servers = ServersOf(mesh_);
  servers.fwmark = fwmark_;
  servers.has_exit = routes_ != nullptr && routes_->takes_all_dns();
  for (const mesh::RelayState& relay : node_->Snapshot().relays) {
    const auto found =
        std::ranges::find(servers.relays, relay.name, &NetcheckRelay::name);
    if (found != servers.relays.end()) {
      found->is_home = relay.is_home;
    }
  }
  return FormatResult(FormatServers(servers));
}

Outcome<std::string> NodeShell::Set(
    const std::map<std::string, std::string>& values) {
  if (!membership_) {
    return std::unexpected(
        std::string("this node is one of a mesh file: change the file"));
  }
  if (!values.empty()) {
    if (auto set = membership_->Set(values); !set) {
      return std::unexpected(set.error());
    }
    if (dns_) {
      dns_->SetChangesSystem(membership_->accepts_dns());
    }
    Pump();
  }
  return FormatSettings(membership_->settings());
}

Outcome<std::string> NodeShell::Rekey() {
  if (!membership_) {
    return std::unexpected(
        std::string("this node is one of a mesh file: its key is changed by "
                    "`meshnode rotate`"));
  }
  const PublicKey previous = DerivePublicKey(membership_->secrets().node);
  if (auto begun = membership_->RotateKey(); !begun) {
    return std::unexpected(begun.error());
  }
  return FormatRekey(previous);
}

Outcome<std::string> NodeShell::Logout() {
  if (!membership_) {
    return std::unexpected(
        std::string("this node is one of a mesh file: there is no server"));
  }
  const bool is_heard = membership_->state().is_connected;
  if (is_heard) {
    membership_->Logout();
  }
  logout_timer_.emplace(loop_, [this] {
    membership_->Forget();
    Stop(kExitOk, "stopping: this node has left the mesh");
  });
  logout_timer_->Arm(io::EventLoop::Now() +
                     (is_heard ? kLogoutWait : Duration{}));
  return FormatLogout(is_heard);
}

}  // namespace natkit::meshnode
