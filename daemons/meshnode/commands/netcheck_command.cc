#include "commands/netcheck_command.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "control/control_client.h"
#include "control/control_options.h"
#include "natkit/base/rng.h"
#include "natkit/io/event_loop.h"
#include "natkit/shell/files.h"
#include "netcheck/netcheck_report.h"
#include "netcheck/netcheck_run.h"
#include "netcheck/netcheck_servers.h"

namespace natkit::meshnode {

namespace {

struct NetcheckOptions {
  ControlTarget target;
  std::string mesh_path;
  std::vector<std::string> stun;  ///< HOST or HOST:PORT
  unsigned timeout = 20;          ///< seconds
  bool is_json = false;
};

void AddOptions(CLI::App& app, NetcheckOptions& options) {
  AddControlOptions(app, options.target);
  CLI::Option* const name = app.get_option("--name");
  CLI::Option* const control = app.get_option("--control");
  app.add_option("--mesh", options.mesh_path,
                 "Ask the servers of this mesh file, not those of a running "
                 "node")
      ->excludes(name)
      ->excludes(control);
  app.add_option("--stun", options.stun,
                 "Ask this STUN server, HOST or HOST:PORT, not those of a "
                 "running node; may be repeated")
      ->take_all()
      ->excludes(name)
      ->excludes(control);
  app.add_option("--timeout", options.timeout,
                 "SECONDS; what is not known by then is left open")
      ->check(CLI::Range(1U, 120U))
      ->capture_default_str();
  app.add_flag("--json", options.is_json, "As JSON");
}

/// Returns the exit code where there are none.
std::optional<int> AskNode(const ControlTarget& target,
                           NetcheckServers& servers) {
  std::string json;
  const int code = RunExchange(
      "netcheck", target, NetcheckRequest{},
      [&json](const ControlAnswer& answer) {
        if (const auto* result = std::get_if<ResultAnswer>(&answer)) {
          json = result->json;
        }
        return false;
      });
  if (code != kExitOk) {
    return code;
  }
  auto parsed = ParseServers(json);
  if (!parsed) {
    return FailWith("netcheck", parsed.error());
  }
  servers = std::move(*parsed);
  return std::nullopt;
}

std::optional<int> ReadMesh(const std::string& path, NetcheckServers& servers) {
  const auto text = shell::ReadFile(path);
  if (!text) {
    return FailWith("netcheck", text.error());
  }
  const mesh::MeshFileResult result = mesh::ParseMeshFile(*text);
  if (!result.is_usable()) {
    return FailWith("netcheck", path +
                                    " has errors; `meshnode check` shows "
                                    "them");
  }
  servers = ServersOf(result.file);
  return std::nullopt;
}

std::optional<int> FindServers(const NetcheckOptions& options,
                               NetcheckServers& servers) {
  if (!options.mesh_path.empty()) {
    if (const auto code = ReadMesh(options.mesh_path, servers)) {
      return code;
    }
  } else if (options.stun.empty()) {
    return AskNode(options.target, servers);
  }
  for (const std::string& text : options.stun) {
    if (!shell::ParseServer(text, servers.stun_servers.emplace_back())) {
      FailWith("netcheck", "--stun \"" + text + "\" is not HOST or HOST:PORT");
      return kExitUsage;
    }
  }
  return std::nullopt;
}

}  // namespace

int RunNetcheckCommand(int argc, char** argv) {
  CLI::App app(
      "Looks at what this host's network allows: asks the relays and STUN "
      "servers that a running node knows, and the router. Nothing is changed.",
      "meshnode netcheck");
  NetcheckOptions options;
  AddOptions(app, options);
  if (const auto code = ParseArguments(app, argc, argv)) {
    return *code;
  }
  NetcheckServers servers;
  if (const auto code = FindServers(options, servers)) {
    return *code;
  }
  if (servers.relays.empty() && servers.stun_servers.empty()) {
    return FailWith("netcheck", "the mesh has no relay and no STUN server");
  }
  io::EventLoop loop;
  SystemRng rng;
  const NetcheckReport report = RunNetcheck(
      loop, std::move(servers), rng, std::chrono::seconds(options.timeout));
  std::cout << (options.is_json ? NetcheckJson(report) + "\n"
                                : NetcheckText(report));
  const bool is_answered =
      report.HasUdp() == true || report.Preferred() != nullptr;
  return is_answered ? kExitOk : kExitFailure;
}

}  // namespace natkit::meshnode
