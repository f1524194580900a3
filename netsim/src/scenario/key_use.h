#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/netsim/scenario.h"

namespace natkit::netsim {

/// A key that says nothing about its box, and what to do about it.
struct UselessKey {
  uint32_t line;
  std::string text;  ///< begins with the key, in quotes
};

/// The written keys of a box that its profile and its other keys make
/// useless: a port step without sequential ports, services of a router.
///
/// A key that switches off what the box does not do anyway (false, 0, "none")
/// is no mistake, nor are lifetimes of state that it does not have. `keys` says
/// where each stands.
[[nodiscard]] std::vector<UselessKey> FindUselessKeys(
    const NatConfig& config,
    const std::map<std::string, uint32_t, std::less<>>& keys);

}  // namespace natkit::netsim
