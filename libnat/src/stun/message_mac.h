#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "natkit/base/bytes.h"
#include "natkit/nat/stun_attribute_type.h"
#include "natkit/nat/stun_integrity.h"

namespace natkit::stun {

/// Full sizes of the two MACs, bytes.
inline constexpr size_t kIntegritySize = 20;
inline constexpr size_t kIntegritySha256Size = 32;
inline constexpr size_t kMinIntegritySha256Size = 16;

/// Room for either MAC; the rest of a shorter one is zero.
using MessageMac = std::array<uint8_t, kIntegritySha256Size>;

/// The HMAC that integrity attribute `type` carries when its header follows
/// right after `covered` and its value has `value_size` bytes: the header's
/// length field counts up to its end (RFC 8489 section 14.5).
[[nodiscard]] MessageMac ComputeMessageMac(AttributeType type,
                                           const IntegrityKey& key,
                                           ByteView covered, size_t value_size);

}  // namespace natkit::stun
