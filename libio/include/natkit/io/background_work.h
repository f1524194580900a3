#pragma once

#include <functional>
#include <memory>

#include "natkit/io/event_loop.h"

namespace natkit::io {

/// Runs what would block the loop on uv's thread pool, one thing after the
/// other.
class BackgroundWork {
 public:
  explicit BackgroundWork(EventLoop& loop);
  /// What has begun runs to its end, but nobody hears of it.
  ~BackgroundWork();
  BackgroundWork(const BackgroundWork&) = delete;
  BackgroundWork& operator=(const BackgroundWork&) = delete;

  /// Runs `work` on another thread, after all earlier ones, then `on_done` on
  /// the loop's. `work` must share nothing that others touch meanwhile.
  void Run(std::function<void()> work, std::function<void()> on_done);

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace natkit::io
