#include "common/allocator.h"

#include <optional>

#include "natkit/common.h"
#include "support/door.h"
#include "support/structs.h"

using natkit::Errc;
using natkit::Fail;
using natkit::Result;
using namespace natkit::c;

namespace {

/// Unset for NULL.
Result<std::optional<natkit_allocator>> ReadAllocator(
    const natkit_allocator* allocator) {
  if (allocator == nullptr) {
    return std::nullopt;
  }
  const Result<natkit_allocator> given =
      ReadStruct(allocator, sizeof(natkit_allocator));
  if (!given) {
    return std::unexpected(given.error());
  }
  if (given->allocate == nullptr || given->release == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  return *given;
}

Result<void> SetAllocator(const natkit_allocator* allocator) {
  const auto given = ReadAllocator(allocator);
  if (!given) {
    return std::unexpected(given.error());
  }
  if (InstallAllocator == nullptr) {
    return Fail(Errc::kUnsupported);
  }
  InstallAllocator(*given ? &**given : nullptr);
  return {};
}

}  // namespace

int natkit_set_allocator(const natkit_allocator* allocator) {
  return ToCode(__func__, SetAllocator(allocator));
}
