#include "policy/json_cursor.h"

#include "natkit/base/text.h"

namespace natkit::mesh::policy {

namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

}  // namespace

JsonCursor::JsonCursor(std::string_view text) : text_(text) {
  if (text_.starts_with(kByteOrderMark)) {
    text_.remove_prefix(kByteOrderMark.size());
  }
}

bool JsonCursor::Advance() {
  const size_t size = Utf8SequenceSize(rest());
  if (size == 0) {
    return Fail("this byte is not UTF-8");
  }
  if (text_[offset_] == '\n') {
    ++position_.line;
    position_.column = 1;
  } else {
    ++position_.column;
  }
  offset_ += size;
  return true;
}

bool JsonCursor::Take(char expected) {
  if (is_at_end() || text_[offset_] != expected) {
    return false;
  }
  ++offset_;
  ++position_.column;
  return true;
}

bool JsonCursor::SkipSpace() {
  while (!is_at_end()) {
    bool is_good = true;
    if (rest().starts_with("//")) {
      is_good = SkipLineComment();
    } else if (rest().starts_with("/*")) {
      is_good = SkipBlockComment();
    } else if (kSpace.find(peek()) != std::string_view::npos) {
      is_good = Advance();
    } else {
      break;
    }
    if (!is_good) {
      return false;
    }
  }
  return true;
}

bool JsonCursor::SkipLineComment() {
  while (!is_at_end() && peek() != '\n') {
    if (!Advance()) {
      return false;
    }
  }
  return true;
}

bool JsonCursor::SkipBlockComment() {
  const Position begin = position_;
  Take('/');
  Take('*');
  while (!rest().starts_with("*/")) {
    if (is_at_end()) {
      return FailAt(begin, "this comment has no end: */ is missing");
    }
    if (!Advance()) {
      return false;
    }
  }
  Take('*');
  Take('/');
  return true;
}

bool JsonCursor::FailAt(Position at, std::string text) {
  if (!error_) {
    error_ = Diagnostic{Severity::kError, at, std::move(text)};
  }
  return false;
}

bool JsonCursor::FailExpected(std::string_view what) {
  std::string text = "expected " + std::string(what) + ", found ";
  const size_t size = Utf8SequenceSize(rest());
  if (is_at_end()) {
    text += "the end of the file";
  } else if (size == 0) {
    return Fail("this byte is not UTF-8");
  } else if (static_cast<unsigned char>(peek()) < 0x20 || peek() == 0x7f) {
    text += "a control character";
  } else {
    text += "'" + std::string(rest().substr(0, size)) + "'";
    text += peek() == '#' ? ": comments begin with // or /*" : "";
  }
  return Fail(std::move(text));
}

}  // namespace natkit::mesh::policy
