#include "natkit/agent.h"

#include <algorithm>
#include <climits>
#include <iterator>
#include <utility>

#include "agent/hub_object.h"
#include "natkit/base/secret.h"
#include "natkit/mesh/agent/description.h"
#include "support/caller_batch.h"
#include "support/convert.h"
#include "support/door.h"
#include "support/structs.h"

namespace natkit::c {
namespace {

// Sizes of the first versions.
constexpr size_t kFirstConfig = sizeof(natkit_agent_config);
constexpr size_t kFirstPath = sizeof(natkit_path);
constexpr size_t kFirstDiagnosis = sizeof(natkit_diagnosis);
constexpr size_t kFirstCounters = sizeof(natkit_agent_counters);

static_assert(mesh::kMaxDescriptionText < NATKIT_DESCRIPTION_SIZE);

/// The body of a function on an agent: `call` gets its hub's object and its id.
/// Both handles are this call's alone meanwhile.
template <class Call>
int WithAgent(const char* function, const natkit_agent* agent, Call&& call) {
  return WithHandle<AgentObject>(
      function, agent, [&](AgentObject& object) -> Result<int> {
        // The misuse hook has been told of what it refuses.
        return WithHandle<HubObject>(
            function, object.hub(), [&](HubObject& hub) {
              return std::forward<Call>(call)(hub.shell(), object.id());
            });
      });
}

Result<mesh::AgentOptions> ReadConfig(const natkit_agent_config& given) {
  mesh::AgentOptions options;
  const bool is_odd =
      given.role > NATKIT_AGENT_ROLE_CONTROLLED ||
      (given.flags & ~uint32_t{NATKIT_AGENT_NO_RELAYED_DATA}) != 0;
  if (is_odd) {
    return Fail(Errc::kBadArgument);
  }
  const PublicKey peer = *ToPublicKey(given.peer_key);
  if (!peer.is_zero()) {
    options.peer = peer;
  }
  if (given.role != NATKIT_AGENT_ROLE_DEFAULT) {
    options.role = given.role == NATKIT_AGENT_ROLE_CONTROLLING
                       ? ice::Role::kControlling
                       : ice::Role::kControlled;
  }
  if ((given.flags & NATKIT_AGENT_NO_RELAYED_DATA) != 0) {
    options.relay_use = mesh::RelayUse::kSignalsOnly;
  }
  return options;
}

Result<void> AddAgent(natkit_hub* handle, HubObject& hub,
                      const natkit_agent_config* config, natkit_agent** out) {
  if (out == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  natkit_agent_config given{};
  if (config != nullptr) {
    const auto read = ReadStruct(config, kFirstConfig);
    if (!read) {
      return std::unexpected(read.error());
    }
    given = *read;
  }
  const auto options = ReadConfig(given);
  if (!options) {
    return std::unexpected(options.error());
  }
  const auto id = hub.shell().Do([&](mesh::AgentHub& core, Instant now) {
    return core.Add(now, *options);
  });
  if (!id) {
    return std::unexpected(id.error());
  }
  const auto made = MakeHandle(
      std::make_unique<AgentObject>(handle, *id, given.user, hub.freed()), out);
  if (made) {
    hub.SetOwner(*id, {.handle = *out, .user = given.user});
  }
  return made;
}

Result<int> PutDescription(const HubShell& shell, mesh::AgentId id, char* out,
                           size_t size) {
  const auto description = shell.hub().LocalDescription(id);
  if (!description) {
    return std::unexpected(description.error());
  }
  std::string text = mesh::FormatDescription(*description);
  const auto length = PutText(text, out, size);
  natkit_wipe(text.data(), text.size());
  return length;
}

Result<void> TakeDescription(HubShell& shell, mesh::AgentId id,
                             const char* text) {
  if (text == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  const auto given = ToText(text, mesh::kMaxDescriptionText);
  if (!given) {
    return Fail(Errc::kBadLength);
  }
  const auto description = mesh::ParseDescription(*given);
  if (!description) {
    return std::unexpected(description.error());
  }
  return shell.Do([&](mesh::AgentHub& core, Instant now) {
    return core.SetRemoteDescription(now, id, *description);
  });
}

natkit_fix ToFix(const nat::Fix& fix) {
  natkit_fix out{};
  FillText(nat::FixCodeName(fix.code), out.code);
  out.side = static_cast<uint32_t>(fix.side);
  FillText(fix.reason, out.text);
  return out;
}

Result<void> PutDiagnosis(const HubShell& shell, mesh::AgentId id,
                          natkit_diagnosis* out) {
  const auto found = shell.hub().Explain(io::EventLoop::Now(), id);
  if (!found) {
    return std::unexpected(found.error());
  }
  natkit_diagnosis filled{};
  filled.struct_size = sizeof filled;
  filled.reason = static_cast<uint32_t>(found->reason);
  FillText(found->summary, filled.summary);
  FillText(found->ours, filled.ours);
  FillText(found->theirs, filled.theirs);
  const size_t count =
      std::min<size_t>(found->fixes.size(), NATKIT_DIAGNOSIS_FIXES);
  filled.fix_count = static_cast<uint32_t>(count);
  for (size_t i = 0; i < count; ++i) {
    filled.fixes[i] = ToFix(found->fixes[i]);
  }
  return WriteStruct(out, filled, kFirstDiagnosis);
}

Result<void> SendOne(HubShell& shell, mesh::AgentId id,
                     const Result<ByteView>& bytes) {
  if (!bytes) {
    return std::unexpected(bytes.error());
  }
  natkit_packet packet{};
  packet.data = const_cast<uint8_t*>(bytes->data());  // it is only read
  packet.size = bytes->size();
  const auto sent = shell.Send(id, {&packet, 1});
  if (!sent) {
    return std::unexpected(sent.error());
  }
  return {};
}

Result<int> SendBatch(HubShell& shell, mesh::AgentId id,
                      const natkit_packet* packets, size_t count) {
  const auto given = CallerPackets::Read(packets, count, Addresses::kIgnored);
  if (!given || count > INT_MAX) {
    return Fail(Errc::kBadArgument);
  }
  return shell.Send(id, given->all());
}

Result<void> PutCounters(const HubShell& shell, mesh::AgentId id,
                         natkit_agent_counters* out) {
  const AgentCounters counters = shell.CountersOf(id);
  natkit_agent_counters filled{};
  filled.struct_size = sizeof filled;
  filled.sent_direct = counters.sent_direct;
  filled.sent_relayed = counters.sent_relayed;
  filled.sent_bytes = counters.sent_bytes;
  filled.received = counters.received;
  filled.received_bytes = counters.received_bytes;
  filled.dropped_received = counters.dropped_received;
  return WriteStruct(out, filled, kFirstCounters);
}

}  // namespace
}  // namespace natkit::c

using natkit::Errc;
using natkit::Fail;
using natkit::Result;
using natkit::mesh::AgentId;
using namespace natkit::c;

int natkit_agent_new(natkit_hub* hub, const natkit_agent_config* config,
                     natkit_agent** out) {
  return WithHandle<HubObject>(__func__, hub, [&](HubObject& object) {
    return AddAgent(hub, object, config, out);
  });
}

void natkit_agent_free(natkit_agent* agent) {
  FreeHandle<AgentObject>(__func__, agent);
}

int natkit_agent_get_local_description(const natkit_agent* agent, char* buffer,
                                       size_t capacity) {
  return WithAgent(__func__, agent, [&](HubShell& shell, AgentId id) {
    return PutDescription(shell, id, buffer, capacity);
  });
}

int natkit_agent_set_remote_description(natkit_agent* agent, const char* text) {
  return WithAgent(__func__, agent, [&](HubShell& shell, AgentId id) {
    return TakeDescription(shell, id, text);
  });
}

int natkit_agent_restart(natkit_agent* agent) {
  return WithAgent(__func__, agent, [&](HubShell& shell, AgentId id) {
    return shell.Do([&](natkit::mesh::AgentHub& core, natkit::Instant now) {
      return core.Restart(now, id);
    });
  });
}

int natkit_agent_send(natkit_agent* agent, const void* data, size_t size) {
  return WithAgent(__func__, agent,
                   [&](HubShell& shell, AgentId id) -> Result<void> {
                     return SendOne(shell, id, ToBytes(data, size));
                   });
}

int natkit_agent_send_batch(natkit_agent* agent, const natkit_packet* packets,
                            size_t count) {
  return WithAgent(__func__, agent, [&](HubShell& shell, AgentId id) {
    return SendBatch(shell, id, packets, count);
  });
}

int natkit_agent_get_user(const natkit_agent* agent, void** out) {
  return WithHandle<AgentObject>(__func__, agent,
                                 [&](AgentObject& object) -> Result<void> {
                                   if (out == nullptr) {
                                     return Fail(Errc::kBadArgument);
                                   }
                                   *out = object.user();
                                   return {};
                                 });
}

int natkit_agent_get_state(const natkit_agent* agent) {
  return WithAgent(__func__, agent,
                   [&](HubShell& shell, AgentId id) -> Result<int> {
                     const auto state = shell.hub().State(id);
                     if (!state) {
                       return std::unexpected(state.error());
                     }
                     return static_cast<int>(*state);
                   });
}

int natkit_agent_get_path(const natkit_agent* agent, natkit_path* out) {
  return WithAgent(__func__, agent,
                   [&](HubShell& shell, AgentId id) -> Result<void> {
                     const auto path = shell.hub().CurrentPath(id);
                     if (!path) {
                       return std::unexpected(path.error());
                     }
                     return WriteStruct(out, ToPath(shell, *path), kFirstPath);
                   });
}

int natkit_agent_explain(const natkit_agent* agent, natkit_diagnosis* out) {
  return WithAgent(__func__, agent, [&](HubShell& shell, AgentId id) {
    return PutDiagnosis(shell, id, out);
  });
}

int natkit_agent_get_counters(const natkit_agent* agent,
                              natkit_agent_counters* out) {
  return WithAgent(__func__, agent, [&](HubShell& shell, AgentId id) {
    return PutCounters(shell, id, out);
  });
}
