#include "policy/json_string.h"

#include <array>
#include <cstdint>

namespace natkit::mesh::policy {

namespace {

constexpr uint32_t kHighSurrogates = 0xD800;
constexpr uint32_t kLowSurrogates = 0xDC00;
constexpr uint32_t kAfterSurrogates = 0xE000;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool ReadHexUnit(JsonCursor& in, uint32_t& unit) {
  unit = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = HexDigit(in.peek());
    if (digit < 0) {
      return in.FailExpected("four hex digits after \\u");
    }
    unit = unit * 16 + static_cast<uint32_t>(digit);
    in.Take(in.peek());
  }
  return true;
}

bool IsSurrogate(uint32_t unit) {
  return unit >= kHighSurrogates && unit < kAfterSurrogates;
}

/// After "\u": one code point, which may take a second "\uXXXX".
bool ReadCodePoint(JsonCursor& in, Position begin, uint32_t& point) {
  if (!ReadHexUnit(in, point)) {
    return false;
  }
  if (!IsSurrogate(point)) {
    return true;
  }
  constexpr const char* kLone = "half of a surrogate pair";
  if (point >= kLowSurrogates || !in.Take('\\') || !in.Take('u')) {
    return in.FailAt(begin, kLone);
  }
  uint32_t low = 0;
  if (!ReadHexUnit(in, low)) {
    return false;
  }
  if (low < kLowSurrogates || !IsSurrogate(low)) {
    return in.FailAt(begin, kLone);
  }
  point = 0x10000 + ((point - kHighSurrogates) << 10) + (low - kLowSurrogates);
  return true;
}

void AppendUtf8(uint32_t point, std::string& out) {
  const auto put = [&out](uint32_t byte) {
    out.push_back(static_cast<char>(byte));
  };
  if (point < 0x80) {
    put(point);
    return;
  }
  if (point < 0x800) {
    put(0xC0 | (point >> 6));
  } else {
    if (point < 0x10000) {
      put(0xE0 | (point >> 12));
    } else {
      put(0xF0 | (point >> 18));
      put(0x80 | ((point >> 12) & 0x3F));
    }
    put(0x80 | ((point >> 6) & 0x3F));
  }
  put(0x80 | (point & 0x3F));
}

struct Escape {
  char letter;
  char meaning;
};

constexpr std::array kEscapes = {Escape{'"', '"'},  Escape{'\\', '\\'},
                                 Escape{'/', '/'},  Escape{'b', '\b'},
                                 Escape{'f', '\f'}, Escape{'n', '\n'},
                                 Escape{'r', '\r'}, Escape{'t', '\t'}};

bool ReadEscape(JsonCursor& in, std::string& out) {
  const Position begin = in.position();
  in.Take('\\');
  for (const Escape& escape : kEscapes) {
    if (in.Take(escape.letter)) {
      out.push_back(escape.meaning);
      return true;
    }
  }
  if (!in.Take('u')) {
    return in.FailExpected("one of \" \\ / b f n r t u after a backslash");
  }
  uint32_t point = 0;
  if (!ReadCodePoint(in, begin, point)) {
    return false;
  }
  AppendUtf8(point, out);
  return true;
}

bool ReadPlain(JsonCursor& in, std::string& out) {
  if (static_cast<unsigned char>(in.peek()) < 0x20) {
    return in.Fail("a control character in a string must be escaped");
  }
  const size_t start = in.offset();
  if (!in.Advance()) {
    return false;
  }
  out += in.Since(start);
  return true;
}

}  // namespace

bool ReadJsonString(JsonCursor& in, std::string& out) {
  const Position begin = in.position();
  if (!in.Take('"')) {
    return in.FailExpected("a string in double quotes");
  }
  while (!in.Take('"')) {
    if (in.is_at_end() || in.peek() == '\n') {
      return in.FailAt(begin, "this string has no closing quote");
    }
    if (!(in.peek() == '\\' ? ReadEscape(in, out) : ReadPlain(in, out))) {
      return false;
    }
  }
  return true;
}

void AppendJsonString(std::string_view text, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20) {
      out += "\\u00";
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

}  // namespace natkit::mesh::policy
