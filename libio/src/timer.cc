#include "natkit/io/timer.h"

#include <algorithm>
#include <utility>

#include "event_loop_impl.h"
#include "natkit/base/check.h"

namespace natkit::io {

struct Timer::Impl {
  TimerFrame* frame;

  static void OnDue(uv_timer_t* handle) {
    auto* frame = static_cast<TimerFrame*>(handle->data);
    frame->payload.loop->AddDue(frame);
  }
};

Timer::Timer(EventLoop& loop, std::function<void()> on_fire)
    : impl_(new Impl{new TimerFrame(
          TimerState{.loop = &loop.impl(), .on_fire = std::move(on_fire)})}) {
  NATKIT_CHECK(uv_timer_init(&loop.impl().loop, &impl_->frame->handle) == 0);
}

Timer::~Timer() {
  if (impl_ != nullptr) {
    impl_->frame->payload.loop->RemoveDue(impl_->frame);
    impl_->frame->Close();
    delete impl_;
  }
}

Timer::Timer(Timer&& other) noexcept
    : impl_(std::exchange(other.impl_, nullptr)) {}

Timer& Timer::operator=(Timer&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

void Timer::Arm(std::optional<Instant> deadline) {
  auto& [handle, state] = *impl_->frame;
  if (deadline == state.deadline) {
    return;
  }
  state.deadline = deadline;
  state.loop->RemoveDue(impl_->frame);
  if (!deadline) {
    uv_timer_stop(&handle);
    return;
  }
  // uv counts from its cached milliseconds, which share uv_hrtime's epoch.
  const auto at =
      std::chrono::ceil<std::chrono::milliseconds>(deadline->time_since_epoch())
          .count();
  const auto now = static_cast<int64_t>(uv_now(handle.loop));
  // uv runs due timers in a loop of its own: a handler that arms again for
  // "now" must not keep sockets from being served.
  const int64_t least = state.is_firing ? 1 : 0;
  uv_timer_start(&handle, Impl::OnDue,
                 static_cast<uint64_t>(std::max(at - now, least)), 0);
}

void Timer::Disarm() {
  Arm(std::nullopt);
}

std::optional<Instant> Timer::deadline() const {
  return impl_->frame->payload.deadline;
}

}  // namespace natkit::io
