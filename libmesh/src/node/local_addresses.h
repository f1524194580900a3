#pragma once

#include <optional>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/nat/path_diagnosis.h"

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
  /// What a router maps to a base, and the Internet reaches.
  std::optional<ReflexiveAddress> mapped;
  /// The same where another NAT stands beyond the router: only those behind
  /// that NAT can reach it (nat.md 13.2's middle network).
  std::optional<ReflexiveAddress> middle;
  /// What peers are told of the network, beside addresses.
  nat::PathSide network;
  /// Of a UDP mapping in our IPv4 NAT that carries a conversation; nullopt: not
  /// known.
  std::optional<Duration> mapping_lifetime;
};

}  // namespace natkit::mesh
