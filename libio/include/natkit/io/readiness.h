#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "natkit/base/result.h"
#include "natkit/io/unique_fd.h"

namespace natkit::io {

/// Blocks a thread that has no event loop until one of some descriptors can be
/// read (epoll, level-triggered).
class ReadinessSet {
 public:
  /// Errors: kLimitExceeded, kIo.
  [[nodiscard]] static Result<ReadinessSet> Make();

  /// Watches `fd`; Wait() yields `number` for it. Errors: kAlreadyExists, kIo.
  [[nodiscard]] Result<void> Add(int fd, uint32_t number) const;
  void Remove(int fd) const;
  /// Blocks until at least one is readable. Writes the numbers of those that
  /// are, as many as fit and at most 16, to `ready`; returns how many.
  [[nodiscard]] size_t Wait(std::span<uint32_t> ready) const;

 private:
  explicit ReadinessSet(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

/// Wakes a thread that waits in a ReadinessSet. Signal() is thread-safe.
class WakeUp {
 public:
  /// Errors: kLimitExceeded, kIo.
  [[nodiscard]] static Result<WakeUp> Make();

  void Signal() const;
  /// Makes fd() not readable again.
  void Clear() const;

  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  explicit WakeUp(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

}  // namespace natkit::io
