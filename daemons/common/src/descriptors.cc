#include "natkit/shell/descriptors.h"

#include <sys/resource.h>

#include <algorithm>
#include <limits>

namespace natkit::shell {

size_t RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return std::numeric_limits<size_t>::max();
  }
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  const bool is_raised = setrlimit(RLIMIT_NOFILE, &limit) == 0;
  return std::min<rlim_t>(is_raised ? limit.rlim_max : before,
                          std::numeric_limits<size_t>::max());
}

}  // namespace natkit::shell
