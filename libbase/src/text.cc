#include "natkit/base/text.h"

#include <algorithm>
#include <cstdint>

namespace natkit {
namespace {

/// What stands for one character of ASCII in XML.
std::string_view XmlEntity(const char& c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&apos;";
    case '\t':
    case '\n':
    case '\r':
      break;
    default:
      if (static_cast<uint8_t>(c) < 0x20) {
        return kReplacementCharacter;
      }
  }
  return {&c, 1};
}

/// U+FFFE and U+FFFF are UTF-8, but no characters of XML.
bool IsNoCharacter(std::string_view sequence) {
  return sequence == "\xef\xbf\xbe" || sequence == "\xef\xbf\xbf";
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
    return text.empty() ? 0 : 1;
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

std::string EscapeXml(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t size = Utf8SequenceSize(text);
    const std::string_view sequence = text.substr(0, size);
    if (size == 1) {
      out += XmlEntity(text.front());
    } else {
      out += size == 0 || IsNoCharacter(sequence) ? kReplacementCharacter
                                                  : sequence;
    }
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  return out;
}

}  // namespace natkit
