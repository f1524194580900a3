#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "commands/command_support.h"
#include "natkit/base/endpoint.h"

// Answers out of a status object (`meshnode status --json`), given as text.

namespace natkit::meshnode {

/// The addresses of `peer`, a name, full name or address; of the node itself
/// if it is empty. Of one family only if that is said. The error is for the
/// user: no such peer, no address.
[[nodiscard]] Outcome<std::vector<std::string>> AddressesOf(
    std::string_view status, const std::string& peer,
    std::optional<AddressFamily> family);

/// Whose address it is.
struct WhoIs {
  std::string json;  ///< the node's object, over several lines
  std::string text;  ///< for people
};

/// `address` may have a port, with brackets around an IPv6 address then, or be
/// a name or full name. The error is for the user: nobody's.
[[nodiscard]] Outcome<WhoIs> FindOwner(std::string_view status,
                                       const std::string& address);

}  // namespace natkit::meshnode
