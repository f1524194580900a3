#include "fleet/fleet_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iostream>
#include <set>
#include <string_view>
#include <system_error>

#include "natkit/base/secret.h"
#include "natkit/io/file.h"
#include "natkit/shell/files.h"

namespace natkit::meshnode {

namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFileSize = size_t{16} << 20;

bool Exists(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

/// The names in a folder of secrets that end in `extension`, in order. A folder
/// that is not there is an error: without it every file would lose its secrets.
Outcome<std::vector<std::string>> ListSecrets(const std::string& folder,
                                              std::string_view extension) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().extension() == extension) {
      names.push_back(it->path().filename().string());
    }
  }
  if (error) {
    return std::unexpected(folder +
                           ": cannot read this folder: " + error.message());
  }
  std::ranges::sort(names);
  return names;
}

void WarnOfUnused(const std::string& folder,
                  const std::vector<std::string>& names,
                  const std::set<std::string>& used, std::string_view why) {
  for (const std::string& name : names) {
    if (!used.contains(name)) {
      std::cerr << folder << '/' << name << ": warning: not used: " << why
                << '\n';
    }
  }
}

void Wipe(std::vector<uint8_t>& bytes) {
  WipeBytes(bytes);
}

bool HasContent(const std::string& path, const std::string& text) {
  auto bytes = io::ReadFile(path, kMaxFileSize);
  const bool is_same =
      bytes && std::ranges::equal(*bytes, AsBytes(std::string_view(text)));
  if (bytes) {
    Wipe(*bytes);
  }
  return is_same;
}

/// A preshared key is written as a private key is.
Outcome<PresharedKey> LoadPresharedKey(const std::string& path) {
  auto key = shell::LoadKeyFile(path);
  if (!key) {
    return std::unexpected(key.error());
  }
  return PresharedKey(key->Expose());
}

Outcome<void> LoadPrivateKeys(const std::string& folder,
                              const mesh::FleetPlan& plan,
                              mesh::FleetSecrets& secrets) {
  const auto names = ListSecrets(folder, ".key");
  if (!names) {
    return std::unexpected(names.error());
  }
  std::set<std::string> used;
  for (const mesh::FleetNode& node : plan.nodes) {
    const std::string path = folder + "/" + node.key_name + ".key";
    // A key that waits for its turn in a rotation is no mistake.
    used.insert({node.name + ".key", node.name + ".next.key"});
    if (!Exists(path)) {
      continue;
    }
    auto key = shell::LoadKeyFile(path);
    if (!key) {
      return std::unexpected(key.error());
    }
    secrets.private_keys.emplace(node.key_name, *std::move(key));
  }
  WarnOfUnused(folder, *names, used, "the mesh file has no node of this name");
  return {};
}

Outcome<void> LoadPresharedKeys(const std::string& folder,
                                const mesh::FleetPlan& plan,
                                mesh::FleetSecrets& secrets) {
  const auto names = ListSecrets(folder, ".psk");
  if (!names) {
    return std::unexpected(names.error());
  }
  std::set<std::string> used;
  for (const mesh::FleetNode& node : plan.nodes) {
    for (const mesh::FleetPeer& peer : node.peers) {
      const mesh::FleetPair pair = mesh::MakeFleetPair(node.name, peer.name);
      const std::string name = pair.first + "+" + pair.second + ".psk";
      const std::string path = folder + "/" + name;
      used.insert(name);
      if (secrets.preshared_keys.contains(pair) || !Exists(path)) {
        continue;
      }
      auto key = LoadPresharedKey(path);
      if (!key) {
        return std::unexpected(key.error());
      }
      secrets.preshared_keys.emplace(pair, *std::move(key));
    }
  }
  WarnOfUnused(folder, *names, used,
               "no two peers are called so, in the order of the names");
  return {};
}

Outcome<void> MakeFolder(const std::string& path) {
  if (mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    return std::unexpected(path + ": cannot make this folder");
  }
  return {};
}

Outcome<void> MakeFolders(const std::string& folder,
                          const mesh::FleetPlan& plan) {
  auto made = MakeFolder(folder);
  for (const mesh::FleetNode& node : plan.nodes) {
    if (!made) {
      break;
    }
    made = MakeFolder(folder + "/" + node.name);
  }
  return made;
}

/// The move scripts go before anything else changes: they belong to one step.
void RemoveOldScripts(const std::string& folder, const mesh::FleetPlan& plan,
                      const std::vector<mesh::FleetFile>& files,
                      std::vector<std::string>& changed) {
  for (const mesh::FleetNode& node : plan.nodes) {
    const std::string path = node.name + "/" + std::string(mesh::kMoveScript);
    const bool is_wanted = std::ranges::any_of(
        files, [&](const mesh::FleetFile& file) { return file.path == path; });
    if (!is_wanted && unlink((folder + "/" + path).c_str()) == 0) {
      changed.push_back(path + " (removed)");
    }
  }
}

bool HasError(const std::vector<mesh::Diagnostic>& diagnostics) {
  return std::ranges::any_of(diagnostics, [](const auto& diagnostic) {
    return diagnostic.severity == mesh::Severity::kError;
  });
}

}  // namespace

void PrintDiagnostics(const std::string& path,
                      const std::vector<mesh::Diagnostic>& diagnostics) {
  for (const mesh::Diagnostic& diagnostic : diagnostics) {
    std::cerr << FormatDiagnostic(path, diagnostic) << '\n';
  }
}

std::optional<mesh::MeshFile> LoadFleet(const std::string& path) {
  const auto text = shell::ReadFile(path);
  if (!text) {
    std::cerr << "meshnode: " << text.error() << '\n';
    return std::nullopt;
  }
  mesh::MeshFileResult result = mesh::ParseMeshFile(*text);
  if (!result.is_usable()) {
    PrintDiagnostics(path, result.diagnostics);
    return std::nullopt;
  }
  return std::move(result.file);
}

Outcome<mesh::FleetSecrets> LoadFleetSecrets(const SecretFolders& folders,
                                             const mesh::FleetPlan& plan) {
  mesh::FleetSecrets secrets;
  Outcome<void> loaded;
  if (!folders.keys.empty()) {
    loaded = LoadPrivateKeys(folders.keys, plan, secrets);
  }
  if (loaded && !folders.preshared_keys.empty()) {
    loaded = LoadPresharedKeys(folders.preshared_keys, plan, secrets);
  }
  if (!loaded) {
    return std::unexpected(loaded.error());
  }
  return secrets;
}

Outcome<std::vector<std::string>> WriteFleetFiles(
    const std::string& folder, const mesh::FleetPlan& plan,
    const std::vector<mesh::FleetFile>& files) {
  if (const auto made = MakeFolders(folder, plan); !made) {
    return std::unexpected(made.error());
  }
  std::vector<std::string> changed;
  RemoveOldScripts(folder, plan, files, changed);
  for (const mesh::FleetFile& file : files) {
    const std::string path = folder + "/" + file.path;
    if (HasContent(path, file.text)) {
      continue;
    }
    const auto written = io::WriteFileAtomically(path, AsBytes(file.text));
    if (!written) {
      return std::unexpected(path + ": " +
                             std::generic_category().message(errno));
    }
    changed.push_back(file.path);
  }
  return changed;
}

std::expected<std::vector<std::string>, int> RenderInto(
    const std::string& command, const std::string& mesh_path,
    const mesh::FleetPlan& plan, const SecretFolders& folders,
    const std::string& folder) {
  PrintDiagnostics(mesh_path, plan.diagnostics);
  if (!plan.is_usable()) {
    return std::unexpected(kExitFailure);
  }
  const auto secrets = LoadFleetSecrets(folders, plan);
  if (!secrets) {
    return std::unexpected(FailWith(command, secrets.error()));
  }
  const mesh::FleetFiles rendered = mesh::RenderFleet(plan, *secrets);
  PrintDiagnostics(mesh_path, rendered.diagnostics);
  if (HasError(rendered.diagnostics)) {
    return std::unexpected(kExitFailure);
  }
  auto changed = WriteFleetFiles(folder, plan, rendered.files);
  if (!changed) {
    return std::unexpected(FailWith(command, changed.error()));
  }
  return *std::move(changed);
}

void PrintChanged(const std::string& folder,
                  const std::vector<std::string>& changed) {
  for (const std::string& path : changed) {
    std::cout << folder << '/' << path << '\n';
  }
  if (changed.empty()) {
    std::cout << folder << ": nothing changed\n";
  }
}

}  // namespace natkit::meshnode
