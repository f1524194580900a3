#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include "agent/hub_object.h"
#include "natkit/agent.h"
#include "natkit/nat/stun_types.h"
#include "support/convert.h"
#include "support/door.h"
#include "support/structs.h"

namespace natkit::c {
namespace {

// Sizes of the first versions.
constexpr size_t kFirstHubConfig = NATKIT_SIZE_UP_TO(natkit_hub_config, log);
constexpr size_t kFirstRelay =
    NATKIT_SIZE_UP_TO(natkit_relay, certificate_name);
constexpr size_t kFirstCounters =
    NATKIT_SIZE_UP_TO(natkit_hub_counters, events_lost);

constexpr uint32_t kHubFlags =
    NATKIT_HUB_LOOPBACK | NATKIT_HUB_NO_IPV6 | NATKIT_HUB_NO_NETWORK_WATCH;
constexpr size_t kMaxStunServers = 16;
constexpr size_t kMaxRelays = 16;
constexpr size_t kMaxRelayAddresses = 16;
constexpr size_t kMaxRootsPem = size_t{16} << 20;
constexpr size_t kMaxHost = 255;
constexpr size_t kMinReceiveBuffer = size_t{1} << 17;
constexpr size_t kMaxReceiveBuffer = size_t{1} << 30;
constexpr size_t kMinShare = size_t{1} << 16;  // for the longest datagram
constexpr uint16_t kHttps = 443;
constexpr size_t kMaxIgnored = 64;
constexpr size_t kMaxInterfaceName = 16;  // a name's 15 bytes and a '*'

Result<std::vector<io::UniqueFd>> Duplicate(const int* sockets, size_t count) {
  if (count > 2 || (count != 0 && sockets == nullptr)) {
    return Fail(Errc::kBadArgument);
  }
  std::vector<io::UniqueFd> out;
  for (size_t i = 0; i < count; ++i) {
    out.emplace_back(::fcntl(sockets[i], F_DUPFD_CLOEXEC, 0));
    if (!out.back().is_valid()) {
      return Fail(errno == EMFILE ? Errc::kLimitExceeded : Errc::kUnsupported);
    }
  }
  return out;
}

LogSink MakeLog(const natkit_log* log) {
  if (log == nullptr) {
    return {};
  }
  return [copy = *log](LogLevel level, std::string_view line) {
    copy.line(copy.context,
              static_cast<natkit_log_level>(static_cast<int>(level)),
              std::string(line).c_str());
  };
}

StaticPrivateKey TakeKey(const natkit_hub_config& config, Rng& rng) {
  StaticPrivateKey key(
      std::span<const uint8_t, NATKIT_KEY_SIZE>(config.private_key));
  return key.is_zero() ? GeneratePrivateKey(rng) : std::move(key);
}

Result<std::vector<std::string>> ReadNames(const char* const* names,
                                           size_t count) {
  if (count > kMaxIgnored || (count != 0 && names == nullptr)) {
    return Fail(Errc::kBadArgument);
  }
  std::vector<std::string> out;
  for (size_t i = 0; i < count; ++i) {
    const auto name = ToText(names[i], kMaxInterfaceName);
    if (!name || name->empty()) {
      return Fail(Errc::kBadArgument);
    }
    out.emplace_back(*name);
  }
  return out;
}

Result<HubShellConfig> ReadConfig(const natkit_hub_config* from) {
  SecretStruct<natkit_hub_config> given;
  if (const auto read = ReadStructInto(given, from, kFirstHubConfig); !read) {
    return std::unexpected(read.error());
  }
  HubShellConfig config;
  auto rng = MakeRng(given->random);
  auto sockets = Duplicate(given->sockets, given->socket_count);
  auto ignored =
      ReadNames(given->ignored_interfaces, given->ignored_interface_count);
  const bool is_odd =
      (given->flags & ~kHubFlags) != 0 || given->reserved2 != 0 || !ignored ||
      given->reserved != 0 || given->power > NATKIT_POWER_MOBILE_IDLE || !rng ||
      given->receive_buffer > kMaxReceiveBuffer ||
      given->agent_receive_buffer > kMaxReceiveBuffer ||
      given->unclaimed_buffer > kMaxReceiveBuffer ||
      (given->log != nullptr && given->log->line == nullptr);
  if (is_odd || !sockets) {
    return Fail(sockets ? Errc::kBadArgument : sockets.error().code);
  }
  config.private_key = TakeKey(given.value, **rng);
  config.rng = std::move(*rng);
  config.sockets = std::move(*sockets);
  config.ignored_interfaces = std::move(*ignored);
  config.fwmark = given->fwmark;
  config.log = MakeLog(given->log);
  config.power = static_cast<nat::PowerMode>(given->power);
  config.port = given->port;
  config.has_ipv6 = (given->flags & NATKIT_HUB_NO_IPV6) == 0;
  config.uses_loopback = (given->flags & NATKIT_HUB_LOOPBACK) != 0;
  config.watches_network = (given->flags & NATKIT_HUB_NO_NETWORK_WATCH) == 0;
  if (given->receive_buffer != 0) {
    config.receive_buffer = std::max(given->receive_buffer, kMinReceiveBuffer);
  }
  if (given->unclaimed_buffer != 0) {
    config.unclaimed_buffer = std::max(given->unclaimed_buffer, kMinShare);
  }
  if (given->agent_receive_buffer != 0) {
    config.agent_receive_buffer =
        std::max(given->agent_receive_buffer, kMinShare);
  }
  if (given->roots_pem != nullptr) {
    const auto roots = ToText(given->roots_pem, kMaxRootsPem);
    if (!roots) {
      return std::unexpected(roots.error());
    }
    config.roots_pem = *roots;
  }
  return config;
}

Result<void> MakeHub(const natkit_hub_config* given, natkit_hub** out) {
  if (out == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  auto config = ReadConfig(given);
  if (!config) {
    return std::unexpected(config.error());
  }
  auto shell = HubShell::Make(std::move(*config));
  if (!shell) {
    return std::unexpected(shell.error());
  }
  return MakeHandle(std::make_unique<HubObject>(std::move(*shell)), out);
}

Result<std::vector<Endpoint>> ReadAddresses(const natkit_address* from,
                                            size_t count, size_t most) {
  if (count > most || (count != 0 && from == nullptr)) {
    return Fail(Errc::kBadArgument);
  }
  std::vector<Endpoint> out;
  for (size_t i = 0; i < count; ++i) {
    const auto endpoint = ToSetEndpoint(&from[i]);
    if (!endpoint) {
      return std::unexpected(endpoint.error());
    }
    out.push_back(*endpoint);
  }
  return out;
}

Result<std::string> ReadOptionalText(const char* text) {
  if (text == nullptr) {
    return std::string();
  }
  const auto given = ToText(text, kMaxHost);
  if (!given) {
    return std::unexpected(given.error());
  }
  return std::string(*given);
}

Result<int> AddRelay(HubObject& hub, const natkit_relay* from) {
  const auto given = ReadStruct(from, kFirstRelay);
  if (!given) {
    return std::unexpected(given.error());
  }
  const auto host = ToText(given->host, kMaxHost);
  auto name = ReadOptionalText(given->name);
  auto certificate = ReadOptionalText(given->certificate_name);
  const auto addresses =
      ReadAddresses(given->addresses, given->address_count, kMaxRelayAddresses);
  if (!host || host->empty() || !name || !certificate || !addresses ||
      addresses->empty() || given->reserved != 0) {
    return Fail(Errc::kBadArgument);
  }
  mesh::RelayEntry entry;
  entry.host = *host;
  entry.port = given->port == 0 ? kHttps : given->port;
  entry.name = name->empty() ? entry.host + ":" + std::to_string(entry.port)
                             : std::move(*name);
  entry.pin = std::move(*certificate);
  entry.is_plain = given->is_plain != 0;
  std::vector<IpAddress> ips;
  for (const Endpoint& address : *addresses) {
    ips.push_back(address.address);
  }
  const auto id = hub.shell().AddRelay(entry, std::move(ips));
  if (!id) {
    return std::unexpected(id.error());
  }
  hub.SetRelayUser(*id, given->user);
  return static_cast<int>(*id);
}

Result<void> PutCounters(HubObject& hub, natkit_hub_counters* out) {
  const HubShell& shell = hub.shell();
  natkit_hub_counters filled{};
  filled.struct_size = sizeof filled;
  filled.sent_direct = shell.counters().sent_direct;
  filled.sent_relayed = shell.counters().sent_relayed;
  filled.received = shell.counters().received;
  filled.dropped_received = shell.counters().dropped_received;
  filled.dropped_unknown =
      shell.hub().counters().dropped_unknown - shell.counters().unclaimed;
  filled.dropped_relayed = shell.hub().counters().dropped_relayed;
  filled.dropped_signals = shell.hub().counters().dropped_bad_signals;
  filled.events_lost = shell.hub().counters().events_lost;
  filled.unclaimed = shell.counters().unclaimed;
  filled.dropped_unclaimed = shell.counters().dropped_unclaimed;
  filled.dropped_sent = shell.CountUnsent();
  return WriteStruct(out, filled, kFirstCounters);
}

Result<void> PutTimeout(const HubShell& shell, int* out) {
  if (out == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  const auto next = shell.NextTimeout();
  *out = next ? natkit_poll_timeout_ms(
                    ToNs(io::EventLoop::Now().time_since_epoch()),
                    ToNs(next->time_since_epoch()))
              : -1;
  return {};
}

}  // namespace
}  // namespace natkit::c

using natkit::Errc;
using natkit::Fail;
using natkit::Result;
using namespace natkit::c;

int natkit_hub_new(const natkit_hub_config* config, natkit_hub** out) {
  return ToCode(__func__, MakeHub(config, out));
}

void natkit_hub_free(natkit_hub* hub) {
  FreeHandle<HubObject>(__func__, hub);
}

int natkit_hub_get_public_key(const natkit_hub* hub, uint8_t* out) {
  return WithHandle<HubObject>(
      __func__, hub, [&](HubObject& object) -> Result<void> {
        if (out == nullptr) {
          return Fail(Errc::kBadArgument);
        }
        std::ranges::copy(object.shell().hub().public_key().bytes, out);
        return {};
      });
}

int natkit_hub_get_local_addresses(const natkit_hub* hub, natkit_address* out,
                                   size_t capacity) {
  return WithHandle<HubObject>(__func__, hub, [&](HubObject& object) {
    return PutList(object.shell().bases(), out, capacity, FromEndpoint);
  });
}

int natkit_hub_set_stun_servers(natkit_hub* hub, const natkit_address* servers,
                                size_t count) {
  return WithHandle<HubObject>(
      __func__, hub, [&](HubObject& object) -> Result<void> {
        auto given = ReadAddresses(servers, count, kMaxStunServers);
        if (!given) {
          return std::unexpected(given.error());
        }
        for (natkit::Endpoint& server : *given) {
          server.port =
              server.port == 0 ? natkit::stun::kDefaultPort : server.port;
        }
        return object.shell().Do([&](natkit::mesh::AgentHub& core,
                                     natkit::Instant now) -> Result<void> {
          core.SetStunServers(now, std::move(*given));
          return {};
        });
      });
}

int natkit_hub_add_relay(natkit_hub* hub, const natkit_relay* relay) {
  return WithHandle<HubObject>(
      __func__, hub, [&](HubObject& object) -> Result<int> {
        if (object.shell().relay_count() >= kMaxRelays) {
          return Fail(Errc::kLimitExceeded);
        }
        return AddRelay(object, relay);
      });
}

int natkit_hub_get_fd(const natkit_hub* hub) {
  return WithHandle<HubObject>(__func__, hub,
                               [](HubObject& object) -> Result<int> {
                                 const int fd = object.shell().descriptor();
                                 if (fd < 0) {
                                   return Fail(Errc::kClosed);
                                 }
                                 return fd;
                               });
}

int natkit_hub_get_timeout(const natkit_hub* hub, int* out_ms) {
  return WithHandle<HubObject>(__func__, hub, [&](HubObject& object) {
    return PutTimeout(object.shell(), out_ms);
  });
}

int natkit_hub_process(natkit_hub* hub) {
  return WithHandle<HubObject>(__func__, hub, [](HubObject& object) {
    return object.shell().Process();
  });
}

int natkit_hub_network_changed(natkit_hub* hub) {
  return WithHandle<HubObject>(__func__, hub, [](HubObject& object) {
    return object.shell().CheckNetwork();
  });
}

int natkit_hub_get_counters(const natkit_hub* hub, natkit_hub_counters* out) {
  return WithHandle<HubObject>(__func__, hub, [&](HubObject& object) {
    return PutCounters(object, out);
  });
}
