#pragma once

#include <cstdint>
#include <string>

#include "natkit/mesh/routing/route_plan.h"

namespace natkit::meshnode {

/// The mark that forwarded packets from the mesh get, beside others' bits.
constexpr uint32_t kForwardedMark = 0x20000000;

/// "natkit_natkit0": the table that holds all packet filter rules of a node.
[[nodiscard]] std::string NftTable(const std::string& tun);

/// Input for `nft -f -` that replaces the table, in one transaction; one that
/// removes it if nothing is needed. `fwmark` marks the node's own packets.
[[nodiscard]] std::string NftScript(const std::string& tun, uint32_t fwmark,
                                    const routing::Firewall& firewall);

}  // namespace natkit::meshnode
