// What a hub tells of itself and its agents.

#include <variant>

#include "agent/hub_object.h"
#include "natkit/agent.h"
#include "support/convert.h"
#include "support/door.h"
#include "support/structs.h"

namespace natkit::c {
namespace {

constexpr size_t kFirstEvent = sizeof(natkit_hub_event);

/// Fills in what an event says, but for the agent.
struct EventWriter {
  HubObject& hub;
  natkit_hub_event& out;

  void operator()(const mesh::AgentStateChanged& event) const {
    out.type = NATKIT_HUB_EVENT_STATE;
    out.state = static_cast<uint32_t>(event.state);
  }

  void operator()(const mesh::AgentPathChanged& event) const {
    out.type = NATKIT_HUB_EVENT_PATH;
    out.path = ToPath(hub.shell(), event.path);
  }

  void operator()(const mesh::AgentRttChanged& event) const {
    out.type = NATKIT_HUB_EVENT_RTT;
    out.rtt_ns = ToNs(event.rtt);
  }

  void operator()(const mesh::AgentDescriptionChanged& event) const {
    out.type = NATKIT_HUB_EVENT_DESCRIPTION;
    out.is_complete = event.is_complete ? 1 : 0;
  }

  void operator()(const mesh::AgentDiagnosisChanged& event) const {
    out.type = NATKIT_HUB_EVENT_WHY_NOT_DIRECT;
    out.reason = static_cast<uint32_t>(event.reason);
  }

  void operator()(const mesh::HubRelayChanged& event) const {
    out.type = NATKIT_HUB_EVENT_RELAY;
    out.relay = event.relay;
    out.user = hub.RelayUser(event.relay);
    out.is_up = event.is_up ? 1 : 0;
    FillText(event.reason, out.text);
  }
};

mesh::AgentId AgentOf(const mesh::HubEvent& event) {
  return std::visit(
      [](const auto& body) -> mesh::AgentId {
        if constexpr (requires { body.agent; }) {
          return body.agent;
        } else {
          return 0;
        }
      },
      event);
}

Result<int> PollEvent(HubObject& hub, natkit_hub_event* out) {
  if (const auto checked = CheckStruct(out, kFirstEvent); !checked) {
    return std::unexpected(checked.error());
  }
  const auto event = hub.shell().PollEvent();
  if (!event) {
    return 0;
  }
  natkit_hub_event filled{};
  filled.struct_size = sizeof filled;
  filled.path.struct_size = sizeof filled.path;
  std::visit(EventWriter{hub, filled}, *event);
  if (const mesh::AgentId agent = AgentOf(*event); agent != 0) {
    const HubObject::Owner owner = hub.OwnerOf(agent);
    filled.agent = owner.handle;
    filled.user = owner.user;
  }
  (void)WriteStruct(out, filled, kFirstEvent);
  return 1;
}

}  // namespace
}  // namespace natkit::c

using namespace natkit::c;

int natkit_hub_poll_event(natkit_hub* hub, natkit_hub_event* out) {
  return WithHandle<HubObject>(
      __func__, hub, [&](HubObject& object) { return PollEvent(object, out); });
}
