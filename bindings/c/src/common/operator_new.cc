// operator new and delete of libnatkit.so and libnatkit.a, which are local to
// them. Not linked into anything else.

#include <cstddef>
#include <new>

#include "common/blocks.h"

using natkit::c::AllocateBlock;
using natkit::c::ReleaseBlock;

void* operator new(size_t size) {
  return AllocateBlock(size);
}

void* operator new[](size_t size) {
  return AllocateBlock(size);
}

void* operator new(size_t size, const std::nothrow_t& /*unused*/) noexcept {
  return AllocateBlock(size);
}

void* operator new[](size_t size, const std::nothrow_t& /*unused*/) noexcept {
  return AllocateBlock(size);
}

void* operator new(size_t size, std::align_val_t alignment) {
  return AllocateBlock(size, static_cast<size_t>(alignment));
}

void* operator new[](size_t size, std::align_val_t alignment) {
  return AllocateBlock(size, static_cast<size_t>(alignment));
}

void* operator new(size_t size, std::align_val_t alignment,
                   const std::nothrow_t& /*unused*/) noexcept {
  return AllocateBlock(size, static_cast<size_t>(alignment));
}

void* operator new[](size_t size, std::align_val_t alignment,
                     const std::nothrow_t& /*unused*/) noexcept {
  return AllocateBlock(size, static_cast<size_t>(alignment));
}

void operator delete(void* memory) noexcept {
  ReleaseBlock(memory);
}

void operator delete[](void* memory) noexcept {
  ReleaseBlock(memory);
}

void operator delete(void* memory, const std::nothrow_t& /*unused*/) noexcept {
  ReleaseBlock(memory);
}

void operator delete[](void* memory,
                       const std::nothrow_t& /*unused*/) noexcept {
  ReleaseBlock(memory);
}

void operator delete(void* memory, size_t /*size*/) noexcept {
  ReleaseBlock(memory);
}

void operator delete[](void* memory, size_t /*size*/) noexcept {
  ReleaseBlock(memory);
}

void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept {
  ReleaseBlock(memory);
}

void operator delete[](void* memory, std::align_val_t /*alignment*/) noexcept {
  ReleaseBlock(memory);
}

void operator delete(void* memory, size_t /*size*/,
                     std::align_val_t /*alignment*/) noexcept {
  ReleaseBlock(memory);
}

void operator delete[](void* memory, size_t /*size*/,
                       std::align_val_t /*alignment*/) noexcept {
  ReleaseBlock(memory);
}

void operator delete(void* memory, std::align_val_t /*alignment*/,
                     const std::nothrow_t& /*unused*/) noexcept {
  ReleaseBlock(memory);
}

void operator delete[](void* memory, std::align_val_t /*alignment*/,
                       const std::nothrow_t& /*unused*/) noexcept {
  ReleaseBlock(memory);
}
