#include "control/control_path.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

namespace natkit::meshnode {

namespace {

namespace fs = std::filesystem;

/// The folders of sockets, the preferred one first.
std::vector<fs::path> Folders() {
  std::vector<fs::path> out = {"/run/natkit"};
  // Read once at start, before any thread could change the environment.
  const char* runtime =
      std::getenv("XDG_RUNTIME_DIR");  // NOLINT(concurrency-mt-unsafe)
  if (runtime != nullptr && *runtime == '/') {
    out.push_back(fs::path(runtime) / "natkit");
  }
  return out;
}

bool MakeWritable(const fs::path& folder) {
  std::error_code error;
  fs::create_directory(folder, error);
  return access(folder.c_str(), W_OK | X_OK) == 0;
}

std::vector<std::string> ListSockets() {
  std::vector<std::string> out;
  for (const fs::path& folder : Folders()) {
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end;
         it.increment(error)) {
      if (it->path().extension() == ".sock") {
        out.push_back(it->path().string());
      }
    }
  }
  std::ranges::sort(out);
  return out;
}

using Found = std::expected<std::string, ControlFailure>;

Found NotRunning(const std::string& text) {
  return std::unexpected(ControlFailure{text, kExitNotRunning});
}

Found SocketOfName(const std::string& name) {
  std::error_code error;
  for (const fs::path& folder : Folders()) {
    const fs::path path = folder / (name + ".sock");
    if (fs::exists(path, error)) {
      return path.string();
    }
  }
  return NotRunning("no node \"" + name +
                    "\" runs here (a node started with --control needs the "
                    "same --control here)");
}

}  // namespace

Outcome<std::string> ServerSocketPath(const ControlTarget& target) {
  if (!target.path.empty()) {
    return target.path;
  }
  for (const fs::path& folder : Folders()) {
    if (MakeWritable(folder)) {
      return (folder / (target.name + ".sock")).string();
    }
  }
  return std::unexpected(
      "no place for the control socket: /run/natkit cannot be written and "
      "XDG_RUNTIME_DIR is not set; choose one with --control PATH");
}

Found ClientSocketPath(const ControlTarget& target) {
  if (!target.path.empty()) {
    return target.path;
  }
  if (!target.name.empty()) {
    return SocketOfName(target.name);
  }
  const std::vector<std::string> sockets = ListSockets();
  if (sockets.size() == 1) {
    return sockets.front();
  }
  if (sockets.empty()) {
    return NotRunning(
        "no node runs here; start one with `meshnode up`, or name its socket "
        "with --control PATH");
  }
  std::string text = "several nodes run here, choose one with --name:";
  for (const std::string& socket : sockets) {
    text += " " + fs::path(socket).stem().string();
  }
  return std::unexpected(ControlFailure{text});
}

}  // namespace natkit::meshnode
