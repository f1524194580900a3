#include "natkit/io/signal_watcher.h"

#include <csignal>
#include <vector>

#include "event_loop_impl.h"
#include "natkit/base/check.h"

namespace natkit::io {

struct SignalWatcher::Impl {
  using Frame = UvFrame<uv_signal_t, std::function<void(int)>>;

  std::vector<Frame*> frames;  // each freed by the loop

  static void OnSignal(uv_signal_t* handle, int raised) {
    static_cast<Frame*>(handle->data)->payload(raised);
  }
};

SignalWatcher::SignalWatcher(EventLoop& loop,
                             std::initializer_list<int> signals,
                             std::function<void(int signal)> on_signal)
    : impl_(std::make_unique<Impl>()) {
  for (const int number : signals) {
    auto* frame = new Impl::Frame(std::function<void(int)>(on_signal));
    impl_->frames.push_back(frame);
    NATKIT_CHECK(uv_signal_init(&loop.impl().loop, &frame->handle) == 0);
    NATKIT_CHECK(uv_signal_start(&frame->handle, Impl::OnSignal, number) == 0);
  }
}

SignalWatcher::~SignalWatcher() {
  for (Impl::Frame* frame : impl_->frames) {
    frame->Close();
  }
}

void IgnoreBrokenPipes() {
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
}

}  // namespace natkit::io
