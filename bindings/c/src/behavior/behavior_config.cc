#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "behavior/behavior.h"
#include "natkit/nat/nat64.h"
#include "natkit/nat/stun_types.h"
#include "support/convert.h"
#include "support/door.h"

namespace natkit::c {

namespace {

constexpr size_t kMaxServers = 64;
constexpr size_t kMaxLocals = 16;
constexpr size_t kMaxPrefixes = 16;
constexpr size_t kMaxNat64Addresses = 64;
constexpr size_t kMaxHost = 255;
constexpr size_t kMaxPath = 1023;
constexpr uint32_t kMaxAttempts = 100;
constexpr uint32_t kMaxTransactions = 1000;
constexpr uint32_t kMaxSockets = 4096;
constexpr uint64_t kHour = 3600 * NATKIT_SECOND;

/// A list of the caller's of 1 to `most` items. Errors: kBadArgument.
template <class T>
Result<std::span<const T>> ToList(const T* items, size_t count, size_t most) {
  if (items == nullptr || count == 0 || count > most) {
    return Fail(Errc::kBadArgument);
  }
  return std::span(items, count);
}

/// Puts a number of the caller's into `to`; 0 leaves what is there. False if it
/// is out of range.
template <class T>
bool Assign(uint32_t given, uint32_t most, T& to) {
  if (given != 0) {
    to = given;
  }
  return given <= most;
}

/// The same for a duration.
bool Assign(uint64_t given, uint64_t least, uint64_t most, Duration& to) {
  if (given == 0) {
    return true;
  }
  if (given < least || given > most) {
    return false;
  }
  to = Duration(static_cast<int64_t>(given));
  return true;
}

Result<void> SetServers(const natkit_behavior_config& given,
                        nat::BehaviorConfig& config) {
  const auto list = ToList(given.servers, given.server_count, kMaxServers);
  if (!list) {
    return std::unexpected(list.error());
  }
  for (const natkit_address& address : *list) {
    const Result<Endpoint> server = ToServer(&address, stun::kDefaultPort);
    if (!server) {
      return std::unexpected(server.error());
    }
    config.servers.push_back(*server);
  }
  return {};
}

Result<void> SetLocals(const natkit_behavior_config& given,
                       nat::BehaviorConfig& config) {
  const auto list =
      ToList(given.local_addresses, given.local_address_count, kMaxLocals);
  if (!list) {
    return std::unexpected(list.error());
  }
  for (const natkit_address& address : *list) {
    const Result<Endpoint> local = ToSetEndpoint(&address);
    if (!local) {
      return std::unexpected(local.error());
    }
    config.local_addresses.push_back(local->address);
  }
  if (given.gateway.family != NATKIT_FAMILY_NONE) {
    const Result<Endpoint> gateway = ToSetEndpoint(&given.gateway);
    if (!gateway) {
      return std::unexpected(gateway.error());
    }
    config.gateway = gateway->address;
  }
  return {};
}

/// Errors: kBadArgument unless all addresses are of one family.
Result<void> CheckFamilies(const nat::BehaviorConfig& config) {
  const AddressFamily family = config.local_addresses.front().family();
  const bool is_one =
      std::ranges::all_of(config.servers,
                          [&](const Endpoint& server) {
                            return server.address.family() == family;
                          }) &&
      std::ranges::all_of(
          config.local_addresses,
          [&](const IpAddress& local) { return local.family() == family; }) &&
      (!config.gateway || config.gateway->family() == family);
  if (!is_one) {
    return Fail(Errc::kBadArgument);
  }
  return {};
}

Result<void> SetAxes(const natkit_behavior_config& given,
                     nat::BehaviorConfig& config) {
  if ((given.axes & ~natkit_nat_all_axes()) != 0) {
    return Fail(Errc::kBadArgument);
  }
  if (given.axes == 0) {
    return {};
  }
  config.axes.clear();
  for (const nat::Axis axis : nat::AllAxes()) {
    if ((given.axes & NATKIT_NAT_AXIS_BIT(static_cast<uint32_t>(axis))) != 0) {
      config.axes.insert(axis);
    }
  }
  return {};
}

/// Errors: kBadArgument.
Result<IpPrefix> ToNat64Prefix(const natkit_prefix& given) {
  const Result<IpPrefix> prefix = ToPrefix(given);
  // Says whether the length is one of RFC 6052.
  if (!prefix || prefix->address().is_v4() ||
      !nat::SynthesizeNat64(*prefix, IpAddress::V4(192, 0, 0, 170))) {
    return Fail(Errc::kBadArgument);
  }
  return *prefix;
}

/// Errors: kBadArgument.
Result<int> PutPrefixes(std::span<const natkit_address> addresses,
                        natkit_prefix* out, size_t capacity) {
  std::vector<IpAddress> given;
  for (const natkit_address& address : addresses) {
    const Result<Endpoint> endpoint = ToSetEndpoint(&address);
    if (!endpoint) {
      return std::unexpected(endpoint.error());
    }
    given.push_back(endpoint->address);
  }
  return PutList(nat::FindNat64Prefixes(given), out, capacity, FromPrefix);
}

Result<void> SetPrefixes(const natkit_behavior_config& given,
                         nat::BehaviorConfig& config) {
  if (given.knows_nat64_prefixes == 0 && given.nat64_prefix_count == 0) {
    return {};
  }
  config.nat64_prefixes.emplace();
  if (given.nat64_prefix_count == 0) {
    return {};
  }
  const auto list =
      ToList(given.nat64_prefixes, given.nat64_prefix_count, kMaxPrefixes);
  if (!list) {
    return std::unexpected(list.error());
  }
  for (const natkit_prefix& item : *list) {
    const Result<IpPrefix> prefix = ToNat64Prefix(item);
    if (!prefix) {
      return std::unexpected(prefix.error());
    }
    config.nat64_prefixes->push_back(*prefix);
  }
  return {};
}

/// A text that may stand in an HTTP request. Errors: kBadArgument.
Result<std::string> ToHttpText(const char* text, size_t most) {
  const Result<std::string_view> given = ToText(text, most);
  if (!given || given->empty() || !std::ranges::all_of(*given, [](char c) {
        return c > ' ' && c < '\x7f';
      })) {
    return Fail(Errc::kBadArgument);
  }
  return std::string(*given);
}

Result<void> SetPortal(const natkit_behavior_config& given,
                       nat::BehaviorConfig& config) {
  if (given.portal_server.family == NATKIT_FAMILY_NONE) {
    return {};
  }
  const Result<Endpoint> server = ToSetEndpoint(&given.portal_server);
  const Result<std::string> host = ToHttpText(given.portal_host, kMaxHost);
  const Result<std::string> path = ToHttpText(given.portal_path, kMaxPath);
  if (!server || !host || !path || path->front() != '/') {
    return Fail(Errc::kBadArgument);
  }
  if (given.tests_tcp != 0) {
    config.portal_page =
        nat::PortalPage{.server = *server, .host = *host, .path = *path};
  }
  return {};
}

Result<void> SetNumbers(const natkit_behavior_config& given,
                        nat::BehaviorConfig& config) {
  config.drops_own_source = given.drops_own_source != 0;
  config.tests_tcp = given.tests_tcp != 0;
  const bool is_in_range =
      Assign(given.attempts, kMaxAttempts, config.attempts) &&
      Assign(given.transactions_per_second, kMaxTransactions,
             config.transactions_per_second) &&
      Assign(given.max_waiting, kMaxSockets, config.max_waiting) &&
      Assign(given.load_mappings, kMaxSockets, config.load_mappings) &&
      Assign(given.longest_lifetime_ns, NATKIT_SECOND, 24 * kHour,
             config.longest_lifetime) &&
      Assign(given.lifetime_budget_ns, 0, 7 * 24 * kHour,
             config.lifetime_budget) &&
      Assign(given.response_port_interval_ns, 0, kHour,
             config.response_port_interval) &&
      Assign(given.interval_ns, NATKIT_MILLISECOND, 60 * NATKIT_SECOND,
             config.interval);
  if (!is_in_range || given.reserved != 0) {
    return Fail(Errc::kBadArgument);
  }
  return {};
}

}  // namespace

Result<nat::BehaviorConfig> ToBehaviorConfig(
    const natkit_behavior_config& given) {
  nat::BehaviorConfig config;
  for (const auto set :
       {SetServers, SetLocals, SetAxes, SetPrefixes, SetPortal, SetNumbers}) {
    if (const Result<void> done = set(given, config); !done) {
      return std::unexpected(done.error());
    }
  }
  if (const Result<void> checked = CheckFamilies(config); !checked) {
    return std::unexpected(checked.error());
  }
  return config;
}

}  // namespace natkit::c

using namespace natkit::c;

int natkit_nat64_find_prefixes(const natkit_address* addresses, size_t count,
                               natkit_prefix* out, size_t capacity) {
  if ((addresses == nullptr && count != 0) || count > kMaxNat64Addresses) {
    return Refuse(__func__, natkit::Errc::kBadArgument);
  }
  return ToCode(__func__, PutPrefixes({addresses, count}, out, capacity));
}
