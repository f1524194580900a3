#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "commands/command_support.h"
#include "join/membership.h"
#include "natkit/base/secret_string.h"
#include "natkit/mesh/node.h"

namespace natkit::meshnode {

/// What `meshnode up` was asked for.
struct UpOptions {
  std::optional<JoinOptions> join;  ///< a server instead of a mesh file
  SecretString auth_key;            ///< with `join`; empty: none
  std::string mesh_path;
  std::string name;
  std::string key_path;  ///< empty: NAME.key beside the mesh file
  std::string psk_path;  ///< empty: no pre-shared key
  std::string tun_name = "natkit0";
  bool has_tun = true;
  bool has_port_mapping = true;         ///< false beats the mesh file's
  std::optional<uint16_t> listen_port;  ///< beats the mesh file's
  std::string control_path;             ///< empty: see control_path.h
  /// Who may change the node beside root and the user who runs it.
  std::optional<uint32_t> operator_user;
};

struct LoadedConfig {
  mesh::NodeConfig node;
  std::vector<std::string> warnings;  ///< of the mesh file, with their lines
};

/// Reads the mesh file and the keys and checks that they fit each other. The
/// error may be of several lines. `node.wall_clock_offset` is left to the
/// caller.
[[nodiscard]] Outcome<LoadedConfig> LoadConfig(const UpOptions& options);

}  // namespace natkit::meshnode
