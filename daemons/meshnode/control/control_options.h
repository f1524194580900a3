#pragma once

#include <string_view>

#include "commands/command_support.h"
#include "control/control_client.h"
#include "control/control_path.h"

namespace natkit::meshnode {

/// Adds --control and --name.
void AddControlOptions(CLI::App& app, ControlTarget& target);

/// Whether the node ends the connection in the course of a command.
enum class EndOfStream : uint8_t { kExpected, kUnexpected };

/// Finds the node, does one exchange with it, prints what goes wrong. Returns
/// the exit code.
int RunExchange(std::string_view command, const ControlTarget& target,
                const ControlRequest& request, const AnswerHandler& on_answer,
                EndOfStream end_of_stream = EndOfStream::kUnexpected);

}  // namespace natkit::meshnode
