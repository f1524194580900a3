#pragma once

#include <string>

#include "natkit/mesh/signal.h"

namespace natkit::mesh {

/// The Protobuf bytes of a signal (proto/signal.proto).
[[nodiscard]] std::string EncodeSignal(const Signal& signal);

/// Errors: kBadSignal.
[[nodiscard]] Result<Signal> DecodeSignal(ByteView bytes);

}  // namespace natkit::mesh
