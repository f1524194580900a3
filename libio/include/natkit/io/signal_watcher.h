#pragma once

#include <functional>
#include <initializer_list>
#include <memory>

#include "natkit/io/event_loop.h"

namespace natkit::io {

/// Delivers Unix signals as loop events, e.g. `{SIGINT, SIGTERM}`.
class SignalWatcher {
 public:
  SignalWatcher(EventLoop& loop, std::initializer_list<int> signals,
                std::function<void(int signal)> on_signal);
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

/// Makes writes to closed sockets fail with an error instead of killing the
/// process (SIGPIPE). libio's own writes never raise it.
void IgnoreBrokenPipes();

}  // namespace natkit::io
