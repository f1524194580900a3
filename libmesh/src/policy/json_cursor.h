#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/mesh/policy/diagnostic.h"

namespace natkit::mesh::policy {

/// The characters of a HuJSON text one after the other, with line and column.
///
/// What can fail returns false after it has noted the first error.
class JsonCursor {
 public:
  explicit JsonCursor(std::string_view text);

  [[nodiscard]] bool is_at_end() const { return offset_ == text_.size(); }

  /// The byte here; 0 at the end.
  [[nodiscard]] char peek() const {
    return is_at_end() ? '\0' : text_[offset_];
  }

  [[nodiscard]] Position position() const { return position_; }

  [[nodiscard]] size_t offset() const { return offset_; }

  /// The text from `begin` up to here.
  [[nodiscard]] std::string_view Since(size_t begin) const {
    return text_.substr(begin, offset_ - begin);
  }

  [[nodiscard]] std::string_view rest() const { return text_.substr(offset_); }

  /// Goes past one character. Fails if it is not UTF-8. Not at the end.
  [[nodiscard]] bool Advance();
  /// Goes past `expected` if it is here.
  bool Take(char expected);
  /// Goes past whitespace and comments.
  [[nodiscard]] bool SkipSpace();

  bool Fail(std::string text) { return FailAt(position_, std::move(text)); }

  /// Notes the error unless there is one; always false.
  bool FailAt(Position at, std::string text);
  /// "expected X, found Y" with what is here as Y.
  bool FailExpected(std::string_view what);

  [[nodiscard]] const std::optional<Diagnostic>& error() const {
    return error_;
  }

 private:
  bool SkipLineComment();
  bool SkipBlockComment();

  std::string_view text_;
  size_t offset_ = 0;
  Position position_{1, 1};
  std::optional<Diagnostic> error_;
};

}  // namespace natkit::mesh::policy
