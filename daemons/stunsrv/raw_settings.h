#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "natkit/base/time.h"
#include "natkit/nat/source_rate_limiter.h"

namespace natkit::stunsrv {

/// The keys of the configuration file as they are written, with defaults.
struct RawSettings {
  std::vector<std::string> listen{"0.0.0.0:3478", "[::]:3478"};
  std::vector<std::string> listen_tcp;
  std::vector<std::string> listen_tls;
  std::string certificate;
  std::string private_key;
  size_t threads = 0;  // as many as there are processors, at most 8
  size_t receive_buffer = size_t{4} << 20U;
  Duration gather_time = std::chrono::microseconds(200);
  std::string answer = "any";
  std::string amplification = "balanced";
  bool rfc3489 = true;
  std::string software;
  std::string credentials = "none";
  std::string realm;
  std::string users_file;
  std::string alternate_server;
  size_t rate_limit = nat::RateLimit{}.per_second;
  size_t rate_burst = nat::RateLimit{}.burst;
  size_t source_buckets = 65536;
  bool discovery = false;
  std::vector<std::string> discovery_addresses;
  std::vector<std::string> discovery_advertised;
  size_t discovery_port = 3478;
  size_t discovery_other_port = 3479;
  std::vector<std::string> partner_addresses;
  std::string partner_listen;
  std::string partner_link;
  std::string partner_secret_file;
  size_t max_connections = 1000;
  size_t max_connections_per_source = 32;
  Duration idle_timeout = std::chrono::seconds(30);
  std::string metrics_listen;
  std::string log_level;
};

}  // namespace natkit::stunsrv
