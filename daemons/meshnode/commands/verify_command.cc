#include "commands/verify_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "commands/command_support.h"
#include "control/control_json.h"
#include "fleet/fleet_dumps.h"
#include "fleet/fleet_files.h"
#include "fleet/fleet_rotation.h"
#include "natkit/base/text.h"

namespace natkit::meshnode {

namespace {

struct VerifyOptions {
  std::string mesh_path;
  DumpSource dumps;
  std::string previous;
  std::string rendered;  ///< the folder that `render` wrote
  SecretFolders secrets;
  bool is_json = false;
};

void AddOptions(CLI::App& app, VerifyOptions& options) {
  app.add_option("mesh", options.mesh_path, "The mesh file (TOML)")->required();
  app.add_option("dumps", options.dumps.path,
                 "Folder with NAME.dump of each node; - reads one from stdin")
      ->required();
  app.add_option("--name", options.dumps.node, "Whose dump stdin has");
  app.add_option("--previous", options.previous,
                 "Folder with earlier dumps, to tell idle from down");
  app.add_option("--out", options.rendered,
                 "Folder that `render` wrote; its rotation counts");
  app.add_option("--psk-dir", options.secrets.preshared_keys,
                 "Folder of preshared keys: which pairs should have one");
  app.add_option("--now", options.dumps.taken_at,
                 "Unix time of the dumps; default: that of their files");
  app.add_flag("--json", options.is_json, "Print one JSON object");
}

/// What stops the command, for people.
using Observation = Outcome<mesh::FleetObservation>;

Outcome<mesh::FleetPlan> LoadPlan(const VerifyOptions& options) {
  const auto file = LoadFleet(options.mesh_path);
  if (!file) {
    return std::unexpected("cannot use " + options.mesh_path);
  }
  std::optional<mesh::RotationState> rotation;
  if (!options.rendered.empty()) {
    auto loaded = LoadRotation(options.rendered);
    if (!loaded) {
      return std::unexpected(loaded.error());
    }
    rotation = *std::move(loaded);
  }
  mesh::FleetPlan plan = mesh::PlanFleet(*file, std::move(rotation));
  if (!plan.is_usable()) {
    PrintDiagnostics(options.mesh_path, plan.diagnostics);
    return std::unexpected("cannot use " + options.mesh_path);
  }
  return plan;
}

Observation Observe(const VerifyOptions& options, const mesh::FleetPlan& plan) {
  mesh::FleetObservation out;
  auto dumps = LoadDumps(options.dumps, plan);
  if (!dumps) {
    return std::unexpected(dumps.error());
  }
  out.dumps = *std::move(dumps);
  if (!options.previous.empty()) {
    auto previous = LoadDumps({options.previous, {}, {}}, plan);
    if (!previous) {
      return std::unexpected(previous.error());
    }
    out.previous = *std::move(previous);
  }
  if (!options.secrets.preshared_keys.empty()) {
    const auto secrets = LoadFleetSecrets(options.secrets, plan);
    if (!secrets) {
      return std::unexpected(secrets.error());
    }
    out.preshared_pairs.emplace();
    for (const auto& [pair, key] : secrets->preshared_keys) {
      out.preshared_pairs->insert(pair);
    }
  }
  return out;
}

Json FindingToJson(const mesh::Finding& finding) {
  Json out;
  out["level"] = finding.is_fault ? "fault" : "note";
  out["kind"] = mesh::FindingName(finding.kind);
  out["node"] = finding.node;
  out["peer"] = finding.peer.empty() ? Json() : Json(finding.peer);
  out["text"] = finding.text;
  return out;
}

Json LinkToJson(const mesh::LinkReport& link) {
  Json out;
  out["node"] = link.node;
  out["peer"] = link.peer;
  out["key"] = link.is_next_key ? "next" : "current";
  out["state"] = mesh::LinkStateName(link.state);
  out["handshake_age_s"] =
      link.handshake_age ? Json(link.handshake_age->count()) : Json();
  return out;
}

void PrintJson(const mesh::FleetReport& report) {
  Json out;
  out["ok"] = report.is_fine();
  out["findings"] = Json::array();
  for (const mesh::Finding& finding : report.findings) {
    out["findings"].push_back(FindingToJson(finding));
  }
  out["links"] = Json::array();
  for (const mesh::LinkReport& link : report.links) {
    out["links"].push_back(LinkToJson(link));
  }
  std::cout << out.dump(2) << '\n';
}

void PrintText(const mesh::FleetReport& report) {
  for (const mesh::Finding& finding : report.findings) {
    // Texts of other machines are in them.
    std::cout << EscapeControls(finding.node +
                                (finding.is_fault ? ": " : ": note: ") +
                                finding.text)
              << '\n';
  }
  std::cout << "links:";
  for (const mesh::LinkState state :
       {mesh::LinkState::kUp, mesh::LinkState::kIdle, mesh::LinkState::kDown,
        mesh::LinkState::kUnknown}) {
    std::cout << ' '
              << std::ranges::count(report.links, state,
                                    &mesh::LinkReport::state)
              << ' ' << mesh::LinkStateName(state)
              << (state == mesh::LinkState::kUnknown ? "" : ",");
  }
  std::cout << (report.is_fine() ? "; fine\n" : "; not fine\n");
}

int FailToVerify(const std::string& text) {
  FailWith("verify", text);
  return kExitUsage;
}

}  // namespace

int RunVerify(int argc, char** argv) {
  CLI::App app("Compares what `wg show ... dump` printed with a mesh file.",
               "meshnode verify");
  VerifyOptions options;
  AddOptions(app, options);
  if (const auto code = ParseArguments(app, argc, argv)) {
    return *code;
  }
  const auto plan = LoadPlan(options);
  if (!plan) {
    return FailToVerify(plan.error());
  }
  const auto observation = Observe(options, *plan);
  if (!observation) {
    return FailToVerify(observation.error());
  }
  const mesh::FleetReport report = mesh::VerifyFleet(*plan, *observation);
  if (options.is_json) {
    PrintJson(report);
  } else {
    PrintText(report);
  }
  return report.is_fine() ? kExitOk : kExitFailure;
}

}  // namespace natkit::meshnode
