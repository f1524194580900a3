#pragma once

#include <algorithm>
#include <vector>

#include "natkit/base/endpoint.h"

namespace natkit::routing {

/// Drops prefixes inside others and joins halves to their whole, again and
/// again; the addresses covered stay the same. Sorted.
[[nodiscard]] std::vector<IpPrefix> Aggregate(std::vector<IpPrefix> prefixes);

/// Whether `inner` lies in `outer` or is the same.
[[nodiscard]] bool IsInside(const IpPrefix& inner, const IpPrefix& outer);

/// Whether `list` has `item`.
template <class T>
[[nodiscard]] bool Has(const std::vector<T>& list, const T& item) {
  return std::ranges::find(list, item) != list.end();
}

}  // namespace natkit::routing
