#include "json_text.h"

#include <algorithm>
#include <cstdint>

namespace natkit::netsim::program {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

void AppendAscii(char c, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  if (c == '"' || c == '\\') {
    out += '\\';
    out += c;
  } else if (c == '\n') {
    out += "\\n";
  } else if (c == '\t') {
    out += "\\t";
  } else if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f) {
    out += "\\u00";
    out += kHex[static_cast<uint8_t>(c) >> 4];
    out += kHex[static_cast<uint8_t>(c) & 0xf];
  } else {
    out += c;
  }
}

}  // namespace

size_t Utf8SequenceSize(std::string_view text) {
  const auto byte = [text](size_t i) {
    return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0};
  };
  const auto continues = [&byte](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const uint8_t first = byte(0);
  const uint8_t second = byte(1);
  if (first < 0x80) {
    return 1;
  }
  if (first >= 0xc2 && first <= 0xdf) {
    return continues(1) ? 2 : 0;
  }
  if (first >= 0xe0 && first <= 0xef) {
    const bool is_allowed =
        (first != 0xe0 || second >= 0xa0) && (first != 0xed || second < 0xa0);
    return is_allowed && continues(1) && continues(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool is_allowed =
        (first != 0xf0 || second >= 0x90) && (first != 0xf4 || second < 0x90);
    return is_allowed && continues(1) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

std::string Json(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const size_t size = Utf8SequenceSize(text);
    if (size == 1) {
      AppendAscii(text.front(), out);
    } else {
      out += size == 0 ? kReplacement : text.substr(0, size);
    }
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  return out + '"';
}

}  // namespace natkit::netsim::program
