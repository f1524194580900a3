#include "natkit/shell/logging.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

namespace natkit::shell {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

}  // namespace

Outcome<LogLevel> ParseLogLevel(std::string_view text) {
  for (const auto& [name, level] :
       {std::pair<std::string_view, LogLevel>{"debug", LogLevel::kDebug},
        {"info", LogLevel::kInfo},
        {"warning", LogLevel::kWarning},
        {"error", LogLevel::kError}}) {
    if (text == name) {
      return level;
    }
  }
  return std::unexpected("log level '" + std::string(text) +
                         "' is not one of debug, info, warning, error");
}

void SetUpLogging(std::string_view program, LogLevel level) {
  auto logger = std::make_shared<spdlog::logger>(
      std::string(program), std::make_shared<spdlog::sinks::stderr_sink_mt>());
  const bool in_journal = std::getenv("JOURNAL_STREAM") != nullptr;
  logger->set_pattern(in_journal ? "%l: %v" : "%Y-%m-%dT%T.%e %n %l: %v");
  logger->set_level(ToSpdlog(level));
  logger->flush_on(spdlog::level::debug);
  spdlog::set_default_logger(std::move(logger));
}

void Log(LogLevel level, std::string_view line) {
  spdlog::default_logger_raw()->log(
      ToSpdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

LogSink DefaultLogSink() {
  return Log;
}

}  // namespace natkit::shell
