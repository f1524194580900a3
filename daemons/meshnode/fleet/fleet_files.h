#pragma once

#include <expected>
#include <string>
#include <vector>

#include "commands/command_support.h"
#include "natkit/mesh/fleet/fleet_plan.h"
#include "natkit/mesh/fleet/render.h"

namespace natkit::meshnode {

/// Reads and checks a mesh file; prints what is wrong with it to stderr.
[[nodiscard]] std::optional<mesh::MeshFile> LoadFleet(const std::string& path);

/// Prints to stderr; `path` is that of the mesh file.
void PrintDiagnostics(const std::string& path,
                      const std::vector<mesh::Diagnostic>& diagnostics);

/// Folders of keys to put into the files; empty: none.
struct SecretFolders {
  std::string keys;            ///< NAME.key
  std::string preshared_keys;  ///< NAME+NAME.psk, in order of the names
};

/// Reads the keys that a plan asks for, where they are there. A folder that
/// cannot be read is an error; a key in it that nobody asks for is named on
/// stderr.
[[nodiscard]] Outcome<mesh::FleetSecrets> LoadFleetSecrets(
    const SecretFolders& folders, const mesh::FleetPlan& plan);

/// Writes those of `files` that differ from what `folder` has, each completely
/// or not at all, and removes scripts of an earlier step of a rotation. Returns
/// the paths that changed; the folders are made.
[[nodiscard]] Outcome<std::vector<std::string>> WriteFleetFiles(
    const std::string& folder, const mesh::FleetPlan& plan,
    const std::vector<mesh::FleetFile>& files);

/// Renders `plan` into `folder`; messages go to stderr. Returns the paths that
/// changed, those of WriteFleetFiles(); the error is an exit status.
[[nodiscard]] std::expected<std::vector<std::string>, int> RenderInto(
    const std::string& command, const std::string& mesh_path,
    const mesh::FleetPlan& plan, const SecretFolders& folders,
    const std::string& folder);

/// For people, to stdout.
void PrintChanged(const std::string& folder,
                  const std::vector<std::string>& changed);

}  // namespace natkit::meshnode
