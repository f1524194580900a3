#pragma once

#include "natkit/base/bytes.h"
#include "natkit/nat/stun_message.h"

namespace natkit::stun {

/// Bytes of padding that follow `size` bytes of value.
[[nodiscard]] constexpr size_t PaddingAfter(size_t size) {
  return (4 - size % 4) % 4;
}

/// Reads one attribute and its padding from a reader over the whole message.
/// False when it does not fit; `in` is then of no further use.
[[nodiscard]] inline bool ReadAttribute(ByteReader& in, Attribute& out) {
  uint16_t type = 0;
  uint16_t size = 0;
  out.offset = in.offset();
  if (!in.ReadU16(type) || !in.ReadU16(size) || !in.ReadView(size, out.value) ||
      !in.Skip(PaddingAfter(size))) {
    return false;
  }
  out.type = static_cast<AttributeType>(type);
  return true;
}

}  // namespace natkit::stun
