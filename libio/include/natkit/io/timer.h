#pragma once

#include <functional>
#include <optional>

#include "natkit/base/time.h"
#include "natkit/io/event_loop.h"

namespace natkit::io {

/// A one-shot timer that can be armed again at any time, also by its handler.
///
/// Fires at or up to about a millisecond after its deadline, never before it,
/// and after the sockets that are ready by then have been served.
class Timer {
 public:
  Timer(EventLoop& loop, std::function<void()> on_fire);
  ~Timer();
  Timer(Timer&& other) noexcept;
  Timer& operator=(Timer&& other) noexcept;

  /// Arms at `deadline` and replaces what was armed; a deadline that has
  /// passed fires in the next round. nullopt disarms, so that a core's
  /// NextTimeout() can be handed over as it is.
  void Arm(std::optional<Instant> deadline);
  void Disarm();

  /// What the timer is armed for, if it is.
  [[nodiscard]] std::optional<Instant> deadline() const;

  struct Impl;

 private:
  Impl* impl_;  // owned; freed by the loop after it has closed the handle
};

}  // namespace natkit::io
