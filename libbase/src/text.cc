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

/// What a terminal acts upon, of one UTF-8 sequence.
bool IsControl(std::string_view sequence) {
  if (sequence.size() == 1) {
    return static_cast<uint8_t>(sequence.front()) < 0x20 ||
           sequence.front() == 0x7f;
  }
  if (sequence.size() == 2) {  // U+0080 to U+009F, U+061C
    return (sequence[0] == '\xc2' &&
            static_cast<uint8_t>(sequence[1]) < 0xa0) ||
           sequence == "\xd8\x9c";
  }
  if (!sequence.starts_with("\xe2")) {
    return false;
  }
  const auto last = static_cast<uint8_t>(sequence[2]);
  switch (sequence[1]) {
    case '\x80':  // U+200E, U+200F, U+2028 to U+202E
      return last == 0x8e || last == 0x8f || (last >= 0xa8 && last <= 0xae);
    case '\x81':  // U+2066 to U+2069
      return last >= 0xa6 && last <= 0xa9;
    default:
      return false;
  }
}

void AppendEscaped(char c, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::string_view kNamed = "\n\r\t";
  const size_t named = kNamed.find(c);
  if (named != std::string_view::npos) {
    out += '\\';
    out += "nrt"[named];
    return;
  }
  const auto byte = static_cast<uint8_t>(c);
  out += "\\x";
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
}

/// U+FFFE and U+FFFF are UTF-8, but no characters of XML.
bool IsNoCharacter(std::string_view sequence) {
  return sequence == "\xef\xbf\xbe" || sequence == "\xef\xbf\xbf";
}

char ToLowerAscii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, ToLowerAscii, ToLowerAscii);
}

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

bool HasControls(std::string_view text) {
  while (!text.empty()) {
    const size_t size = Utf8SequenceSize(text);
    if (size == 0 || IsControl(text.substr(0, size))) {
      return true;
    }
    text.remove_prefix(size);
  }
  return false;
}

std::string EscapeControls(std::string_view text, std::string_view kept) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t size = Utf8SequenceSize(text);
    const std::string_view sequence = text.substr(0, std::max<size_t>(size, 1));
    const bool is_plain = size != 0 && !IsControl(sequence);
    if (is_plain || (size == 1 && kept.contains(sequence.front()))) {
      out += sequence;
    } else {
      for (const char c : sequence) {
        AppendEscaped(c, out);
      }
    }
    text.remove_prefix(sequence.size());
  }
  return out;
}

}  // namespace natkit
