#include "commands/rotate_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "commands/command_support.h"
#include "fleet/fleet_dumps.h"
#include "fleet/fleet_files.h"
#include "fleet/fleet_rotation.h"
#include "natkit/base/text.h"

namespace natkit::meshnode {

namespace {

using mesh::FleetRotationStep;
using mesh::RotationState;

struct RotateOptions {
  std::string mesh_path;
  std::string folder;
  std::string node;
  DumpSource dumps;
  SecretFolders secrets;
  std::string force;
  bool is_abort = false;
  bool is_json = false;
};

void AddOptions(CLI::App& app, RotateOptions& options) {
  app.add_option("mesh", options.mesh_path, "The mesh file (TOML)")->required();
  app.add_option("--out", options.folder, "Folder that `render` wrote")
      ->required();
  app.add_option("--node", options.node,
                 "Whose key to change; default: the only next_public_key");
  app.add_option("--dumps", options.dumps.path,
                 "Folder with NAME.dump of the node and its peers");
  app.add_option("--now", options.dumps.taken_at,
                 "Unix time of the dumps; default: that of their files");
  app.add_option("--keys-dir", options.secrets.keys,
                 "As for `render`; NAME.next.key is the next key")
      ->check(&RefuseEmpty);
  app.add_option("--psk-dir", options.secrets.preshared_keys, "As for `render`")
      ->check(&RefuseEmpty);
  app.add_option("--force", options.force,
                 "Go on although hosts are not ready; the words say why");
  app.add_flag("--abort", options.is_abort,
               "Give up; possible until the node switches");
  app.add_flag("--json", options.is_json, "Print one JSON object");
}

int Fail(const std::string& text) {
  return FailWith("rotate", text);
}

/// What to do with the files of a step.
std::string Advice(const RotationState& state) {
  const std::string& node = state.node;
  switch (state.step) {
    case FleetRotationStep::kAnnounce:
      return "apply the files of its peers";
    case FleetRotationStep::kSwitch:
      return "start move-prefixes.sh at its peers, then apply the file of " +
             node + ", which needs " + node + ".next.key";
    case FleetRotationStep::kMove:
      return "apply the files of its peers";
    case FleetRotationStep::kRetire:
      return "apply the files of its peers; then, in the mesh file, make "
             "next_public_key of " +
             node + " its public_key, on its host make " + node +
             ".next.key its " + node + ".key, and run rotate once more";
  }
  return {};
}

struct Taken {
  std::string node;
  std::string step;  ///< empty: no rotation is under way any more
  std::string advice;
  std::vector<std::string> changed;
};

int Print(const RotateOptions& options, const Taken& taken) {
  using Json = nlohmann::ordered_json;
  if (options.is_json) {
    const Json json{
        {"node", taken.node},
        {"step", taken.step.empty() ? Json(nullptr) : Json(taken.step)},
        {"advice", taken.advice},
        {"out", options.folder},
        {"changed", taken.changed}};
    std::cout << json.dump(2, ' ', false, Json::error_handler_t::replace)
              << '\n';
    return kExitOk;
  }
  PrintChanged(options.folder, taken.changed);
  std::cout << "rotation of " << taken.node << ": "
            << (taken.step.empty() ? "" : taken.step + "; ") << taken.advice
            << '\n';
  return kExitOk;
}

/// Renders a step; the state is written last, so that an interruption leaves
/// the earlier step, which can be taken again.
int TakeStep(const RotateOptions& options, const mesh::MeshFile& file,
             const RotationState& state) {
  auto changed =
      RenderInto("rotate", options.mesh_path, mesh::PlanFleet(file, state),
                 options.secrets, options.folder);
  if (!changed) {
    return changed.error();
  }
  if (const auto saved = SaveRotation(options.folder, state); !saved) {
    return Fail(saved.error());
  }
  return Print(options, {.node = state.node,
                         .step = std::string(RotationStepName(state.step)),
                         .advice = Advice(state),
                         .changed = *std::move(changed)});
}

/// Renders without a rotation, and forgets it.
int Leave(const RotateOptions& options, const mesh::MeshFile& file,
          const RotationState& state, const std::string& words) {
  auto changed = RenderInto("rotate", options.mesh_path, mesh::PlanFleet(file),
                            options.secrets, options.folder);
  if (!changed) {
    return changed.error();
  }
  if (const auto removed = RemoveRotation(options.folder); !removed) {
    return Fail(removed.error());
  }
  return Print(options, {.node = state.node,
                         .step = {},
                         .advice = words,
                         .changed = *std::move(changed)});
}

int Begin(const RotateOptions& options, const mesh::MeshFile& file) {
  std::vector<std::string> names;
  for (const mesh::NodeEntry& node : file.nodes) {
    if (node.fleet.next_public_key &&
        (options.node.empty() || options.node == node.name)) {
      names.push_back(node.name);
    }
  }
  if (options.node.empty() && names.size() != 1) {
    return Fail(names.empty() ? "no node has a next_public_key"
                              : "several nodes have a next_public_key; --node "
                                "says which one begins");
  }
  const auto state = mesh::BeginRotation(
      file, options.node.empty() ? names.front() : options.node);
  return state ? TakeStep(options, file, *state) : Fail(state.error());
}

/// The reasons not to go on; an error where nobody can tell.
Outcome<std::vector<std::string>> FindBlockers(const RotateOptions& options,
                                               const mesh::FleetPlan& plan) {
  if (options.dumps.path.empty()) {
    return std::vector<std::string>{
        "there are no dumps that show that the hosts are ready: give --dumps"};
  }
  auto dumps = LoadDumps(options.dumps, plan);
  if (!dumps) {
    return std::unexpected(dumps.error());
  }
  const mesh::FleetReport report =
      mesh::VerifyFleet(plan, {*std::move(dumps), {}, {}});
  return mesh::RotationBlockers(plan, report);
}

int Continue(const RotateOptions& options, const mesh::MeshFile& file,
             RotationState state) {
  const auto next = mesh::NextRotationStep(state.step);
  if (!next) {
    return Fail("the rotation is at its last step: " + Advice(state));
  }
  const mesh::FleetPlan plan = mesh::PlanFleet(file, state);
  if (!plan.is_usable()) {
    PrintDiagnostics(options.mesh_path, plan.diagnostics);
    return kExitFailure;
  }
  const auto blockers = FindBlockers(options, plan);
  if (!blockers) {
    return Fail(blockers.error());
  }
  for (const std::string& blocker : *blockers) {
    std::cerr << (options.force.empty() ? "" : "ignored: ")
              << EscapeControls(blocker) << '\n';
  }
  if (!blockers->empty() && options.force.empty()) {
    return Fail("still at step " +
                std::string(mesh::RotationStepName(state.step)));
  }
  state.step = *next;
  state.forced = blockers->empty() ? "" : options.force;
  return TakeStep(options, file, state);
}

int Abort(const RotateOptions& options, const mesh::MeshFile& file,
          const RotationState& state) {
  if (state.step != FleetRotationStep::kAnnounce) {
    return Fail(state.node +
                " may use its next key already: go on instead, and rotate "
                "back afterwards");
  }
  return Leave(options, file, state, "given up; apply the files of its peers");
}

bool IsFinished(const mesh::MeshFile& file, const RotationState& state) {
  const mesh::NodeEntry* node = file.FindNode(state.node);
  return state.step == FleetRotationStep::kRetire && node != nullptr &&
         node->public_key == state.to;
}

int Run(const RotateOptions& options, const mesh::MeshFile& file) {
  const auto state = LoadRotation(options.folder);
  if (!state) {
    return Fail(state.error());
  }
  if (!*state) {
    return options.is_abort ? Fail("no rotation is under way")
                            : Begin(options, file);
  }
  const RotationState& current = **state;
  if (!options.node.empty() && options.node != current.node) {
    return Fail("the rotation of " + current.node + " must end first");
  }
  if (options.is_abort) {
    return Abort(options, file, current);
  }
  if (IsFinished(file, current)) {
    return Leave(options, file, current, "done");
  }
  return Continue(options, file, current);
}

}  // namespace

int RunRotate(int argc, char** argv) {
  CLI::App app("Renders the next step of a change of a node's key.",
               "meshnode rotate");
  RotateOptions options;
  AddOptions(app, options);
  if (const auto code = ParseArguments(app, argc, argv)) {
    return *code;
  }
  const auto file = LoadFleet(options.mesh_path);
  return file ? Run(options, *file) : kExitFailure;
}

}  // namespace natkit::meshnode
