#include "commands/render_command.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "commands/command_support.h"
#include "fleet/fleet_files.h"
#include "fleet/fleet_rotation.h"

namespace natkit::meshnode {

int RunRender(int argc, char** argv) {
  CLI::App app("Writes files for wg-quick for every node of a mesh file.",
               "meshnode render");
  std::string mesh_path;
  std::string folder;
  SecretFolders secrets;
  app.add_option("mesh", mesh_path, "The mesh file (TOML)")->required();
  app.add_option("--out", folder, "Folder to write to, one folder per node")
      ->required();
  app.add_option("--keys-dir", secrets.keys,
                 "Folder with NAME.key; those found go into the files")
      ->check(&RefuseEmpty);
  app.add_option("--psk-dir", secrets.preshared_keys,
                 "Folder with a preshared key NAME+NAME.psk for each pair")
      ->check(&RefuseEmpty);
  bool is_json = false;
  app.add_flag("--json", is_json, "Print one JSON object");
  if (const auto code = ParseArguments(app, argc, argv)) {
    return *code;
  }
  const auto file = LoadFleet(mesh_path);
  if (!file) {
    return kExitFailure;
  }
  auto rotation = LoadRotation(folder);
  if (!rotation) {
    return FailWith("render", rotation.error());
  }
  const auto changed =
      RenderInto("render", mesh_path,
                 mesh::PlanFleet(*file, *std::move(rotation)), secrets, folder);
  if (!changed) {
    return changed.error();
  }
  if (is_json) {
    std::cout
        << nlohmann::ordered_json{{"out", folder}, {"changed", *changed}}.dump(
               2, ' ', false, nlohmann::json::error_handler_t::replace)
        << '\n';
  } else {
    PrintChanged(folder, *changed);
  }
  return kExitOk;
}

}  // namespace natkit::meshnode
