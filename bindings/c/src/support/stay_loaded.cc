#include "support/stay_loaded.h"

#include <dlfcn.h>
#include <link.h>

#include <atomic>

// A program that is static altogether has no loader, and need not get one.
#pragma weak dladdr1
#pragma weak dlopen

namespace natkit::c {
namespace {

// As libnatkit.so is, whose user is not to see memory that the loader takes for
// a call that changes nothing.
bool IsLinkedToStay(const link_map& object) {
  for (const ElfW(Dyn)* entry = object.l_ld; entry->d_tag != DT_NULL; ++entry) {
    if (entry->d_tag == DT_FLAGS_1) {
      return (entry->d_un.d_val & DF_1_NODELETE) != 0;
    }
  }
  return false;
}

}  // namespace

void StayLoaded() {
  // No static with a guard: the loader's lock, which is taken here, is held by
  // who is loading something whose constructor may come here, too.
  static std::atomic_flag was_here;
  if (was_here.test() || was_here.test_and_set()) {
    return;
  }
  if (&::dladdr1 == nullptr || &::dlopen == nullptr) {
    return;
  }
  Dl_info symbol;
  link_map* object = nullptr;
  const int is_found =
      ::dladdr1(reinterpret_cast<const void*>(&StayLoaded), &symbol,
                reinterpret_cast<void**>(&object), RTLD_DL_LINKMAP);
  // The program itself has no name.
  if (is_found != 0 && object != nullptr && object->l_name[0] != '\0' &&
      !IsLinkedToStay(*object)) {
    (void)::dlopen(object->l_name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
  }
}

}  // namespace natkit::c
