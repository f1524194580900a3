#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"

namespace natkit::nat {

/// The name that has no IPv6 address of its own: those that a resolver gives it
/// are made by DNS64 (RFC 7050 section 2).
inline constexpr std::string_view kIpv4OnlyName = "ipv4only.arpa";

/// Prefixes of a NAT64, from the IPv6 addresses of `kIpv4OnlyName`: where
/// 192.0.0.170 or 192.0.0.171 stands in an address tells how long the prefix is
/// (RFC 7050 section 3; 32, 40, 48, 56, 64 or 96 bits). Where an address can be
/// read in two ways the other addresses decide. In the order of `addresses`,
/// without doubles; addresses that do not fit are skipped.
[[nodiscard]] std::vector<IpPrefix> FindNat64Prefixes(
    std::span<const IpAddress> addresses);

/// The IPv6 address that stands for `v4` behind `prefix` (RFC 6052 section
/// 2.2). nullopt if `v4` is not IPv4 or the prefix has another length than
/// those above.
[[nodiscard]] std::optional<IpAddress> SynthesizeNat64(const IpPrefix& prefix,
                                                       const IpAddress& v4);

/// The IPv4 address in `v6`. nullopt if it is not behind `prefix`.
[[nodiscard]] std::optional<IpAddress> ExtractNat64(const IpPrefix& prefix,
                                                    const IpAddress& v6);

/// Whether a host has `address` from a translator of its own, a 464XLAT CLAT
/// or DS-Lite's B4: 192.0.0.0/29 (RFC 7335).
[[nodiscard]] bool IsClatAddress(const IpAddress& address);

}  // namespace natkit::nat
