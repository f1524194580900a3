#include "natkit/shell/logging.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "natkit/base/text.h"
#include "natkit/shell/recent_log.h"

namespace natkit::shell {
namespace {

constexpr size_t kRecentLines = 500;

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

/// The text of a line as a JSON string.
class JsonText final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& to) override {
    const std::string text =
        nlohmann::json(
            std::string(message.payload.data(), message.payload.size()))
            .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    to.append(text.data(), text.data() + text.size());
  }

  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<JsonText>();
  }
};

/// The text of a line without what a terminal acts upon: others have a say in
/// it, and a line of theirs is not two.
class PlainText final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& to) override {
    const std::string text =
        EscapeControls({message.payload.data(), message.payload.size()});
    to.append(text.data(), text.data() + text.size());
  }

  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<PlainText>();
  }
};

std::unique_ptr<spdlog::formatter> MakeFormatter(LogFormat format) {
  if (format == LogFormat::kJson) {
    auto json = std::make_unique<spdlog::pattern_formatter>(
        spdlog::pattern_time_type::utc);
    json->add_flag<JsonText>('*').set_pattern(
        R"({"time":"%Y-%m-%dT%T.%eZ","program":"%n","level":"%l","text":%*})");
    return json;
  }
  const bool in_journal = std::getenv("JOURNAL_STREAM") != nullptr;
  auto text = std::make_unique<spdlog::pattern_formatter>();
  text->add_flag<PlainText>('*').set_pattern(
      in_journal ? "%l: %*" : "%Y-%m-%dT%T.%e %n %l: %*");
  return text;
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

void SetUpLogging(std::string_view program, LogLevel level, LogFormat format) {
  auto logger = std::make_shared<spdlog::logger>(
      std::string(program),
      spdlog::sinks_init_list{
          std::make_shared<spdlog::sinks::stderr_sink_mt>(),
          std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(kRecentLines)});
  logger->set_formatter(MakeFormatter(format));
  logger->set_level(ToSpdlog(level));
  logger->flush_on(spdlog::level::debug);
  spdlog::set_default_logger(std::move(logger));
}

void Log(LogLevel level, std::string_view line) {
  spdlog::default_logger_raw()->log(
      ToSpdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

void LogLines(LogLevel level, std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    Log(level, text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::vector<std::string> RecentLog() {
  for (const auto& sink : spdlog::default_logger_raw()->sinks()) {
    if (const auto ring =
            std::dynamic_pointer_cast<spdlog::sinks::ringbuffer_sink_mt>(
                sink)) {
      return ring->last_formatted();
    }
  }
  return {};
}

LogSink DefaultLogSink() {
  return Log;
}

}  // namespace natkit::shell
