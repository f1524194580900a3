#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/log.h"
#include "natkit/base/time.h"
#include "natkit/nat/source_rate_limiter.h"
#include "natkit/nat/stun_discovery.h"
#include "natkit/nat/stun_partner_link.h"
#include "natkit/nat/stun_server.h"
#include "natkit/shell/outcome.h"
#include "users.h"

namespace natkit::stunsrv {

/// The other machine of a two-machine server.
struct PartnerSettings {
  Endpoint link;         ///< where this machine gets orders
  Endpoint remote_link;  ///< where the other one does
  std::string secret_file;
  stun::PartnerSide side = stun::PartnerSide::kFirst;
  std::vector<IpAddress> addresses;  ///< the other one's, as `discovery` has it
  std::vector<IpAddress> own_addresses;  ///< this one's
  bool operator==(const PartnerSettings&) const = default;
};

/// Everything that the command line and the file say, checked.
struct Settings {
  std::vector<Endpoint> udp;
  std::vector<Endpoint> tcp;
  std::vector<Endpoint> tls;
  std::string certificate;  ///< PEM files; empty without TLS
  std::string private_key;
  size_t threads = 1;
  size_t receive_buffer = 0;
  Duration gather_time{};

  stun::RequestPolicy requests = stun::RequestPolicy::kAny;
  stun::AmplificationPolicy amplification =
      stun::AmplificationPolicy::kBalanced;
  bool has_chosen_amplification = false;  ///< it is not the default
  bool answers_rfc3489 = false;
  std::string software;
  std::shared_ptr<const Users> users;  ///< null: everybody
  std::optional<Endpoint> alternate_server;
  std::optional<nat::RateLimit> rate_limit;
  std::optional<stun::DiscoveryConfig> discovery;
  std::optional<PartnerSettings> partner;

  size_t max_connections = 1000;
  size_t max_connections_per_source = 32;
  Duration idle_timeout{};
  std::optional<Endpoint> metrics;
  LogLevel log_level = LogLevel::kInfo;
};

/// Lowers max_connections to what `descriptors` of the process leave room for.
/// Returns what to tell the operator then.
[[nodiscard]] std::optional<std::string> FitConnections(size_t descriptors,
                                                        Settings& settings);

/// What is allowed, and seldom meant; nullopt: nothing.
[[nodiscard]] std::optional<std::string> DoubtfulPolicy(
    const Settings& settings);

/// What a StunServer is to be made with.
[[nodiscard]] stun::ServerConfig MakeServerConfig(const Settings& settings);

/// The 32 bytes that both machines share, as 64 hex digits in a file that only
/// its owner can read. The error says what is wrong.
[[nodiscard]] shell::Outcome<stun::PartnerSecret> LoadPartnerSecret(
    const std::string& path);

}  // namespace natkit::stunsrv
