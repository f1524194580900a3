#pragma once

#include <cstdint>

#include "natkit/stun.h"
#include "support/door.h"

namespace natkit::c {

/// What the events of the client and of a transaction say alike.
template <class Event>
[[nodiscard]] natkit_stun_event FromResult(uint32_t outcome,
                                           const Event& event) {
  natkit_stun_event out{};
  out.outcome = outcome;
  out.error_code =
      event.error_code ? static_cast<uint32_t>(*event.error_code) : 0;
  out.is_verified = event.is_verified ? 1 : 0;
  out.rtt_ns = event.rtt ? ToNs(*event.rtt) : 0;
  return out;
}

}  // namespace natkit::c
