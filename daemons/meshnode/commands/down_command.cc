#include "commands/down_command.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "control/control_client.h"
#include "control/control_options.h"

namespace natkit::meshnode {

int RunDown(int argc, char** argv) {
  CLI::App app("Stops a running node.", "meshnode down");
  ControlTarget target;
  bool is_json = false;
  app.add_flag("--json", is_json, "Print one JSON object");
  AddControlOptions(app, target);
  if (const auto code = ParseArguments(app, argc, argv)) {
    return *code;
  }
  // The node ends the connection when everything of it is gone.
  const auto wait_for_end = [](const ControlAnswer&) { return true; };
  const int code = RunExchange("down", target, DownRequest{}, wait_for_end,
                               EndOfStream::kExpected);
  if (code == kExitOk && is_json) {
    std::cout << "{\n  \"stopped\": true\n}\n";
  }
  return code;
}

}  // namespace natkit::meshnode
