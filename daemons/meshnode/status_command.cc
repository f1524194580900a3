#include "status_command.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <variant>

#include "control_client.h"
#include "control_options.h"

namespace natkit::meshnode {

int RunStatus(int argc, char** argv) {
  CLI::App app("Shows a running node: its relays, peers and their paths.",
               "meshnode status");
  ControlTarget target;
  bool is_json = false;
  AddControlOptions(app, target);
  app.add_flag("--json", is_json, "As JSON");
  if (const auto code = ParseArguments(app, argc, argv)) {
    return *code;
  }
  const auto print = [is_json](const ControlAnswer& answer) {
    if (const auto* status = std::get_if<StatusAnswer>(&answer)) {
      std::cout << (is_json ? status->json + "\n" : status->table);
    }
    return false;
  };
  return RunExchange("status", target, StatusRequest{}, print);
}

}  // namespace natkit::meshnode
