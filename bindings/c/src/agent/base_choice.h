#pragma once

#include <optional>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/io/interfaces.h"

namespace natkit::c {

/// What a hub's sockets are bound to, and which addresses it may tell of.
struct BaseOptions {
  std::optional<Endpoint> v4;
  std::optional<Endpoint> v6;
  bool uses_loopback = false;
  /// The system's choice of a source for the Internet; they come first.
  std::vector<IpAddress> sources;
};

/// At most so many bases: those of a host with a network for each of its
/// containers would leave no room for what STUN servers see.
inline constexpr size_t kMaxBases = 16;

/// The addresses that sockets are reachable at, the most useful first: sources,
/// then public ones, then the rest; loopback ones only where there is no other
/// or they are wanted. Always in the same order.
[[nodiscard]] std::vector<Endpoint> ChooseBases(
    const std::vector<io::InterfaceAddress>& addresses,
    const BaseOptions& options);

}  // namespace natkit::c
