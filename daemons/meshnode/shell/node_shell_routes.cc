#include "shell/node_shell_routes.h"

#include <algorithm>
#include <utility>

#include "natkit/io/interfaces.h"
#include "natkit/mesh/routing/prefixes.h"
#include "natkit/shell/logging.h"
#include "shell/node_shell.h"

namespace natkit::meshnode {

namespace {

constexpr const char* kDefaultRoutes[] = {"0.0.0.0/0", "::/0"};

std::vector<routing::LocalNetwork> ListLocalNetworks() {
  std::vector<routing::LocalNetwork> networks;
  const auto addresses = io::ListInterfaceAddresses();
  if (!addresses) {
    shell::Log(LogLevel::kWarning, "cannot list the network addresses: " +
                                       DescribeError(addresses.error().code));
    return networks;
  }
  for (const io::InterfaceAddress& item : *addresses) {
    const auto prefix = IpPrefix::Make(item.address, item.prefix_length);
    if (prefix) {
      networks.push_back({item.interface, *prefix});
    }
  }
  return networks;
}

}  // namespace

Outcome<std::unique_ptr<NodeRoutes>> NodeRoutes::Start(RouteSettings settings) {
  std::unique_ptr<NodeRoutes> routes(new NodeRoutes(std::move(settings)));
  if (auto started = routes->manager_.Start(); !started) {
    return std::unexpected("cannot set up routes: " + started.error());
  }
  return routes;
}

NodeRoutes::NodeRoutes(RouteSettings settings)
    : settings_(settings),
      manager_(std::move(settings), {},
               [](LogLevel level, std::string_view text) {
                 shell::Log(level, std::string(text));
               }) {}

void NodeRoutes::Update(const Source& source) {
  const routing::RoutePlan plan = routing::MakePlan(MakeInput(source));
  takes_all_dns_ = plan.takes_all_dns;
  is_exit_usable_ = true;
  troubles_.clear();
  std::vector<std::string> findings;
  for (const routing::Finding& finding : plan.findings) {
    findings.push_back(finding.text);
    if (finding.kind == routing::FindingKind::kExitUnusable) {
      is_exit_usable_ = false;
      troubles_.push_back(finding.text);
    }
  }
  if (auto applied = manager_.Apply(plan.system); !applied) {
    is_exit_usable_ = false;  // who knows which ways packets take
    troubles_.push_back("routes: " + applied.error());
    findings.push_back(troubles_.back());
  }
  Note(std::move(findings));
}

std::vector<std::string> NodeRoutes::Troubles() const {
  std::vector<std::string> out = troubles_;
  if (auto trouble = manager_.Trouble()) {
    out.push_back(std::move(*trouble));
  }
  return out;
}

routing::PlanInput NodeRoutes::MakeInput(const Source& source) const {
  const RoutingOptions& options = source.membership.routing();
  routing::PlanInput input{
      .tun = settings_.tun,
      .mtu = source.mtu,
      .addresses = source.addresses,
      .advertised = RoutesInUse(source.map, options),
      .exit = source.membership.ExitName(source.map),
      .lan_access = options.exit_allows_lan ? routing::LanAccess::kOn
                                            : routing::LanAccess::kOff,
      .snat = options.has_snat ? routing::Snat::kOn : routing::Snat::kOff,
      .local_networks = ListLocalNetworks()};
  // Of a node that was removed, too: its peers' addresses are nobody else's.
  const mesh::NetworkMap* last = source.membership.map();
  if (last != nullptr && last->settings) {
    input.mesh_prefixes = last->settings->mesh_prefixes;
  }
  for (const auto& [id, peer] : source.membership.planner().peers()) {
    input.peers.push_back({.name = peer.name,
                           .addresses = peer.addresses,
                           .routes = peer.routes});
  }
  return input;
}

void NodeRoutes::Note(std::vector<std::string> findings) {
  for (const std::string& text : findings) {
    if (!routing::Has(findings_, text)) {
      shell::Log(LogLevel::kWarning, text);
    }
  }
  findings_ = std::move(findings);
}

std::vector<IpPrefix> RoutesInUse(const mesh::NetworkMap& map,
                                  const RoutingOptions& options) {
  std::vector<IpPrefix> routes;
  if (!map.self) {
    return routes;
  }
  for (const IpPrefix& route : options.advertised_routes) {
    if (routing::Has(map.self->approved_routes, route)) {
      routes.push_back(route);
    }
  }
  if (options.advertises_exit && map.self->may_be_exit) {
    for (const char* text : kDefaultRoutes) {
      routes.push_back(*IpPrefix::Parse(text));
    }
  }
  return routes;
}

// ---- NodeShell -------------------------------------------------------------

Outcome<void> NodeShell::OpenRoutes() {
  if (!options_.has_tun) {
    return {};
  }
  RouteSettings settings = RouteSettingsFor(options_.tun_name);
  settings.enables_forwarding = options_.join->enables_forwarding;
  auto routes = NodeRoutes::Start(std::move(settings));
  if (!routes) {
    return std::unexpected(routes.error());
  }
  routes_ = std::move(*routes);
  fwmark_ = routes_->fwmark();
  options_.join->fwmark = fwmark_;
  return {};
}

void NodeShell::UpdateRoutes() {
  static const mesh::NetworkMap kNoMap;
  if (!routes_ || !tun_ || self_ == nullptr) {
    return;
  }
  const mesh::NetworkMap* map = membership_->map();
  const bool is_member = map != nullptr && membership_->state().phase ==
                                               MembershipState::Phase::kActive;
  routes_->Update({.map = is_member ? *map : kNoMap,
                   .membership = *membership_,
                   .addresses = self_->addresses,
                   .mtu = mesh_.mtu});
  if (dns_) {
    dns_->Refresh();  // an exit takes all names, too
  }
}

}  // namespace natkit::meshnode
