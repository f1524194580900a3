#pragma once

#include <functional>

#include "event_loop_impl.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/unique_fd.h"

namespace natkit::io {

/// Which directions of a descriptor matter, or are ready.
struct Readiness {
  bool read = false;
  bool write = false;
  bool operator==(const Readiness&) const = default;
};

/// Owns a descriptor and tells when it is ready (level-triggered uv_poll).
///
/// A pending socket error is reported as ready in both directions: the next
/// system call finds it. May be destroyed inside its handler.
class FdWatcher {
 public:
  using Handler = std::function<void(Readiness ready)>;

  FdWatcher(EventLoop& loop, UniqueFd fd, Handler on_ready);
  ~FdWatcher();
  FdWatcher(const FdWatcher&) = delete;
  FdWatcher& operator=(const FdWatcher&) = delete;

  /// Replaces what is watched for.
  void Watch(Readiness wanted);

  [[nodiscard]] Readiness wanted() const { return frame_->payload.wanted; }

  [[nodiscard]] int fd() const { return fd_.get(); }

  struct State {
    Handler on_ready;
    Readiness wanted;
  };

  using Frame = UvFrame<uv_poll_t, State>;

 private:
  UniqueFd fd_;
  Frame* frame_;
};

}  // namespace natkit::io
