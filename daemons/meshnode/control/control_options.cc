#include "control/control_options.h"

#include <CLI/CLI.hpp>

namespace natkit::meshnode {

namespace {

/// A node answers at once; stopping may take it a moment.
constexpr Duration kSilence = std::chrono::seconds(10);

}  // namespace

void AddControlOptions(CLI::App& app, ControlTarget& target) {
  auto* name = app.add_option("--name", target.name,
                              "The node, where several run on this machine");
  app.add_option("--control", target.path, "The node's control socket")
      ->excludes(name);
}

int RunExchange(std::string_view command, const ControlTarget& target,
                const ControlRequest& request, const AnswerHandler& on_answer,
                EndOfStream end_of_stream) {
  const auto path = ClientSocketPath(target);
  if (!path) {
    return FailWith(command, path.error());
  }
  bool has_answer = false;
  const auto note = [&](const ControlAnswer& answer) {
    has_answer = true;
    return on_answer(answer);
  };
  const auto end = Exchange(*path, request, note, kSilence);
  if (!end) {
    return FailWith(command, end.error());
  }
  if (*end == ExchangeEnd::kInterrupted) {
    return kExitFailure;
  }
  if (*end == ExchangeEnd::kClosed &&
      (end_of_stream == EndOfStream::kUnexpected || !has_answer)) {
    return FailWith(command, "the node ended the connection");
  }
  return kExitOk;
}

}  // namespace natkit::meshnode
