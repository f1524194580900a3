#include "commands/status_command.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <string>
#include <variant>

#include "control/control_client.h"
#include "control/control_options.h"

namespace natkit::meshnode {

int RunStatus(int argc, char** argv) {
  CLI::App app("Shows a running node: its relays, peers and their paths.",
               "meshnode status");
  ControlTarget target;
  bool is_json = false;
  std::string peer;
  AddControlOptions(app, target);
  app.add_flag("--json", is_json, "As JSON");
  app.add_option("--why", peer,
                 "Why the path to this peer is direct or not, and what would "
                 "help");
  if (const auto code = ParseArguments(app, argc, argv)) {
    return *code;
  }
  bool is_running = true;
  const auto print = [is_json, &is_running](const ControlAnswer& answer) {
    if (const auto* status = std::get_if<StatusAnswer>(&answer)) {
      is_running = status->state == "Running";
      std::cout << (is_json ? status->json + "\n" : status->table);
    }
    if (const auto* why = std::get_if<WhyAnswer>(&answer)) {
      std::cout << (is_json ? why->json + "\n" : why->text);
    }
    return false;
  };
  ControlRequest request = StatusRequest{};
  if (!peer.empty()) {
    request = WhyRequest{peer};
  }
  const int code = RunExchange("status", target, request, print);
  return code == kExitOk && !is_running ? kExitNotInMesh : code;
}

}  // namespace natkit::meshnode
