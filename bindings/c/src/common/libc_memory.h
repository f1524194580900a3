#pragma once

#include <cstddef>

extern "C" {

// libc's functions where `ld --wrap` redirects all other calls to malloc.cc.
// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names
void* __real_malloc(size_t size);
void* __real_calloc(size_t count, size_t size);
void* __real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void* memory);
// NOLINTEND(bugprone-reserved-identifier)

}  // extern "C"
