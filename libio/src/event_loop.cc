#include "natkit/io/event_loop.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "event_loop_impl.h"
#include "natkit/base/check.h"
#include "natkit/io/unique_fd.h"
#include "system_error.h"

namespace natkit::io {

namespace {

/// Everything of libio closes its handle in its destructor, so a handle that
/// is not closing has an owner that would outlive its loop.
void CheckIsClosing(uv_handle_t* handle, void* /*unused*/) {
  NATKIT_CHECK(uv_is_closing(handle) != 0);
}

}  // namespace

MutableBytes EventLoop::Impl::Scratch() {
  if (scratch == nullptr) {
    scratch.reset(new uint8_t[kScratchSize]);  // left uninitialised on purpose
  }
  return {scratch.get(), kScratchSize};
}

void EventLoop::Impl::RunPosted() {
  {
    const std::lock_guard lock(mutex);
    running.swap(posted);
  }
  for (auto& task : running) {
    task();
    task = nullptr;
  }
  running.clear();
}

void EventLoop::Impl::AddDue(TimerFrame* timer) {
  due.push_back(timer);
  uv_idle_start(&hurry, [](uv_idle_t*) {});
  uv_check_start(&after_sockets, [](uv_check_t* handle) {
    static_cast<Impl*>(handle->data)->FireDue();
  });
}

void EventLoop::Impl::RemoveDue(const TimerFrame* timer) {
  std::erase(due, timer);
}

void EventLoop::Impl::FireDue() {
  while (!due.empty()) {
    TimerFrame* frame = due.front();
    due.pop_front();
    TimerState& state = frame->payload;
    state.deadline.reset();
    state.is_firing = true;
    state.on_fire();  // may destroy the Timer, not the frame
    state.is_firing = false;
  }
  uv_idle_stop(&hurry);
  uv_check_stop(&after_sockets);
}

Result<void> EventLoop::CheckDescriptors() {
  // libuv: its epoll and what wakes it, and in a process's first loop two pipes
  // for signals, for lack of which it aborts. Trying is the only way to ask.
  std::array<UniqueFd, 6> wanted;
  for (UniqueFd& fd : wanted) {
    fd = UniqueFd(::eventfd(0, EFD_CLOEXEC));
    if (!fd.is_valid()) {
      return FailErrno();
    }
  }
  return {};
}

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {
  NATKIT_CHECK(uv_loop_init(&impl_->loop) == 0);
  impl_->wake.data = impl_.get();
  const int error =
      uv_async_init(&impl_->loop, &impl_->wake, [](uv_async_t* handle) {
        static_cast<Impl*>(handle->data)->RunPosted();
      });
  NATKIT_CHECK(error == 0);
  NATKIT_CHECK(uv_idle_init(&impl_->loop, &impl_->hurry) == 0);
  NATKIT_CHECK(uv_check_init(&impl_->loop, &impl_->after_sockets) == 0);
  impl_->after_sockets.data = impl_.get();
}

EventLoop::~EventLoop() {
  impl_->posted.clear();
  uv_close(reinterpret_cast<uv_handle_t*>(&impl_->wake), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&impl_->hurry), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&impl_->after_sockets), nullptr);
  uv_walk(&impl_->loop, CheckIsClosing, nullptr);
  while (uv_run(&impl_->loop, UV_RUN_DEFAULT) != 0) {
  }
  NATKIT_CHECK(uv_loop_close(&impl_->loop) == 0);
}

void EventLoop::Run() {
  uv_run(&impl_->loop, UV_RUN_DEFAULT);
}

void EventLoop::Stop() {
  uv_stop(&impl_->loop);
}

bool EventLoop::RunUntil(const std::function<bool()>& done, Duration limit) {
  const Instant deadline = Now() + limit;
  uv_timer_t guard;  // keeps a round from waiting beyond the deadline
  NATKIT_CHECK(uv_timer_init(&impl_->loop, &guard) == 0);
  uv_update_time(&impl_->loop);
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
  uv_timer_start(
      &guard, [](uv_timer_t*) {}, ms > 0 ? static_cast<uint64_t>(ms) : 0, 10);
  bool is_done = done();
  while (!is_done && Now() < deadline) {
    uv_run(&impl_->loop, UV_RUN_ONCE);
    is_done = done();
  }
  bool closed = false;
  guard.data = &closed;
  uv_close(reinterpret_cast<uv_handle_t*>(&guard),
           [](uv_handle_t* dead) { *static_cast<bool*>(dead->data) = true; });
  while (!closed) {
    uv_run(&impl_->loop, UV_RUN_NOWAIT);
  }
  return is_done;
}

void EventLoop::RunReady() {
  uv_run(&impl_->loop, UV_RUN_NOWAIT);
}

int EventLoop::descriptor() const {
  return uv_backend_fd(&impl_->loop);
}

bool EventLoop::HasReady() const {
  pollfd ready{.fd = descriptor(), .events = POLLIN, .revents = 0};
  return ::poll(&ready, 1, 0) > 0;
}

std::optional<Instant> EventLoop::NextTimeout() const {
  // What uv has cached is the time of the last round.
  uv_update_time(&impl_->loop);
  const int ms = uv_backend_timeout(&impl_->loop);
  if (ms < 0) {
    return std::nullopt;
  }
  return Now() + std::chrono::milliseconds(ms);
}

void EventLoop::Post(std::function<void()> task) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->posted.push_back(std::move(task));
  }
  uv_async_send(&impl_->wake);
}

Instant EventLoop::Now() {
  return Instant(std::chrono::nanoseconds(static_cast<int64_t>(uv_hrtime())));
}

Duration EventLoop::TimeAsleep() {
  const auto read = [](clockid_t clock) {
    timespec time{};
    return ::clock_gettime(clock, &time) == 0
               ? std::chrono::seconds(time.tv_sec) +
                     std::chrono::nanoseconds(time.tv_nsec)
               : Duration{};
  };
  const Duration awake = read(CLOCK_MONOTONIC);  // first: the other is greater
  return std::max(read(CLOCK_BOOTTIME) - awake, Duration{});
}

UnixTime EventLoop::UnixNow() {
  return std::chrono::time_point_cast<Duration>(
      std::chrono::system_clock::now());
}

}  // namespace natkit::io
