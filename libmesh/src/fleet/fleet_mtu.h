#pragma once

#include <cstdint>

#include "natkit/mesh/mesh_file.h"

namespace natkit::mesh {

/// What an interface carries with 1500 bytes below and IPv6 outside, which is
/// wg-quick's own default.
inline constexpr uint16_t kDefaultInnerMtu = 1420;

/// The lowest MTU that IPv6 inside allows (RFC 8200 section 5).
inline constexpr uint16_t kLowestIpv6Mtu = 1280;

/// The MTU of packets between two linked nodes: that of the smaller link below
/// less the outer headers, 60 bytes where all endpoints of the pair are known
/// to be IPv4, else 80. kDefaultInnerMtu where nobody says anything of the
/// links.
[[nodiscard]] uint16_t PairMtu(const MeshFile& file, const NodeEntry& a,
                               const NodeEntry& b);

}  // namespace natkit::mesh
