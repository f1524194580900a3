// The life of an agent, what the two sides tell each other, and datagrams.
#include "ice/agent.h"

#include <algorithm>

#include "ice/agent_config.h"
#include "ice/candidate.h"
#include "natkit/base/secret.h"
#include "support/convert.h"
#include "support/core_calls.h"
#include "support/door.h"
#include "support/structs.h"

using namespace natkit::c;
using natkit::ByteView;
using natkit::Endpoint;
using natkit::Errc;
using natkit::Fail;
using natkit::Instant;
using natkit::MutableBytes;
using natkit::Result;
using natkit::Rng;
using natkit::ice::AgentTransmit;
using natkit::ice::Candidate;
using natkit::ice::Credentials;

namespace {

constexpr size_t kFirstConfigSize = sizeof(natkit_ice_agent_config);
constexpr size_t kFirstTransmitSize = sizeof(natkit_ice_transmit);

static_assert(NATKIT_ICE_CREDENTIAL_SIZE > natkit::ice::kMaxUfrag &&
              NATKIT_ICE_CREDENTIAL_SIZE > natkit::ice::kMaxPassword);

Result<void> MakeAgent(const natkit_ice_agent_config* config,
                       natkit_ice_agent** out) {
  const auto given = ReadStruct(config, kFirstConfigSize);
  if (!given || out == nullptr) {
    return Fail(given ? Errc::kBadArgument : given.error().code);
  }
  auto settings = ToAgentConfig(*given);
  auto rng = MakeRng(given->random);
  if (!settings || !rng) {
    return Fail(Errc::kBadArgument);
  }
  return MakeHandle(
      std::make_unique<IceAgent>(std::move(*settings), std::move(*rng)), out);
}

Result<int> PutTransmit(IceAgent& agent, natkit_ice_transmit* out,
                        MutableBytes data) {
  const AgentTransmit* const next = agent.NextTransmit();
  if (next == nullptr) {
    return 0;
  }
  if (next->payload.size() > data.size()) {
    return Fail(Errc::kBufferTooSmall);
  }
  natkit_ice_transmit meta{};
  meta.from_base = FromEndpoint(next->from_base);
  meta.to = FromEndpoint(next->to);
  meta.ttl = next->ttl.value_or(0);
  const Result<void> written = WriteStruct(out, meta, kFirstTransmitSize);
  if (!written) {
    return std::unexpected(written.error());
  }
  std::ranges::copy(next->payload, data.begin());
  const auto size = static_cast<int>(next->payload.size());
  agent.PopTransmit();
  return size;
}

/// A function that takes the time, an address, and nothing else.
template <class Call>
int WithAddress(const char* function, natkit_ice_agent* agent, uint64_t now_ns,
                const natkit_address* address, Call&& call) {
  return WithTime<IceAgent>(
      function, agent, now_ns, [&](IceAgent& it, Instant now) -> Result<void> {
        const Result<Endpoint> endpoint = ToSetEndpoint(address);
        if (!endpoint) {
          return std::unexpected(endpoint.error());
        }
        return call(it.core(), now, *endpoint);
      });
}

}  // namespace

int natkit_ice_agent_new(const natkit_ice_agent_config* config,
                         natkit_ice_agent** out) {
  return ToCode(__func__, MakeAgent(config, out));
}

void natkit_ice_agent_free(natkit_ice_agent* agent) {
  FreeHandle<IceAgent>(__func__, agent);
}

int natkit_ice_agent_get_local_credentials(const natkit_ice_agent* agent,
                                           natkit_ice_credentials* out) {
  return WithHandle<IceAgent>(
      __func__, agent, [&](IceAgent& it) -> Result<void> {
        if (out == nullptr) {
          return Fail(Errc::kBadArgument);
        }
        const Credentials& own = it.core().local_credentials();
        FillText(own.ufrag, out->ufrag);
        FillText(own.password.Expose(), out->password);
        return {};
      });
}

int natkit_ice_agent_set_remote_credentials(natkit_ice_agent* agent,
                                            uint64_t now_ns, const char* ufrag,
                                            const char* password) {
  return WithTime<IceAgent>(
      __func__, agent, now_ns, [&](IceAgent& it, Instant now) -> Result<void> {
        if (ufrag == nullptr || password == nullptr) {
          return Fail(Errc::kBadArgument);
        }
        const auto name = ToText(ufrag, natkit::ice::kMaxUfrag);
        const auto secret = ToText(password, natkit::ice::kMaxPassword);
        if (!name || !secret) {
          return Fail(Errc::kBadCredentials);
        }
        return it.core().SetRemoteCredentials(
            now, {.ufrag = std::string(*name), .password = *secret});
      });
}

int natkit_ice_agent_add_host_base(natkit_ice_agent* agent, uint64_t now_ns,
                                   const natkit_address* base) {
  return WithAddress(__func__, agent, now_ns, base,
                     [](auto& it, Instant now, const Endpoint& endpoint) {
                       return it.AddHostBase(now, endpoint);
                     });
}

int natkit_ice_agent_remove_host_base(natkit_ice_agent* agent, uint64_t now_ns,
                                      const natkit_address* base) {
  return WithAddress(
      __func__, agent, now_ns, base,
      [](auto& it, Instant now, const Endpoint& endpoint) -> Result<void> {
        it.RemoveHostBase(now, endpoint);
        return {};
      });
}

int natkit_ice_agent_add_reflexive(natkit_ice_agent* agent, uint64_t now_ns,
                                   const natkit_address* mapped,
                                   const natkit_address* base) {
  return WithAddress(
      __func__, agent, now_ns, mapped,
      [&](auto& it, Instant now, const Endpoint& endpoint) -> Result<void> {
        const Result<Endpoint> from = ToSetEndpoint(base);
        if (!from) {
          return std::unexpected(from.error());
        }
        return it.AddReflexiveCandidate(now, endpoint, *from);
      });
}

int natkit_ice_agent_set_local_end_of_candidates(natkit_ice_agent* agent,
                                                 uint64_t now_ns) {
  return WithTime<IceAgent>(__func__, agent, now_ns,
                            [](IceAgent& it, Instant now) -> Result<void> {
                              it.core().SetLocalEndOfCandidates(now);
                              return {};
                            });
}

int natkit_ice_agent_add_remote_candidate(
    natkit_ice_agent* agent, uint64_t now_ns,
    const natkit_ice_candidate* candidate) {
  return WithTime<IceAgent>(
      __func__, agent, now_ns, [&](IceAgent& it, Instant now) -> Result<void> {
        const Result<Candidate> given = ToCandidate(candidate);
        if (!given) {
          return std::unexpected(given.error());
        }
        return it.core().AddRemoteCandidate(now, *given);
      });
}

int natkit_ice_agent_add_remote_candidate_line(natkit_ice_agent* agent,
                                               uint64_t now_ns,
                                               const char* line) {
  return WithTime<IceAgent>(__func__, agent, now_ns,
                            [&](IceAgent& it, Instant now) -> Result<void> {
                              const Result<Candidate> given = ToCandidate(line);
                              if (!given) {
                                return std::unexpected(given.error());
                              }
                              return it.core().AddRemoteCandidate(now, *given);
                            });
}

int natkit_ice_agent_add_remote_hint(natkit_ice_agent* agent, uint64_t now_ns,
                                     const natkit_address* remote) {
  return WithAddress(__func__, agent, now_ns, remote,
                     [](auto& it, Instant now, const Endpoint& endpoint) {
                       return it.AddRemoteEndpointHint(now, endpoint);
                     });
}

int natkit_ice_agent_set_remote_end_of_candidates(natkit_ice_agent* agent,
                                                  uint64_t now_ns) {
  return WithTime<IceAgent>(__func__, agent, now_ns,
                            [](IceAgent& it, Instant now) -> Result<void> {
                              it.core().SetRemoteEndOfCandidates(now);
                              return {};
                            });
}

int natkit_ice_agent_restart(natkit_ice_agent* agent, uint64_t now_ns) {
  return WithTime<IceAgent>(__func__, agent, now_ns,
                            [](IceAgent& it, Instant now) -> Result<void> {
                              it.core().Restart(now);
                              return {};
                            });
}

int natkit_ice_agent_handle_datagram(natkit_ice_agent* agent, uint64_t now_ns,
                                     const natkit_address* local_base,
                                     const natkit_address* from,
                                     const void* data, size_t size) {
  return WithTime<IceAgent>(
      __func__, agent, now_ns, [&](IceAgent& it, Instant now) -> Result<int> {
        const Result<Endpoint> base = ToSetEndpoint(local_base);
        const Result<Endpoint> source = ToSetEndpoint(from);
        const Result<ByteView> datagram = ToBytes(data, size);
        if (!base || !source || !datagram) {
          return Fail(Errc::kBadArgument);
        }
        return it.core().HandleDatagram(now, *base, *source, *datagram) ? 1 : 0;
      });
}

int natkit_ice_agent_handle_timeout(natkit_ice_agent* agent, uint64_t now_ns) {
  return CallHandleTimeout<IceAgent>(__func__, agent, now_ns);
}

int natkit_ice_agent_poll_transmit(natkit_ice_agent* agent,
                                   natkit_ice_transmit* out, void* buffer,
                                   size_t capacity) {
  return WithHandle<IceAgent>(
      __func__, agent, [&](IceAgent& it) -> Result<int> {
        const Result<void> valid = CheckStruct(out, kFirstTransmitSize);
        const Result<MutableBytes> room = ToMutableBytes(buffer, capacity);
        if (!valid || !room) {
          return Fail(valid ? Errc::kBadArgument : valid.error().code);
        }
        return PutTransmit(it, out, *room);
      });
}

int natkit_ice_agent_next_timeout(const natkit_ice_agent* agent,
                                  uint64_t* out_ns) {
  return CallNextTimeout<IceAgent>(__func__, agent, out_ns);
}

int natkit_ice_agent_note_data(natkit_ice_agent* agent, uint64_t now_ns) {
  return WithTime<IceAgent>(__func__, agent, now_ns,
                            [](IceAgent& it, Instant now) -> Result<void> {
                              it.core().NoteData(now);
                              return {};
                            });
}
