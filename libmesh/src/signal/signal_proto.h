#pragma once

#include <string>

#include "natkit/mesh/signal.h"

namespace natkit::mesh {

/// The Protobuf bytes of a signal (proto/signal.proto).
[[nodiscard]] std::string EncodeSignal(const Signal& signal);

/// Errors: kBadSignal.
[[nodiscard]] Result<Signal> DecodeSignal(ByteView bytes);

/// The Protobuf bytes of what a description says of its sender's network.
[[nodiscard]] std::string EncodePathSide(const nat::PathSide& side);

/// Errors: kBadSignal.
[[nodiscard]] Result<nat::PathSide> DecodePathSide(ByteView bytes);

}  // namespace natkit::mesh
