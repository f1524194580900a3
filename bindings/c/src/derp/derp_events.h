#pragma once

#include "natkit/derp.h"
#include "natkit/derp/client_core.h"

namespace natkit::c {

/// An event as C programs get it; a packet's bytes are not part of it.
[[nodiscard]] natkit_derp_event FromDerpEvent(const derp::ClientEvent& event);

}  // namespace natkit::c
