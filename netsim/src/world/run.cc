// Virtual time.

#include <algorithm>
#include <utility>

#include "natkit/base/check.h"
#include "world_impl.h"

namespace natkit::netsim {
namespace {

/// A deadline that stays in the past is a core that never comes to rest.
constexpr uint32_t kMaxTimeoutsAtOnce = 1'000'000;

}  // namespace

bool World::Impl::Run(Duration limit, const std::function<bool()>& is_done) {
  const Instant end = now_ + limit;
  is_stopped_ = false;
  RearmAll();
  while (!is_done || !is_done()) {
    const Instant next_event = queue_.next();
    const Instant next_timer = timers_.next();
    if (std::min(next_event, next_timer) > end) {
      now_ = std::max(now_, end);
      return false;
    }
    // Packets come first: what arrives at a deadline is in time.
    if (next_event <= next_timer) {
      now_ = std::max(now_, next_event);
      const QueuedEvent event = queue_.Pop();
      Prefetch(queue_.next_packet());
      HandleEvent(event);
    } else {
      now_ = std::max(now_, next_timer);
      FireTimer(timers_.first());
    }
    if (is_stopped_) {
      return true;
    }
  }
  return true;
}

void World::Impl::RearmAll() {
  for (ActorId id = 0; id < actors_.size(); ++id) {
    Rearm(id);
  }
  for (WorldBox& box : boxes_) {
    DrainBox(box);
  }
}

void World::Impl::HandleEvent(const QueuedEvent& event) {
  switch (event.type()) {
    case EventType::kAtNetwork:
      SendDown(event.target, event.packet);
      return;
    case EventType::kArrival:
      Arrive(event.target, event.packet);
      return;
    case EventType::kCall:
      const std::function<void()> call =
          std::exchange(calls_[event.target], {});
      free_calls_.push_back(event.target);
      call();
      RearmAll();
      return;
  }
}

void World::Impl::FireTimer(TimerHeap::TimerId timer) {
  fired_at_once_ = now_ == last_fired_ ? fired_at_once_ + 1 : 0;
  last_fired_ = now_;
  NATKIT_CHECK(fired_at_once_ < kMaxTimeoutsAtOnce);
  const TimerOwner owner = timer_owners_[timer];
  if (owner.is_box) {
    WorldBox& box = boxes_[owner.number];
    box.engine.HandleTimeout(now_);
    if (box.engine.external_address() != box.external.back()) {
      ClaimBoxAddresses(box);
    }
    DrainBox(box);
  } else {
    actors_[owner.number].actor->HandleTimeout(now_);
    Rearm(owner.number);
  }
}

void World::Impl::RearmBox(WorldBox& box) {
  timers_.Set(box.timer, box.engine.NextTimeout());
}

TimerHeap::TimerId World::Impl::AddTimer(bool is_box, uint32_t number) {
  timer_owners_.push_back({.is_box = is_box, .number = number});
  return timers_.Add();
}

}  // namespace natkit::netsim
