#pragma once

#include <cstdint>

#include "natkit/base/bytes.h"

namespace natkit::stun {

/// CRC-32 of ITU-T V.42, the one of zlib and Ethernet.
[[nodiscard]] uint32_t Crc32(ByteView bytes);

}  // namespace natkit::stun
