#pragma once

#include <utility>

#include "natkit/base/result.h"

namespace natkit::c {

/// A second descriptor of what a loop waits on, for a program that may close
/// it, or have another file at its number afterwards, against all rules: the
/// loop's own stays whole.
class WaitDescriptor {
 public:
  /// `original` outlives this. Errors: kLimitExceeded, kIo.
  [[nodiscard]] static Result<WaitDescriptor> Make(int original);
  ~WaitDescriptor();

  WaitDescriptor(WaitDescriptor&& other) noexcept
      : original_(other.original_), fd_(std::exchange(other.fd_, -1)) {}

  WaitDescriptor& operator=(WaitDescriptor&&) = delete;

  [[nodiscard]] int get() const { return fd_; }

  /// False: the program has closed it.
  [[nodiscard]] bool IsThere() const;

 private:
  WaitDescriptor(int original, int fd) : original_(original), fd_(fd) {}

  int original_;
  int fd_;
};

}  // namespace natkit::c
