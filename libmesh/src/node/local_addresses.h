#pragma once

#include <vector>

#include "natkit/base/endpoint.h"

namespace natkit::mesh {

/// A server-reflexive address: what a STUN server saw of `base`.
struct ReflexiveAddress {
  Endpoint mapped;
  Endpoint base;
  auto operator<=>(const ReflexiveAddress&) const = default;
};

/// Where this node can be reached, as far as it knows; shared by all links.
struct LocalAddresses {
  std::vector<Endpoint> bases;
  std::vector<ReflexiveAddress> reflexive;
};

}  // namespace natkit::mesh
