#pragma once

#include <string>
#include <string_view>

namespace natkit::natcheck::conformance {

/// For XML and HTML, in text and in attributes. Control characters that XML
/// forbids become '?'.
[[nodiscard]] inline std::string EscapeMarkup(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += static_cast<unsigned char>(c) < ' ' && c != '\n' ? '?' : c;
    }
  }
  return escaped;
}

}  // namespace natkit::natcheck::conformance
