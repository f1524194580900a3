#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"

namespace natkit::meshnode {

/// How the system is told where to ask.
enum class DnsBackend {
  kResolved,    ///< systemd-resolved, for one link
  kResolvconf,  ///< the resolvconf program
  kFile,        ///< /etc/resolv.conf itself
};

/// "resolved", "resolvconf" or "file".
[[nodiscard]] std::string_view BackendName(DnsBackend backend);
[[nodiscard]] std::optional<DnsBackend> ParseBackend(std::string_view name);

/// What was changed on the system: all that is needed to undo it, whoever does
/// so and when. It is on disk before the first change.
struct SetupState {
  DnsBackend backend = DnsBackend::kFile;
  std::string interface;
  // Of kFile alone:
  std::string resolv_conf;   ///< the file that is replaced
  std::string backup;        ///< where it waits meanwhile
  bool had_original = true;  ///< false: there was no file
  /// What we wrote: the last, and the one before while it is replaced.
  std::vector<std::string> contents;
  std::vector<IpAddress> servers;  ///< that we wrote

  bool operator==(const SetupState&) const = default;
};

[[nodiscard]] std::string FormatSetupState(const SetupState& state);
/// nullopt: it was not made by FormatSetupState().
[[nodiscard]] std::optional<SetupState> ParseSetupState(std::string_view text);

}  // namespace natkit::meshnode
