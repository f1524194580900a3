#include <optional>

#include "dns/dns_plan.h"
#include "dns/node_dns.h"
#include "shell/node_shell.h"

// Names on a node that joined.

namespace natkit::meshnode {

void NodeShell::OpenDns() {
  if (!options_.has_tun) {
    return;  // no addresses of the mesh to listen on
  }
  dns_.emplace(loop_, rng_, options_.tun_name,
               NodeDns::Options{.changes_system = options_.join->accepts_dns});
}

std::optional<DnsPlan> NodeShell::PlanDns() const {
  const mesh::NetworkMap* map = membership_ ? membership_->map() : nullptr;
  const bool is_member =
      map != nullptr && tun_ &&
      membership_->state().phase == MembershipState::Phase::kActive;
  auto plan = is_member ? MakeDnsPlan(*map, tun_->name()) : std::nullopt;
  if (plan && routes_ && routes_->takes_all_dns()) {
    plan->system.takes_all = true;
  }
  return plan;
}

}  // namespace natkit::meshnode
