#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace natkit::coordd {

/// Why there is no result; the numbers are exit statuses.
enum class AskFailure : uint8_t { kRefused = 1, kUnreachable = 3 };

struct AskError {
  AskFailure kind = AskFailure::kRefused;
  std::string text;
};

/// Sends one request (admin_verbs.h, without a line feed) to the server whose
/// socket is at `path`, and yields the answer line. Blocks, 30 s at most.
[[nodiscard]] std::expected<std::string, AskError> Ask(
    const std::string& path, const std::string& request);

}  // namespace natkit::coordd
