#include "stun/stun_server_config.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

#include "stun/stun_bytes.h"
#include "support/convert.h"
#include "support/door.h"

namespace natkit::c {

namespace {

using stun::attr::PasswordAlgorithmId;

constexpr size_t kMaxSoftware = 128;
constexpr size_t kMaxRealm = 127;
constexpr size_t kMaxEndpoints = 16;
constexpr uint32_t kMaxTable = uint32_t{1} << 24;
constexpr uint32_t kMaxRate = 1000000;
constexpr uint32_t kMaxPortBurst = 1000;
constexpr uint64_t kDay = 24 * 3600 * NATKIT_SECOND;

uint32_t OrDefault(uint32_t value, uint32_t fallback) {
  return value == 0 ? fallback : value;
}

bool IsInRange(const natkit_stun_server_config& given) {
  return given.amplification <= NATKIT_STUN_AMPLIFICATION_NONE &&
         given.mechanism <= NATKIT_STUN_LONG_TERM &&
         given.algorithms <= NATKIT_STUN_ALGORITHMS_RFC5389 &&
         given.nonce_lifetime_ns <= kDay &&
         given.response_port_interval_ns <= kDay &&
         given.requests_per_second <= kMaxRate &&
         given.request_burst <= kMaxRate &&
         given.response_port_burst <= kMaxPortBurst &&
         given.table_size <= kMaxTable &&
         given.endpoint_set_count <= kMaxEndpoints;
}

/// Users of either kind. Errors: those of T::Prepare().
template <class T>
Result<std::vector<T>> ToUsers(std::span<const natkit_stun_user> given) {
  std::vector<T> users;
  for (const natkit_stun_user& user : given) {
    const auto username = ToLimitedText(user.username, kLongestGiven);
    const auto password = ToLimitedText(user.password, kLongestGiven);
    if (!username || !password) {
      return std::unexpected((username ? password : username).error());
    }
    Result<T> prepared = T::Prepare(*username, *password);
    if (!prepared) {
      return std::unexpected(prepared.error());
    }
    users.push_back(*std::move(prepared));
  }
  return users;
}

std::vector<PasswordAlgorithmId> ToAlgorithms(uint32_t algorithms) {
  switch (algorithms) {
    case NATKIT_STUN_ALGORITHMS_SHA256:
      return {PasswordAlgorithmId::kSha256};
    case NATKIT_STUN_ALGORITHMS_RFC5389:
      return {};
    default:
      return stun::LongTermUsers{}.algorithms;
  }
}

Result<void> SetLongTerm(const natkit_stun_server_config& given,
                         stun::ServerConfig& config) {
  const Result<std::string_view> realm = ToText(given.realm, kMaxRealm);
  if (!realm || realm->empty()) {
    return Fail(Errc::kBadArgument);
  }
  auto users =
      ToUsers<stun::LongTermCredentials>({given.users, given.user_count});
  if (!users) {
    return std::unexpected(users.error());
  }
  stun::LongTermUsers& out = config.long_term.emplace();
  out.realm = *realm;
  out.users = *std::move(users);
  out.algorithms = ToAlgorithms(given.algorithms);
  out.accepts_userhash = given.no_userhash == 0;
  if (given.nonce_lifetime_ns != 0) {
    out.nonce_lifetime =
        Duration(static_cast<int64_t>(given.nonce_lifetime_ns));
  }
  if (given.nonce_key != nullptr) {
    out.nonce_key.emplace(std::span<const uint8_t, stun::NonceKey::kSize>(
        given.nonce_key, stun::NonceKey::kSize));
  }
  return {};
}

Result<void> SetUsers(const natkit_stun_server_config& given,
                      stun::ServerConfig& config) {
  if (const auto users = ToItems(given.users, given.user_count); !users) {
    return std::unexpected(users.error());
  }
  if (given.mechanism == NATKIT_STUN_LONG_TERM) {
    return SetLongTerm(given, config);
  }
  auto users =
      ToUsers<stun::ShortTermCredentials>({given.users, given.user_count});
  if (!users) {
    return std::unexpected(users.error());
  }
  config.credentials = *std::move(users);
  return {};
}

/// Errors: kBadArgument.
Result<stun::DiscoveryEndpoints> ToEndpoints(
    const natkit_stun_endpoints& given) {
  const auto primary = ToSetEndpoint(&given.primary);
  const auto other = ToSetEndpoint(&given.other);
  const auto seen_primary = ToEndpoint(given.advertised_primary);
  const auto seen_other = ToEndpoint(given.advertised_other);
  if (!primary || !other || !seen_primary || !seen_other) {
    return Fail(Errc::kBadArgument);
  }
  const stun::DiscoveryEndpoints endpoints{
      .addresses = {primary->address, other->address},
      .ports = {primary->port, other->port},
      .advertised = {seen_primary->address, seen_other->address}};
  if (!endpoints.is_valid()) {
    return Fail(Errc::kBadArgument);
  }
  return endpoints;
}

Result<void> SetDiscovery(const natkit_stun_server_config& given,
                          stun::ServerConfig& config) {
  if (given.endpoint_set_count == 0) {
    return {};
  }
  if (given.endpoint_sets == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  stun::DiscoveryConfig& discovery = config.discovery.emplace();
  for (const natkit_stun_endpoints& set :
       std::span(given.endpoint_sets, given.endpoint_set_count)) {
    const auto endpoints = ToEndpoints(set);
    if (!endpoints) {
      return std::unexpected(endpoints.error());
    }
    discovery.endpoints.push_back(*endpoints);
  }
  nat::ResponsePortLimits& limits = discovery.response_port;
  if (given.response_port_interval_ns != 0) {
    limits.interval =
        Duration(static_cast<int64_t>(given.response_port_interval_ns));
  }
  limits.burst = OrDefault(given.response_port_burst, limits.burst);
  limits.bucket_count =
      given.table_size == 0 ? limits.bucket_count : given.table_size;
  return {};
}

void SetLimits(const natkit_stun_server_config& given,
               stun::ServerConfig& config) {
  static constexpr std::array kPolicies = {stun::AmplificationPolicy::kMinimal,
                                           stun::AmplificationPolicy::kBalanced,
                                           stun::AmplificationPolicy::kNone};
  config.amplification = kPolicies[given.amplification];
  nat::RateLimit rate;
  rate.per_second = OrDefault(given.requests_per_second, rate.per_second);
  rate.burst = OrDefault(given.request_burst, rate.burst);
  if (given.table_size != 0) {
    rate.bucket_count = given.table_size;
    config.ledger_buckets = given.table_size;
  }
  config.rate_limit =
      given.no_rate_limit != 0 ? std::nullopt : std::optional(rate);
}

/// SOFTWARE and where users are sent. Errors: kBadArgument.
Result<void> SetTexts(const natkit_stun_server_config& given,
                      stun::ServerConfig& config) {
  if (given.software != nullptr) {
    const auto software = ToText(given.software, kMaxSoftware);
    if (!software) {
      return std::unexpected(software.error());
    }
    config.software = *software;
  }
  if (given.alternate_server.family != NATKIT_FAMILY_NONE) {
    const auto elsewhere = ToEndpoint(given.alternate_server);
    if (!elsewhere) {
      return std::unexpected(elsewhere.error());
    }
    config.alternate_server = *elsewhere;
  }
  return {};
}

}  // namespace

Result<stun::ServerConfig> ToServerConfig(
    const natkit_stun_server_config& given) {
  if (!IsInRange(given)) {
    return Fail(Errc::kBadArgument);
  }
  stun::ServerConfig config;
  config.requests = given.tailnode_only != 0
                        ? stun::RequestPolicy::kTailnodeOnly
                        : stun::RequestPolicy::kAny;
  config.answers_rfc3489 = given.answers_rfc3489 != 0;
  SetLimits(given, config);
  for (const auto set : {SetTexts, SetUsers, SetDiscovery}) {
    if (const Result<void> done = set(given, config); !done) {
      return std::unexpected(done.error());
    }
  }
  return config;
}

}  // namespace natkit::c
