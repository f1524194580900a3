#include "json_text.h"

#include <algorithm>
#include <cstdint>

#include "natkit/base/text.h"

namespace natkit::netsim::program {
namespace {

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

std::string Json(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const size_t size = Utf8SequenceSize(text);
    if (size == 1) {
      AppendAscii(text.front(), out);
    } else {
      out += size == 0 ? kReplacementCharacter : text.substr(0, size);
    }
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  return out + '"';
}

}  // namespace natkit::netsim::program
