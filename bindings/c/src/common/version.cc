#include <algorithm>
#include <climits>
#include <cstring>
#include <ctime>

#include "natkit/base/result.h"
#include "natkit/common.h"

namespace {

natkit::Errc CodeOf(int code) {
  // INT_MIN has no opposite.
  return code < 0 && code > -UINT16_MAX ? static_cast<natkit::Errc>(-code)
                                        : natkit::Errc{};
}

uint64_t ReadClock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * NATKIT_SECOND +
         static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

const char* natkit_version(void) {
  return NATKIT_VERSION_TEXT;
}

const char* natkit_strerror(int code) {
  if (code >= 0) {
    return "success";
  }
  // ErrcName()'s texts are literals, so a zero byte follows them.
  const std::string_view name = natkit::ErrcName(CodeOf(code));
  return name.data();
}

void natkit_init_struct(void* structure, size_t size) {
  if (structure == nullptr || size < sizeof size) {
    return;
  }
  std::memset(structure, 0, size);
  std::memcpy(structure, &size, sizeof size);
}

uint64_t natkit_monotonic_ns(void) {
  return ReadClock(CLOCK_MONOTONIC);
}

uint64_t natkit_wall_clock_ns(void) {
  return ReadClock(CLOCK_REALTIME);
}

int natkit_poll_timeout_ms(uint64_t now_ns, uint64_t deadline_ns) {
  if (deadline_ns <= now_ns) {
    return 0;
  }
  const uint64_t rounded_up =
      (deadline_ns - now_ns - 1) / NATKIT_MILLISECOND + 1;
  return static_cast<int>(std::min<uint64_t>(rounded_up, INT_MAX));
}
