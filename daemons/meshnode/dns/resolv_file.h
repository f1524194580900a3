#pragma once

#include <optional>
#include <string>

#include "dns/setup_state.h"
#include "natkit/shell/outcome.h"

namespace natkit::meshnode {

/// Whether there is anything at `path`, be it a link that leads nowhere.
[[nodiscard]] bool Exists(const std::string& path);

/// The content of the file at `path`, through links; nullopt: there is none, or
/// it cannot be read.
[[nodiscard]] std::optional<std::string> ReadText(const std::string& path);

/// Puts the file at `state.resolv_conf`, a link or a regular file, aside as
/// `state.backup`, with everything it has. Nothing changes for readers.
[[nodiscard]] shell::Outcome<void> BackUp(const SetupState& state);

/// Replaces the file at `path` by `content`, at once for readers, with mode
/// 0644. Where it is a mount of its own, it is rewritten in place.
[[nodiscard]] shell::Outcome<void> Install(const std::string& path,
                                           const std::string& content);

/// Whether the file is still what was installed last, or before.
[[nodiscard]] bool IsInstalled(const SetupState& state);

/// Puts what BackUp() has put aside over the file, whatever that is.
[[nodiscard]] shell::Outcome<void> PutBack(const SetupState& state);

/// Makes of a file of ours that somebody has edited one without our lines.
[[nodiscard]] shell::Outcome<void> RemoveOurs(const SetupState& state);

/// Brings back what BackUp() put aside. A file that somebody else has put
/// there meanwhile stays; of one that somebody has edited, only our lines go.
[[nodiscard]] shell::Outcome<void> RestoreFile(const SetupState& state);

}  // namespace natkit::meshnode
