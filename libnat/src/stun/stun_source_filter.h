#pragma once

#include "natkit/base/endpoint.h"

namespace natkit::stun {

/// False for a source that only a forger writes, or that would start a loop:
/// addresses that no host has, our own endpoint, and ports of services that
/// answer whatever comes.
///
/// `local` is where the request came to; an unspecified address says that it
/// is not known.
[[nodiscard]] bool IsAnswerableSource(const Endpoint& from,
                                      const Endpoint& local);

}  // namespace natkit::stun
