#include "common/allocator.h"

#include "natkit/common.h"
#include "support/door.h"
#include "support/structs.h"

using natkit::Errc;
using natkit::Fail;
using natkit::Result;
using namespace natkit::c;

namespace {

Result<void> SetAllocator(const natkit_allocator* allocator) {
  if (InstallAllocator == nullptr) {
    return Fail(Errc::kUnsupported);
  }
  if (allocator == nullptr) {
    InstallAllocator(nullptr);
    return {};
  }
  const Result<natkit_allocator> given =
      ReadStruct(allocator, sizeof(natkit_allocator));
  if (!given) {
    return std::unexpected(given.error());
  }
  if (given->allocate == nullptr || given->release == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  InstallAllocator(&*given);
  return {};
}

}  // namespace

int natkit_set_allocator(const natkit_allocator* allocator) {
  return ToCode(__func__, SetAllocator(allocator));
}
