#pragma once

#include <functional>
#include <string_view>

namespace natkit {

/// How much a log line matters.
enum class LogLevel : unsigned char { kDebug, kInfo, kWarning, kError };

/// Where shells send their lines. Cores do not log: they return events and
/// counters, and the daemon decides what to print. Never pass a secret.
using LogSink = std::function<void(LogLevel level, std::string_view line)>;

}  // namespace natkit
