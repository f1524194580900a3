#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "dns/programs.h"
#include "natkit/shell/outcome.h"
#include "routes/sysctl.h"

namespace natkit::meshnode {

/// How many priorities, from RouteSettings::priority on, rules take, but for
/// the one of gone_priority.
constexpr uint32_t kRulePriorities = 6;

/// What is a node's alone on its system.
struct RouteSettings {
  std::string tun;
  uint32_t mesh_table = 51880;
  uint32_t exit_table = 51881;
  uint32_t gone_table = 51912;
  uint32_t priority = 5200;       ///< of the first of its rules
  uint32_t gone_priority = 5296;  ///< after the rules of all nodes here
  uint32_t fwmark = 0x6E6B6D73;   ///< of all its own packets (SO_MARK)
  /// IP forwarding is switched on where it is missing, and off at the end.
  bool enables_forwarding = false;
};

/// For a node with this interface: the number at the name's end, up to 15,
/// sets it apart from others on one system ("natkit3"; without one it is 0).
/// The mark is the same for all of them: none takes another's packets.
[[nodiscard]] RouteSettings RouteSettingsFor(const std::string& tun);

/// Where things are; tests have their own.
struct RoutePaths {
  /// Lost with the system's restart, as what is changed is.
  std::string run_folder = "/run/natkit";
  std::string sysctls = "/proc/sys";
  Programs programs{};
};

/// What an earlier or this process has changed beside rules and routes, which
/// are known by their tables. It is on disk before the change.
struct RouteState {
  std::string tun;
  Sysctls before;  ///< what they were
  Sysctls set;     ///< what they are now

  bool operator==(const RouteState&) const = default;
};

[[nodiscard]] std::string FormatRouteState(const RouteState& state);
/// nullopt: it was not made by FormatRouteState().
[[nodiscard]] std::optional<RouteState> ParseRouteState(std::string_view text);

/// The file of the state. It names the network namespace: others share the
/// folder.
[[nodiscard]] std::string RouteStateFile(const RouteSettings& settings,
                                         const RoutePaths& paths);

/// Puts those back that still have the value that was set.
void RestoreSysctls(const RoutePaths& paths, const RouteState& state);

/// Removes all that is the node's, of whatever process: rules, routes, the
/// packet filter's table, settings. Does nothing where there is nothing.
[[nodiscard]] shell::Outcome<void> UndoRoutes(const RouteSettings& settings,
                                              const RoutePaths& paths);

}  // namespace natkit::meshnode
