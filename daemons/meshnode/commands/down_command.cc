#include "commands/down_command.h"

#include <CLI/CLI.hpp>

#include "control/control_client.h"
#include "control/control_options.h"

namespace natkit::meshnode {

int RunDown(int argc, char** argv) {
  CLI::App app("Stops a running node.", "meshnode down");
  ControlTarget target;
  AddControlOptions(app, target);
  if (const auto code = ParseArguments(app, argc, argv)) {
    return *code;
  }
  // The node ends the connection when everything of it is gone.
  const auto wait_for_end = [](const ControlAnswer&) { return true; };
  return RunExchange("down", target, DownRequest{}, wait_for_end,
                     EndOfStream::kExpected);
}

}  // namespace natkit::meshnode
