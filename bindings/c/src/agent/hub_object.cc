#include "agent/hub_object.h"

#include "support/convert.h"
#include "support/door.h"

namespace natkit::c {

HubShell& HubObject::shell() {
  for (const mesh::AgentId agent : freed_->TakeAll()) {
    owners_.erase(agent);
    shell_->Remove(agent);
  }
  return *shell_;
}

HubObject::Owner HubObject::OwnerOf(mesh::AgentId agent) const {
  const auto found = owners_.find(agent);
  return found == owners_.end() ? Owner{} : found->second;
}

AgentObject::~AgentObject() {
  freed_->Add(id_);
  // Now, if nobody is at work there; else with that call's successor.
  HandleTable& table = HandleTable::Instance();
  const auto number = reinterpret_cast<HandleTable::Handle>(hub_);
  if (const auto hub = table.Enter(number, HubObject::kKind)) {
    (void)static_cast<HubObject&>(**hub).shell();
    table.Leave(number);
  }
}

natkit_path ToPath(const HubShell& shell, const mesh::Path& path) {
  natkit_path out{};
  out.struct_size = sizeof out;
  out.kind = static_cast<uint32_t>(path.kind);
  if (path.local) {
    out.local = FromEndpoint(*path.local);
  }
  if (path.remote) {
    out.remote = FromEndpoint(*path.remote);
  }
  if (path.kind == mesh::PathKind::kRelay) {
    out.relay = shell.RelayNumber(path.relay);
  }
  out.rtt_ns = path.rtt ? ToNs(*path.rtt) : 0;
  return out;
}

}  // namespace natkit::c
