#pragma once

#include "natkit/common.h"

namespace natkit::c {

/// Has operator new and delete use a copy of `allocator`; nullptr: malloc() and
/// free(). It is there (weak) only where the whole of natkit is one object
/// whose operators are its own: libnatkit.so and libnatkit.a. Elsewhere
/// nullptr.
[[gnu::weak]] void InstallAllocator(const natkit_allocator* allocator);

}  // namespace natkit::c
