#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"

namespace natkit::meshnode {

/// What a node can be called by.
struct PeerNames {
  std::string_view name;
  std::string_view domain;  ///< of the mesh; empty: it has none
  const std::vector<IpAddress>& addresses;
};

/// Whether a and b are one DNS name: in any case, with a dot at the end or
/// without (RFC 4343).
[[nodiscard]] bool IsSameName(std::string_view a, std::string_view b);

/// Whether a person who writes `text` means this node: its name, its full name
/// or one of its mesh addresses.
[[nodiscard]] bool IsNameOf(std::string_view text, const PeerNames& node);

}  // namespace natkit::meshnode
