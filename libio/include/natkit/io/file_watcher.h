#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "natkit/base/result.h"
#include "natkit/base/time.h"
#include "natkit/io/event_loop.h"

namespace natkit::io {

/// Tells when a file was written, replaced, made or removed, also as a symbolic
/// link; what a link leads to is not watched. The file need not exist, its
/// directory must.
///
/// Writing a file is several changes, so one call follows when `quiet` has
/// passed without another, and at the latest after ten times that.
class FileWatcher {
 public:
  /// Errors: kNotFound (no such directory), kPermissionDenied, kLimitExceeded,
  /// kIo.
  [[nodiscard]] static Result<FileWatcher> Start(
      EventLoop& loop, const std::string& path, std::function<void()> on_change,
      Duration quiet = std::chrono::milliseconds(100));
  ~FileWatcher();
  FileWatcher(FileWatcher&&) noexcept;
  FileWatcher& operator=(FileWatcher&&) noexcept;

  class Impl;

 private:
  explicit FileWatcher(std::shared_ptr<Impl> impl);

  std::shared_ptr<Impl> impl_;
};

}  // namespace natkit::io
