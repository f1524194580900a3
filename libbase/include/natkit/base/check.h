#pragma once

namespace natkit::internal {

/// Prints the broken invariant to stderr and aborts.
[[noreturn]] void CheckFailed(const char* condition, const char* file,
                              int line);

}  // namespace natkit::internal

/// Aborts, also in release builds, when an invariant of ours does not hold.
/// Bad input is never a NATKIT_CHECK: it is an Error.
#define NATKIT_CHECK(condition)                                        \
  do {                                                                 \
    if (!(condition)) [[unlikely]] {                                   \
      ::natkit::internal::CheckFailed(#condition, __FILE__, __LINE__); \
    }                                                                  \
  } while (false)
