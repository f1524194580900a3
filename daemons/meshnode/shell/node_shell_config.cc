#include "shell/node_shell_config.h"

#include <unistd.h>

#include <filesystem>
#include <string_view>
#include <utility>

#include "natkit/base/encoding.h"
#include "natkit/shell/files.h"

namespace natkit::meshnode {

namespace {

Outcome<mesh::MeshFile> LoadMesh(const std::string& path,
                                 std::vector<std::string>& warnings) {
  const auto text = shell::ReadFile(path);
  if (!text) {
    return std::unexpected("cannot read the mesh file: " + text.error());
  }
  mesh::MeshFileResult result = mesh::ParseMeshFile(*text);
  std::string errors;
  for (const mesh::Diagnostic& diagnostic : result.diagnostics) {
    std::string line = FormatDiagnostic(path, diagnostic);
    if (diagnostic.severity == mesh::Severity::kError) {
      errors += "\n" + line;
    } else {
      warnings.push_back(std::move(line));
    }
  }
  if (!result.is_usable()) {
    return std::unexpected("the mesh file cannot be used:" + errors);
  }
  return std::move(result.file);
}

std::string UnknownName(const UpOptions& options, const mesh::MeshFile& mesh) {
  std::string text = "there is no node \"" + options.name + "\" in " +
                     options.mesh_path + "; its nodes are";
  const char* separator = " ";
  for (const mesh::NodeEntry& node : mesh.nodes) {
    text += separator + node.name;
    separator = ", ";
  }
  return text;
}

std::string KeyPath(const UpOptions& options) {
  if (!options.key_path.empty()) {
    return options.key_path;
  }
  return std::filesystem::path(options.mesh_path)
      .replace_filename(options.name + ".key")
      .string();
}

Outcome<StaticPrivateKey> LoadPrivateKey(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0) {
    return std::unexpected(
        "there is no key file " + path + "; make one with\n  (umask 077; " +
        "meshnode genkey > " + path + ")\nand put the output of\n  " +
        "meshnode pubkey < " + path + "\ninto the mesh file, or name another " +
        "file with --key-file");
  }
  return shell::LoadKeyFile(path);
}

Outcome<PresharedKey> LoadPresharedKey(const std::string& path) {
  const auto content = shell::ReadSecretFile(path);
  if (!content) {
    return std::unexpected(content.error());
  }
  const std::string_view text = AsText(content->Expose());
  const size_t end = text.find_last_not_of(" \t\r\n");
  PresharedKey key;
  const auto decoded = FromBase64Exact(
      text.substr(0, end == std::string_view::npos ? 0 : end + 1),
      key.ExposeMutable());
  if (!decoded) {
    return std::unexpected(path +
                           ": not a pre-shared key; it must hold 44 characters "
                           "as `meshnode genpsk` prints them");
  }
  return key;
}

std::string WrongKey(const std::string& path, const mesh::NodeEntry& node,
                     const StaticPrivateKey& key,
                     const std::string& mesh_path) {
  return path + " is not the key of node \"" + node.name +
         "\": its public key is " + DerivePublicKey(key).ToBase64() + ", but " +
         mesh_path + ":" + std::to_string(node.line) + " has " +
         node.public_key.ToBase64();
}

}  // namespace

Outcome<LoadedConfig> LoadConfig(const UpOptions& options) {
  LoadedConfig out;
  auto mesh = LoadMesh(options.mesh_path, out.warnings);
  if (!mesh) {
    return std::unexpected(mesh.error());
  }
  const mesh::NodeEntry* self = mesh->FindNode(options.name);
  if (self == nullptr) {
    return std::unexpected(UnknownName(options, *mesh));
  }
  const std::string key_path = KeyPath(options);
  auto key = LoadPrivateKey(key_path);
  if (!key) {
    return std::unexpected(key.error());
  }
  if (DerivePublicKey(*key) != self->public_key) {
    return std::unexpected(WrongKey(key_path, *self, *key, options.mesh_path));
  }
  if (!options.psk_path.empty()) {
    auto preshared = LoadPresharedKey(options.psk_path);
    if (!preshared) {
      return std::unexpected(preshared.error());
    }
    out.node.preshared_key = std::move(*preshared);
  }
  out.node.mesh = std::move(*mesh);
  out.node.name = options.name;
  out.node.private_key = std::move(*key);
  return out;
}

}  // namespace natkit::meshnode
