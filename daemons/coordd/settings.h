#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/log.h"
#include "natkit/mesh/control/map_item.h"
#include "natkit/mesh/registry/registry.h"
#include "natkit/shell/logging.h"

namespace natkit::coordd {

/// Where the server keeps its state unless it is told.
inline constexpr std::string_view kDefaultStateDir = "/var/lib/coordd";
/// Where administrators reach it unless it is told.
inline constexpr std::string_view kDefaultAdminSocket = "/run/coordd/admin";

/// What coordd.toml says, checked (docs/coordd.md).
struct Settings {
  std::vector<Endpoint> listen;
  std::string certificate;
  std::string private_key;
  std::string state_dir{kDefaultStateDir};
  size_t max_connections = 100'000;
  size_t max_half_open = 4096;
  /// `ipv6` is 0.0.0.0/0 when the file has none: a new mesh makes one up.
  mesh::RegistryConfig registry;
  std::string policy_file;  ///< empty: the store's
  std::vector<mesh::RelayInfo> relays;
  std::string admin_socket{kDefaultAdminSocket};
  /// Who may use it besides root and the server's own user: names or numbers.
  std::vector<std::string> admin_users;
  std::vector<std::string> admin_groups;
  std::vector<Endpoint> api_listen;  ///< empty: there is no API

  /// "file:line" of what is compared with more than the file; of the mesh's
  /// name and domain empty if the file does not say them.
  struct Places {
    std::string state_dir;
    std::string admin_socket;
    std::string mesh_name;
    std::string mesh_domain;
  } places;

  LogLevel log_level = LogLevel::kInfo;
  shell::LogFormat log_format = shell::LogFormat::kText;
};

/// Reads the text of a configuration file. The errors are all that is wrong
/// with it, each as "file:line: text".
[[nodiscard]] std::expected<Settings, std::vector<std::string>> ParseSettings(
    const std::string& file_name, std::string_view text);

/// What is wrong with the folders that the settings name, each with its line:
/// the state's is missing or open to others, the socket's is missing.
[[nodiscard]] std::vector<std::string> CheckFolders(const Settings& settings);

}  // namespace natkit::coordd
