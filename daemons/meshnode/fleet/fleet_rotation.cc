#include "fleet/fleet_rotation.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "natkit/io/file.h"
#include "natkit/shell/files.h"

namespace natkit::meshnode {

namespace {

/// No node's folder has this name: theirs have no dot.
std::string StatePath(const std::string& folder) {
  return folder + "/rotation.toml";
}

}  // namespace

Outcome<std::optional<mesh::RotationState>> LoadRotation(
    const std::string& folder) {
  const std::string path = StatePath(folder);
  if (access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
    return std::optional<mesh::RotationState>();
  }
  const auto text = shell::ReadFile(path);
  if (!text) {
    return std::unexpected(text.error());
  }
  auto state = mesh::ParseRotationState(*text);
  if (!state) {
    return std::unexpected(FormatDiagnostic(path, state.error()));
  }
  return std::optional(*std::move(state));
}

Outcome<void> SaveRotation(const std::string& folder,
                           const mesh::RotationState& state) {
  const std::string text = mesh::FormatRotationState(state);
  const auto written =
      io::WriteFileAtomically(StatePath(folder), AsBytes(text));
  if (!written) {
    return std::unexpected(StatePath(folder) + ": " +
                           std::generic_category().message(errno));
  }
  return {};
}

Outcome<void> RemoveRotation(const std::string& folder) {
  if (unlink(StatePath(folder).c_str()) != 0) {
    return std::unexpected(StatePath(folder) + ": cannot remove it");
  }
  return {};
}

}  // namespace natkit::meshnode
