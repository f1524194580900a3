#pragma once

namespace natkit::derp {

constexpr bool IsAlphanumericAscii(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z');
}

}  // namespace natkit::derp
