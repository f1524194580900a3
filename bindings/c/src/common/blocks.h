#pragma once

#include <cstddef>

namespace natkit::c {

/// Memory from the allocator of the moment, aligned as malloc() does or to
/// `alignment`, a power of two. Ends the process where there is none.
void* AllocateBlock(size_t size, size_t alignment = 0);

/// Gives a block back to the allocator that it came from; nullptr is allowed.
void ReleaseBlock(void* memory);

/// How many bytes of a block may be used.
size_t BlockSize(void* memory);

}  // namespace natkit::c
