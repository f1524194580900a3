#pragma once

#include <algorithm>
#include <string_view>

namespace natkit::derp {

/// Lower case of an ASCII letter, whatever the locale; others as they are.
constexpr char ToLowerAscii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr bool IsAlphanumericAscii(char c) {
  return (c >= '0' && c <= '9') ||
         (ToLowerAscii(c) >= 'a' && ToLowerAscii(c) <= 'z');
}

constexpr bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, ToLowerAscii, ToLowerAscii);
}

}  // namespace natkit::derp
