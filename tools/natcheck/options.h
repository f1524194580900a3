#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "natkit/shell/server_name.h"

namespace natkit::natcheck {

/// What the command line of the default run says.
struct Options {
  std::vector<std::string> servers;  ///< HOST or HOST:PORT
  std::vector<std::string> locals;   ///< addresses of this host
  std::string portal_url;            ///< http://HOST[:PORT][/PATH]
  std::string nat64_prefix;          ///< instead of asking for it
  bool only_v4 = false;
  bool only_v6 = false;
  bool is_full = false;
  bool wants_json = false;
  bool wants_evidence = false;
  uint32_t longest = 600;  ///< lifetimes, seconds
  uint32_t timeout = 0;    ///< seconds for each address family; 0: none
};

void AddOptions(CLI::App& app, Options& options);

/// A page of a web server as it was written.
struct PageName {
  shell::ServerName server;
  std::string host;  ///< with the port, if it was given
  std::string path;
};

/// "http://HOST[:PORT][/PATH]". False if it is not that.
[[nodiscard]] bool ParsePage(const std::string& text, PageName& out);

}  // namespace natkit::natcheck
