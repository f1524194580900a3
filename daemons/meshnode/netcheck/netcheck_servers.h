#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/mesh/mesh_file.h"
#include "natkit/shell/outcome.h"
#include "natkit/shell/server_name.h"

namespace natkit::meshnode {

struct NetcheckRelay {
  std::string name;
  shell::ServerName server;  ///< of its stream
  uint16_t stun_port = 0;    ///< 0: it has no STUN
  bool is_home = false;      ///< of the node that was asked
};

/// Whom a look at this host's network asks.
struct NetcheckServers {
  std::vector<NetcheckRelay> relays;
  std::vector<shell::ServerName> stun_servers;  ///< not beside a relay
  uint32_t fwmark = 0;    ///< of the node's own packets (SO_MARK)
  bool has_exit = false;  ///< packets without it leave by another node
};

/// Those of a mesh file; no relay is home.
[[nodiscard]] NetcheckServers ServersOf(const mesh::MeshFile& mesh);

/// As one JSON object, the way a running node tells them.
[[nodiscard]] std::string FormatServers(const NetcheckServers& servers);

/// Reads it back; the error is for the user. At most 64 of each kind are kept.
[[nodiscard]] shell::Outcome<NetcheckServers> ParseServers(
    std::string_view json);

}  // namespace natkit::meshnode
