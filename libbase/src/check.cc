#include "natkit/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace natkit::internal {

void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "natkit: broken invariant at %s:%d: %s\n", file, line,
               condition);
  std::abort();
}

}  // namespace natkit::internal
