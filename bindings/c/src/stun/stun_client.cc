// natkit_stun_client; see natkit/stun.h.

#include <memory>
#include <utility>

#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_binding_client.h"
#include "natkit/nat/stun_types.h"
#include "natkit/stun.h"
#include "stun/stun_bytes.h"
#include "stun/stun_event.h"
#include "stun/stun_run.h"
#include "stun/stun_schedule.h"
#include "support/convert.h"
#include "support/core_calls.h"
#include "support/door.h"
#include "support/outbox.h"
#include "support/structs.h"

namespace natkit::c {
namespace {

using stun::BindingClient;
using stun::BindingConfig;
using stun::BindingEvent;
using stun::BindingOutcome;

constexpr size_t kFirstConfigSize = sizeof(natkit_stun_client_config);
constexpr size_t kFirstEventSize = sizeof(natkit_stun_event);

class StunClient final : public Object {
 public:
  static constexpr HandleKind kKind = HandleKind::kStunClient;

  StunClient(const Endpoint& server, std::unique_ptr<Rng> rng,
             BindingConfig config)
      : rng_(std::move(rng)), core_(server, *rng_, std::move(config)) {}

  void Start(Instant now) {
    outbox_.Clear();
    core_.Start(now);
  }

  void Cancel() {
    outbox_.Clear();
    core_.Cancel();
  }

  [[nodiscard]] std::optional<Instant> NextTimeout() const {
    return outbox_.is_waiting() ? last_time() : core_.NextTimeout();
  }

  [[nodiscard]] BindingClient& core() { return core_; }

  [[nodiscard]] Outbox& outbox() { return outbox_; }

 private:
  std::unique_ptr<Rng> rng_;
  BindingClient core_;
  Outbox outbox_;
};

Result<BindingConfig> ConfigOfKind(uint32_t kind) {
  switch (kind) {
    case NATKIT_STUN_SERVER_ANY:
      return BindingConfig{};
    case NATKIT_STUN_SERVER_DERP:
      return BindingConfig::ForDerpServer();
    case NATKIT_STUN_SERVER_RFC3489:
      return BindingConfig::ForRfc3489Server();
    default:
      return Fail(Errc::kBadArgument);
  }
}

template <class T>
Result<void> Assign(Result<T> from, std::optional<T>& to) {
  if (!from) {
    return std::unexpected(from.error());
  }
  to = *std::move(from);
  return {};
}

Result<void> SetCredentials(const natkit_stun_client_config& given,
                            BindingConfig& config) {
  if (given.mechanism > NATKIT_STUN_LONG_TERM) {
    return Fail(Errc::kBadArgument);
  }
  if (given.username == nullptr && given.password == nullptr) {
    return {};
  }
  const auto username = ToLimitedText(given.username, kLongestGiven);
  const auto password = ToLimitedText(given.password, kLongestGiven);
  if (!username || !password) {
    return std::unexpected((username ? password : username).error());
  }
  if (given.mechanism == NATKIT_STUN_LONG_TERM) {
    return Assign(stun::LongTermCredentials::Prepare(*username, *password),
                  config.long_term);
  }
  return Assign(stun::ShortTermCredentials::Prepare(*username, *password),
                config.credentials);
}

Result<void> SetSoftware(const char* software, BindingConfig& config) {
  if (software == nullptr) {
    return {};
  }
  const Result<std::string_view> text =
      ToText(software, stun::attr::kMaxTextSize);
  if (!text) {
    return std::unexpected(text.error());
  }
  config.software = *text;
  return {};
}

void SetFlags(const natkit_stun_client_config& given, BindingConfig& config) {
  config.sends_fingerprint =
      config.sends_fingerprint || given.sends_fingerprint != 0;
  config.sends_filler = config.sends_filler && given.no_filler == 0;
  config.follows_redirects = given.follows_redirects != 0;
  config.long_term_policy.hides_username = given.shows_username == 0;
  if (given.refuses_md5 != 0) {
    config.long_term_policy.weakest = stun::attr::PasswordAlgorithmId::kSha256;
  }
}

Result<BindingConfig> ToConfig(const natkit_stun_client_config& given) {
  Result<BindingConfig> config = ConfigOfKind(given.server_kind);
  if (!config) {
    return config;
  }
  SetFlags(given, *config);
  const auto schedule = ToSchedule(given.schedule, config->schedule);
  if (!schedule) {
    return std::unexpected(schedule.error());
  }
  config->schedule = *schedule;
  if (const auto set = SetSoftware(given.software, *config); !set) {
    return std::unexpected(set.error());
  }
  if (const auto set = SetCredentials(given, *config); !set) {
    return std::unexpected(set.error());
  }
  return config;
}

Result<void> MakeClient(const natkit_stun_client_config* config,
                        natkit_stun_client** out) {
  const auto given = ReadStruct(config, kFirstConfigSize);
  if (!given) {
    return std::unexpected(given.error());
  }
  const auto server = ToServer(&given->server, stun::kDefaultPort);
  if (!server) {
    return std::unexpected(server.error());
  }
  auto rng = MakeRng(given->random);
  if (!rng) {
    return std::unexpected(rng.error());
  }
  auto made = ToConfig(*given);
  if (!made) {
    return std::unexpected(made.error());
  }
  return MakeHandle(
      std::make_unique<StunClient>(*server, *std::move(rng), *std::move(made)),
      out);
}

uint32_t FromOutcome(BindingOutcome outcome) {
  switch (outcome) {
    case BindingOutcome::kSuccess:
      return NATKIT_STUN_OUTCOME_SUCCESS;
    case BindingOutcome::kErrorResponse:
      return NATKIT_STUN_OUTCOME_ERROR_RESPONSE;
    case BindingOutcome::kTimedOut:
      return NATKIT_STUN_OUTCOME_TIMED_OUT;
    case BindingOutcome::kIntegrityViolation:
      return NATKIT_STUN_OUTCOME_INTEGRITY_VIOLATION;
    case BindingOutcome::kBidDown:
      return NATKIT_STUN_OUTCOME_BID_DOWN;
    case BindingOutcome::kBadResponse:
    case BindingOutcome::kRedirected:      // streams alone
    case BindingOutcome::kConnectionLost:  // streams alone
      return NATKIT_STUN_OUTCOME_BAD_RESPONSE;
  }
  return NATKIT_STUN_OUTCOME_BAD_RESPONSE;
}

natkit_stun_event FromEvent(const BindingEvent& event) {
  natkit_stun_event out = FromResult(FromOutcome(event.outcome), event);
  out.server = FromEndpoint(event.server);
  if (event.reflexive_address) {
    out.reflexive_address = FromEndpoint(*event.reflexive_address);
  }
  if (event.alternate_server) {
    out.alternate_server = FromEndpoint(*event.alternate_server);
  }
  out.is_alg_detected = event.alg_detected ? 1 : 0;
  return out;
}

/// As the caller would do it, by the monotonic clock.
Result<int> Run(StunClient& client, Instant now, int fd,
                natkit_stun_event* out) {
  if (const auto usable = CheckStruct(out, kFirstEventSize); !usable) {
    return std::unexpected(usable.error());
  }
  const auto socket = io::BorrowedUdp::Of(fd);
  if (!socket) {
    return std::unexpected(socket.error());
  }
  client.Start(now);
  // From where the client's time is, which may be that of another clock.
  const uint64_t begun = natkit_monotonic_ns();
  const auto event = RunOverSocket(client.core(), *socket, [&] {
    const uint64_t passed = natkit_monotonic_ns() - begun;
    const Instant time = now + Duration(static_cast<int64_t>(passed));
    (void)client.TakeTime(ToNs(time.time_since_epoch()));
    return time;
  });
  if (!event) {
    return std::unexpected(event.error());
  }
  return PutNext(out, kFirstEventSize,
                 [&] { return std::optional(FromEvent(*event)); });
}

}  // namespace
}  // namespace natkit::c

using natkit::Instant;
using natkit::Result;
using namespace natkit::c;

int natkit_stun_client_new(const natkit_stun_client_config* config,
                           natkit_stun_client** out) {
  return ToCode(__func__, MakeClient(config, out));
}

void natkit_stun_client_free(natkit_stun_client* client) {
  FreeHandle<StunClient>(__func__, client);
}

int natkit_stun_client_start(natkit_stun_client* client, uint64_t now_ns) {
  return WithTime<StunClient>(
      __func__, client, now_ns,
      [](StunClient& object, Instant now) -> Result<void> {
        object.Start(now);
        return {};
      });
}

int natkit_stun_client_cancel(natkit_stun_client* client) {
  return WithHandle<StunClient>(__func__, client,
                                [](StunClient& object) -> Result<void> {
                                  object.Cancel();
                                  return {};
                                });
}

int natkit_stun_client_handle_datagram(natkit_stun_client* client,
                                       uint64_t now_ns,
                                       const natkit_address* from,
                                       const void* data, size_t size) {
  return CallHandleDatagram<StunClient>(__func__, client, now_ns, from,
                                        ToBytes(data, size));
}

int natkit_stun_client_handle_timeout(natkit_stun_client* client,
                                      uint64_t now_ns) {
  return CallHandleTimeout<StunClient>(__func__, client, now_ns);
}

int natkit_stun_client_poll_transmit(natkit_stun_client* client,
                                     natkit_address* to, void* buffer,
                                     size_t capacity) {
  return CallPollTransmit<StunClient>(__func__, client, to, buffer, capacity);
}

int natkit_stun_client_poll_event(natkit_stun_client* client,
                                  natkit_stun_event* out) {
  return WithHandle<StunClient>(__func__, client, [&](StunClient& object) {
    return PutNext(out, kFirstEventSize, [&] {
      return object.core().PollEvent().transform(FromEvent);
    });
  });
}

int natkit_stun_client_next_timeout(const natkit_stun_client* client,
                                    uint64_t* out_ns) {
  return CallNextTimeout<StunClient>(__func__, client, out_ns);
}

int natkit_stun_client_run(natkit_stun_client* client, int fd,
                           natkit_stun_event* out) {
  return WithTime<StunClient>(__func__, client, natkit_monotonic_ns(),
                              [&](StunClient& object, Instant now) {
                                return Run(object, now, fd, out);
                              });
}
