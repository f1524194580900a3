#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"

namespace natkit::mesh::policy {

/// What both cover: the longer of the two where they overlap.
[[nodiscard]] std::optional<IpPrefix> Intersect(const IpPrefix& a,
                                                const IpPrefix& b);

/// Appends `whole` without `hole`: at most one prefix for each bit of the
/// address.
void AppendWithout(const IpPrefix& whole, const IpPrefix& hole,
                   std::vector<IpPrefix>& out);

/// `set` without the addresses of `hole`.
[[nodiscard]] std::vector<IpPrefix> Subtract(const std::vector<IpPrefix>& set,
                                             const IpPrefix& hole);

/// The prefix of one address.
[[nodiscard]] IpPrefix HostPrefix(const IpAddress& address);

/// The `back`-th address from the end of a prefix; 0: the last one.
[[nodiscard]] IpAddress FromTheEnd(const IpPrefix& prefix, uint32_t back);

/// 0.0.0.0/0 or ::/0.
[[nodiscard]] bool IsDefaultRoute(const IpPrefix& prefix);

/// Whether any prefix of `set` contains `address`.
[[nodiscard]] bool Covers(const std::vector<IpPrefix>& set,
                          const IpAddress& address);

/// Whether all of `inner` lies in `outer`.
[[nodiscard]] bool IsInside(const IpPrefix& inner, const IpPrefix& outer);

/// Whether the address in `text` has bits set behind the length of the CIDR
/// that it was read as.
[[nodiscard]] bool HasHostBits(std::string_view text, const IpPrefix& prefix);

/// Sorts, and drops what is twice or inside another one.
void Simplify(std::vector<IpPrefix>& set);

}  // namespace natkit::mesh::policy
