#pragma once

#include <cstddef>

namespace natkit::shell {

/// Lets this process open as many descriptors as it may; the usual soft limit
/// of 1024 is too few where each connection is one. Returns the limit that
/// holds then.
size_t RaiseDescriptorLimit();

}  // namespace natkit::shell
