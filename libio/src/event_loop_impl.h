#pragma once

#include <uv.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/time.h"
#include "natkit/io/event_loop.h"

namespace natkit::io {

template <class Handle, class Payload>
struct UvFrame;

struct TimerState {
  EventLoop::Impl* loop;
  std::function<void()> on_fire;
  std::optional<Instant> deadline;
  bool is_firing = false;
};

using TimerFrame = UvFrame<uv_timer_t, TimerState>;

struct EventLoop::Impl {
  /// Big enough for a whole batch of the largest datagrams; its pages cost
  /// nothing until they are touched.
  static constexpr size_t kScratchSize = size_t{64} * 65536;

  uv_loop_t loop{};
  uv_async_t wake{};
  /// Both run while there are due timers: one keeps the round from waiting for
  /// sockets, the other comes after those that are ready.
  uv_idle_t hurry{};
  uv_check_t after_sockets{};
  std::deque<TimerFrame*> due;
  std::mutex mutex;
  std::vector<std::function<void()>> posted;   // guarded by mutex
  std::vector<std::function<void()>> running;  // swapped with `posted`
  std::unique_ptr<uint8_t[]> scratch;

  /// Receive buffer that all sockets of the loop share: its content is dead
  /// once a handler runs that may receive again.
  MutableBytes Scratch();
  void RunPosted();

  /// A timer's time has come. It fires once the sockets have been served: a
  /// process that was kept from running sees what arrived meanwhile before it
  /// is told that nothing did.
  void AddDue(TimerFrame* timer);
  void RemoveDue(const TimerFrame* timer);
  void FireDue();
};

/// Heap frame of one uv handle. uv needs the handle's memory until its close
/// callback, so the frame outlives its owner by one round of the loop. Payload
/// (a handler that may be running) stays alive for as long.
template <class Handle, class Payload>
struct UvFrame {
  Handle handle{};
  Payload payload;

  explicit UvFrame(Payload&& value) : payload(std::move(value)) {
    handle.data = this;
  }

  void Close() {
    uv_close(reinterpret_cast<uv_handle_t*>(&handle), [](uv_handle_t* dead) {
      delete static_cast<UvFrame*>(dead->data);
    });
  }

  [[nodiscard]] bool is_closing() const {
    return uv_is_closing(reinterpret_cast<const uv_handle_t*>(&handle)) != 0;
  }
};

}  // namespace natkit::io
