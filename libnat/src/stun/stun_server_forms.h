#pragma once

#include <string_view>

#include "natkit/nat/stun_message.h"

namespace natkit::stun {

/// Whether one of Tailscale's clients asks, in the form that its own servers
/// demand.
[[nodiscard]] inline bool IsFromTailnode(const Message& request) {
  constexpr std::string_view kTailnode = "tailnode";
  return request.has_fingerprint() &&
         request.Get<attr::Software>() == kTailnode;
}

}  // namespace natkit::stun
