#include "fd_watcher.h"

#include <utility>

#include "natkit/base/check.h"

namespace natkit::io {

namespace {

using PollFrame = FdWatcher::Frame;

void Start(PollFrame& frame);

void OnPoll(uv_poll_t* handle, int status, int events) {
  auto& frame = *static_cast<PollFrame*>(handle->data);
  if (status < 0) {
    // uv stopped the handle because of a socket error. The handler takes the
    // error off the socket; then watching goes on.
    frame.payload.on_ready({.read = true, .write = true});
    if (!frame.is_closing()) {
      Start(frame);
    }
    return;
  }
  frame.payload.on_ready({.read = (events & UV_READABLE) != 0,
                          .write = (events & UV_WRITABLE) != 0});
}

void Start(PollFrame& frame) {
  const Readiness wanted = frame.payload.wanted;
  const int events =
      (wanted.read ? UV_READABLE : 0) | (wanted.write ? UV_WRITABLE : 0);
  if (events == 0) {
    uv_poll_stop(&frame.handle);
    return;
  }
  NATKIT_CHECK(uv_poll_start(&frame.handle, events, OnPoll) == 0);
}

}  // namespace

FdWatcher::FdWatcher(EventLoop& loop, UniqueFd fd, Handler on_ready)
    : fd_(std::move(fd)),
      frame_(new Frame(State{.on_ready = std::move(on_ready)})) {
  NATKIT_CHECK(uv_poll_init(&loop.impl().loop, &frame_->handle, fd_.get()) ==
               0);
}

FdWatcher::~FdWatcher() {
  frame_->Close();
}

void FdWatcher::Watch(Readiness wanted) {
  if (wanted == frame_->payload.wanted) {
    return;
  }
  frame_->payload.wanted = wanted;
  Start(*frame_);
}

}  // namespace natkit::io
