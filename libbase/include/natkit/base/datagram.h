#pragma once

#include <cstdint>
#include <vector>

#include "natkit/base/endpoint.h"

namespace natkit {

/// One datagram that a core wants sent. It owns its payload: control traffic
/// only; data paths write into the caller's buffers instead.
struct Transmit {
  Endpoint to;
  std::vector<uint8_t> payload;
};

}  // namespace natkit
