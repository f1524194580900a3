#pragma once

#include <string_view>
#include <vector>

#include "natkit/base/encoding.h"

namespace natkit::testing {

/// Bytes of a hex literal; white space is ignored. Throws on anything else.
inline std::vector<uint8_t> Hex(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c != ' ' && c != '\n') {
      digits.push_back(c);
    }
  }
  return FromHex(digits).value();
}

}  // namespace natkit::testing
