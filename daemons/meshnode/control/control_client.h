#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "control/control_path.h"
#include "control/control_protocol.h"

namespace natkit::meshnode {

/// How an exchange with a node ended.
enum class ExchangeEnd : uint8_t {
  kComplete,     ///< the handler had enough
  kClosed,       ///< the node ended the connection
  kInterrupted,  ///< the user pressed Ctrl-C
};

/// Prints "meshnode COMMAND: text" to stderr; returns the exit code.
int FailWith(std::string_view command, const ControlFailure& failure);

/// Takes one answer; false when no more is wanted.
using AnswerHandler = std::function<bool(const ControlAnswer& answer)>;

/// Connects to the socket of a running node, sends `request` and hands over
/// the answers. Blocks. `silence` is how long the node may say nothing. Errors,
/// in words: nobody answers, permission, an {"error"} answer, silence.
[[nodiscard]] std::expected<ExchangeEnd, ControlFailure> Exchange(
    const std::string& path, const ControlRequest& request,
    AnswerHandler on_answer, Duration silence);

}  // namespace natkit::meshnode
