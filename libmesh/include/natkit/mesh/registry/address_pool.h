#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/mesh/control/map_item.h"

namespace natkit::mesh {

/// Gives nodes an IPv4 and an IPv6 address each.
///
/// Addresses are given out in a row, so that one that was given back rests as
/// long as the prefix allows; and for kRest in any case. The IPv6 address is
/// the IPv6 prefix with the host part of the IPv4 address in its last bits:
/// names and addresses stay easy to tell.
class AddressPool {
 public:
  /// A name or a filter at some node may still mean the last owner for so long.
  static constexpr std::chrono::hours kRest{7 * 24};

  /// The prefixes of the mesh; IPv4 at most /30, IPv6 at most /96.
  AddressPool(const IpPrefix& ipv4, const IpPrefix& ipv6);

  /// The next pair; nullopt when there is none, or all that are free
  /// still rest. Never the first and the
  /// last address of the IPv4 prefix, nor 100.100.0.0/24 and
  /// 100.115.92.0/23, which other software of this field takes for itself.
  [[nodiscard]] std::optional<std::vector<IpAddress>> Take(WallTime now);
  /// Marks the addresses of a node that was loaded as taken.
  void Reserve(const std::vector<IpAddress>& addresses);
  /// Gives them back.
  void Release(const std::vector<IpAddress>& addresses, WallTime now);
  /// They need not rest any longer.
  void Forget(const std::vector<IpAddress>& addresses);

  /// How many addresses rest, or have rested and were not forgotten.
  [[nodiscard]] size_t released_count() const { return released_.size(); }

 private:
  [[nodiscard]] std::optional<uint32_t> HostOf(
      const std::vector<IpAddress>& addresses) const;
  [[nodiscard]] bool IsUsable(uint32_t host) const;
  [[nodiscard]] std::optional<uint32_t> FindFree(WallTime now) const;
  [[nodiscard]] std::vector<IpAddress> AddressesOf(uint32_t host) const;

  IpPrefix ipv4_;
  IpPrefix ipv6_;
  uint32_t size_;        ///< of the IPv4 prefix, in addresses
  uint32_t cursor_ = 0;  ///< last host part given out
  std::set<uint32_t> taken_;
  std::map<uint32_t, WallTime> released_;
};

}  // namespace natkit::mesh
