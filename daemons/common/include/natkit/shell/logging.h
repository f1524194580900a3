#pragma once

#include <cstdint>
#include <string_view>

#include "natkit/base/log.h"
#include "natkit/shell/outcome.h"

namespace natkit::shell {

/// "debug", "info", "warning" or "error".
[[nodiscard]] Outcome<LogLevel> ParseLogLevel(std::string_view text);

enum class LogFormat : uint8_t {
  kText,
  /// One object a line: {"time":"...Z","program":"...","level":"...",
  /// "text":"..."}.
  kJson
};

/// Sends log lines from `level` up to stderr, as text with the time unless the
/// journal adds it already (JOURNAL_STREAM is set). Call once, before anything
/// logs.
void SetUpLogging(std::string_view program, LogLevel level,
                  LogFormat format = LogFormat::kText);

/// Writes one line. As text it has no control characters: a line end is \n.
/// Never pass a secret.
void Log(LogLevel level, std::string_view line);

/// Log() of each line of `text`.
void LogLines(LogLevel level, std::string_view text);

/// Log() as the sink that libraries take.
[[nodiscard]] LogSink DefaultLogSink();

}  // namespace natkit::shell
