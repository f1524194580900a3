#pragma once

#include <optional>
#include <string>

#include "natkit/base/bytes.h"

namespace natkit::meshnode {

/// Cuts a byte stream into lines of at most `max_line` bytes.
class LineBuffer {
 public:
  explicit LineBuffer(size_t max_line) : max_line_(max_line) {}

  void Append(ByteView bytes) { text_ += AsText(bytes); }

  /// The next complete line without its line feed.
  [[nodiscard]] std::optional<std::string> Next() {
    const size_t end = text_.find('\n');
    if (end == std::string::npos || end > max_line_) {
      return std::nullopt;
    }
    std::string line = text_.substr(0, end);
    text_.erase(0, end + 1);
    return line;
  }

  /// The line that is coming in is too long already.
  [[nodiscard]] bool overflowed() const { return text_.size() > max_line_; }

 private:
  size_t max_line_;
  std::string text_;
};

}  // namespace natkit::meshnode
