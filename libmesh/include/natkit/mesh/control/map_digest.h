#pragma once

#include <cstdint>

#include "natkit/base/bytes.h"
#include "natkit/mesh/control/map_item.h"
#include "natkit/mesh/control/message.h"

namespace natkit::mesh {

/// Tells two bodies of one item apart: SipHash-2-4 of the bytes.
[[nodiscard]] uint64_t ItemVersion(const DigestKey& key, ByteView body);

/// What one item adds to the digest of a map, modulo 2^64: SipHash-2-4 of its
/// name and version. The sum does not depend on any order, and changes with
/// each item in O(1). It finds faults, not attackers (mesh.md section 4.2).
[[nodiscard]] uint64_t ItemDigest(const DigestKey& key, const ItemKey& item,
                                  uint64_t version);

/// What one member of a rule adds.
[[nodiscard]] uint64_t MemberDigest(const DigestKey& key, uint64_t rule,
                                    RuleDirection direction, NodeId member);

}  // namespace natkit::mesh
