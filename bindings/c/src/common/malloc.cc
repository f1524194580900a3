// malloc() and its family as all that is folded into libnatkit.so and
// libnatkit.a calls them (`ld --wrap`), so that memory of BoringSSL, libsodium
// and the C++ runtime comes from natkit_set_allocator()'s, too. Not linked into
// anything else.
//
// What libc itself allocates and the caller frees must not get here:
// tests/tools/symbols_test.py refuses such functions.

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "common/blocks.h"

using natkit::c::AllocateBlock;
using natkit::c::BlockSize;
using natkit::c::ReleaseBlock;

// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names
extern "C" {

void* __wrap_malloc(size_t size) {
  return AllocateBlock(size);
}

void __wrap_free(void* memory) {
  // free() leaves errno alone, whatever the allocator does.
  const int before = errno;
  ReleaseBlock(memory);
  errno = before;
}

void* __wrap_calloc(size_t count, size_t size) {
  size_t whole = 0;
  if (__builtin_mul_overflow(count, size, &whole)) {
    errno = ENOMEM;
    return nullptr;
  }
  return std::memset(AllocateBlock(whole), 0, whole);
}

void* __wrap_realloc(void* memory, size_t size) {
  void* const moved = AllocateBlock(size);
  if (memory != nullptr) {
    std::memcpy(moved, memory, std::min(size, BlockSize(memory)));
    ReleaseBlock(memory);
  }
  return moved;
}

void* __wrap_aligned_alloc(size_t alignment, size_t size) {
  return AllocateBlock(size, alignment);
}

int __wrap_posix_memalign(void** out, size_t alignment, size_t size) {
  *out = AllocateBlock(size, alignment);
  return 0;
}

char* __wrap_strdup(const char* text) {
  const size_t size = std::strlen(text) + 1;
  return static_cast<char*>(std::memcpy(AllocateBlock(size), text, size));
}

char* __wrap_strndup(const char* text, size_t limit) {
  const size_t size = strnlen(text, limit);
  auto* const copy = static_cast<char*>(AllocateBlock(size + 1));
  std::memcpy(copy, text, size);
  copy[size] = '\0';
  return copy;
}

// BoringSSL asks for these weak names before it calls malloc(). Left undefined,
// a program that brings them for a BoringSSL of its own would bring them to
// ours, and so would one with jemalloc (sdallocx).

void* OPENSSL_memory_alloc(size_t size) {
  return AllocateBlock(size);
}

void OPENSSL_memory_free(void* memory) {
  explicit_bzero(memory, BlockSize(memory));
  __wrap_free(memory);
}

size_t OPENSSL_memory_get_size(void* memory) {
  return BlockSize(memory);
}

void sdallocx(void* memory, size_t /*size*/, int /*flags*/) {
  __wrap_free(memory);
}

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier)
