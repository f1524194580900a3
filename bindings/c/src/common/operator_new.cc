// operator new and delete of libnatkit.so and libnatkit.a, which are local to
// them. Not linked into anything else.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "common/allocator.h"

namespace natkit::c {
namespace {

void* FromSystem(void* /*context*/, size_t size) {
  return std::malloc(size);
}

void ToSystem(void* /*context*/, void* memory, size_t /*size*/) {
  std::free(memory);
}

constexpr natkit_allocator kSystem = {.struct_size = sizeof(natkit_allocator),
                                      .allocate = FromSystem,
                                      .release = ToSystem,
                                      .context = nullptr};

/// Before each block: where it goes back to, so that the allocator may change
/// while there are blocks. Allocators of the past are kept for ever.
struct Header {
  const natkit_allocator* owner;
  void* start;
  size_t size;  ///< as asked of the owner
  size_t unused;
};

static_assert(sizeof(Header) % alignof(std::max_align_t) == 0);

constinit std::atomic<const natkit_allocator*> current{&kSystem};

void* Allocate(size_t size, size_t alignment) {
  const natkit_allocator* const owner = current.load(std::memory_order_acquire);
  const size_t room = alignment > alignof(std::max_align_t) ? alignment : 0;
  if (size > SIZE_MAX - room - sizeof(Header)) {
    std::abort();
  }
  const size_t whole = sizeof(Header) + room + size;
  void* const start = owner->allocate(owner->context, whole);
  if (start == nullptr) {
    std::abort();
  }
  auto at = reinterpret_cast<uintptr_t>(start) + sizeof(Header);
  if (room != 0) {
    at = (at + alignment - 1) & ~(uintptr_t{alignment} - 1);
  }
  Header* const header = reinterpret_cast<Header*>(at) - 1;
  *header = {.owner = owner, .start = start, .size = whole, .unused = 0};
  return reinterpret_cast<void*>(at);
}

void Release(void* memory) {
  if (memory == nullptr) {
    return;
  }
  const Header header = *(static_cast<Header*>(memory) - 1);
  header.owner->release(header.owner->context, header.start, header.size);
}

}  // namespace

void InstallAllocator(const natkit_allocator* allocator) {
  if (allocator == nullptr) {
    current.store(&kSystem, std::memory_order_release);
    return;
  }
  void* const place = std::malloc(sizeof *allocator);
  if (place == nullptr) {
    std::abort();
  }
  current.store(new (place) natkit_allocator(*allocator),
                std::memory_order_release);
}

}  // namespace natkit::c

void* operator new(size_t size) {
  return natkit::c::Allocate(size, 0);
}

void* operator new[](size_t size) {
  return natkit::c::Allocate(size, 0);
}

void* operator new(size_t size, const std::nothrow_t&) noexcept {
  return natkit::c::Allocate(size, 0);
}

void* operator new[](size_t size, const std::nothrow_t&) noexcept {
  return natkit::c::Allocate(size, 0);
}

void* operator new(size_t size, std::align_val_t alignment) {
  return natkit::c::Allocate(size, static_cast<size_t>(alignment));
}

void* operator new[](size_t size, std::align_val_t alignment) {
  return natkit::c::Allocate(size, static_cast<size_t>(alignment));
}

void operator delete(void* memory) noexcept {
  natkit::c::Release(memory);
}

void operator delete[](void* memory) noexcept {
  natkit::c::Release(memory);
}

void operator delete(void* memory, size_t /*size*/) noexcept {
  natkit::c::Release(memory);
}

void operator delete[](void* memory, size_t /*size*/) noexcept {
  natkit::c::Release(memory);
}

void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept {
  natkit::c::Release(memory);
}

void operator delete[](void* memory, std::align_val_t /*alignment*/) noexcept {
  natkit::c::Release(memory);
}

void operator delete(void* memory, size_t /*size*/,
                     std::align_val_t /*alignment*/) noexcept {
  natkit::c::Release(memory);
}

void operator delete[](void* memory, size_t /*size*/,
                       std::align_val_t /*alignment*/) noexcept {
  natkit::c::Release(memory);
}
