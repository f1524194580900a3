#pragma once

#include <cstdint>

namespace natkit::nat {

/// How often the side that opens ports checks each of them at the end, where
/// the peer has probed: of two losses on one path, the second round makes up.
inline constexpr uint32_t kLastRounds = 2;

}  // namespace natkit::nat
