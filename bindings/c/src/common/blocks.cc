#include "common/blocks.h"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "common/allocator.h"

extern "C" {
// What malloc() and free() are called where `ld --wrap` redirects all other
// calls to malloc.cc.
// NOLINTNEXTLINE(bugprone-reserved-identifier): the linker's name
void* __real_malloc(size_t size);
// NOLINTNEXTLINE(bugprone-reserved-identifier): the linker's name
void __real_free(void* memory);
}

namespace natkit::c {
namespace {

void* FromSystem(void* /*context*/, size_t size) {
  return __real_malloc(size);
}

void ToSystem(void* /*context*/, void* memory, size_t /*size*/) {
  __real_free(memory);
}

/// An allocator that was set once. It is kept for ever, because blocks point to
/// it; who sets the same one again gets the same owner.
struct Owner {
  natkit_allocator allocator;
  Owner* next;

  [[nodiscard]] bool Is(const natkit_allocator& other) const {
    return allocator.allocate == other.allocate &&
           allocator.release == other.release &&
           allocator.context == other.context;
  }
};

constinit Owner system_owner{
    .allocator = {.struct_size = sizeof(natkit_allocator),
                  .allocate = FromSystem,
                  .release = ToSystem,
                  .context = nullptr},
    .next = nullptr};
constinit std::atomic<Owner*> current{&system_owner};

/// Before each block: where it goes back to, so that the allocator may change
/// while there are blocks.
struct Header {
  Owner* owner;
  void* start;
  size_t size;  ///< as asked of the owner
  size_t unused;
};

static_assert(sizeof(Header) % alignof(std::max_align_t) == 0);

const Header& HeaderOf(const void* memory) {
  return *(static_cast<const Header*>(memory) - 1);
}

Owner* OwnerFor(const natkit_allocator& allocator) {
  for (Owner* owner = &system_owner;; owner = owner->next) {
    if (owner->Is(allocator)) {
      return owner;
    }
    if (owner->next == nullptr) {
      void* const place = __real_malloc(sizeof(Owner));
      if (place == nullptr) {
        std::abort();
      }
      owner->next = new (place) Owner{.allocator = allocator, .next = nullptr};
    }
  }
}

}  // namespace

void* AllocateBlock(size_t size, size_t alignment) {
  Owner* const owner = current.load(std::memory_order_acquire);
  const size_t room = alignment > alignof(std::max_align_t) ? alignment : 0;
  if (room > SIZE_MAX / 4 || size > SIZE_MAX - room - sizeof(Header)) {
    std::abort();
  }
  const size_t whole = sizeof(Header) + room + size;
  void* const start =
      owner->allocator.allocate(owner->allocator.context, whole);
  if (start == nullptr) {
    std::abort();
  }
  auto at = reinterpret_cast<uintptr_t>(start) + sizeof(Header);
  if (room != 0) {
    at = (at + alignment - 1) & ~(uintptr_t{alignment} - 1);
  }
  auto* const memory = reinterpret_cast<void*>(at);
  new (static_cast<Header*>(memory) - 1)
      Header{.owner = owner, .start = start, .size = whole, .unused = 0};
  return memory;
}

void ReleaseBlock(void* memory) {
  if (memory == nullptr) {
    return;
  }
  const Header header = HeaderOf(memory);
  const natkit_allocator& allocator = header.owner->allocator;
  allocator.release(allocator.context, header.start, header.size);
}

size_t BlockSize(const void* memory) {
  const Header& header = HeaderOf(memory);
  return header.size -
         static_cast<size_t>(static_cast<const char*>(memory) -
                             static_cast<const char*>(header.start));
}

void InstallAllocator(const natkit_allocator* allocator) {
  current.store(allocator == nullptr ? &system_owner : OwnerFor(*allocator),
                std::memory_order_release);
}

}  // namespace natkit::c
