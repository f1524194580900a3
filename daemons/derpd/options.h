#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <string>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/log.h"
#include "natkit/base/time.h"
#include "natkit/shell/outcome.h"

namespace natkit::derpd {

/// Everything that derpd can be told, by file and by command line.
struct Options {
  bool is_dev = false;    ///< ephemeral key and certificate, loopback
  bool is_check = false;  ///< only look whether all of this would work
  bool is_plain = false;  ///< no TLS
  std::vector<std::string> listen;
  std::string hostname;     ///< what clients call us: DNS name or IP literal
  std::string certificate;  ///< PEM file: chain, leaf first
  std::string private_key;  ///< PEM file
  bool is_self_signed = false;  ///< make the two files if they are missing
  std::string key_file;         ///< the relay's own key
  std::string mesh_key_file;    ///< 64 hex digits; empty: no mesh
  bool has_stun = true;
  std::vector<std::string> stun_listen;
  bool is_stun_tailnode_only = false;
  std::string log_level;
  std::string home_redirect;  ///< / answers 302 to this URL; empty: a page
  std::string not_here = "disco";
  Duration write_timeout = std::chrono::seconds(2);
  size_t max_connections = 50'000;
  size_t max_half_open = 2'000;

  // Set by ParseOptions().
  LogLevel level = LogLevel::kInfo;
  std::vector<Endpoint> tcp_endpoints;
  std::vector<Endpoint> udp_endpoints;
};

/// Reads the command line and the file it names, and checks both. Yields an
/// exit status instead when the program is to end now; mistakes are on stderr.
[[nodiscard]] std::expected<Options, int> ParseOptions(int argc, char** argv);

}  // namespace natkit::derpd
