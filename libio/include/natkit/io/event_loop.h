#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "natkit/base/result.h"
#include "natkit/base/time.h"

struct uv_loop_s;

namespace natkit::io {

/// A point on the wall clock, counted from the Unix epoch.
using UnixTime = std::chrono::sys_time<Duration>;

/// One libuv loop: the thread that calls Run() is the only one that may touch
/// the loop and everything made on it. Other threads reach it by Post() alone.
///
/// Sockets, timers and devices must die before their loop; that is checked.
/// They may be destroyed inside their own handlers.
class EventLoop {
 public:
  /// Needs a few descriptors; without them the process ends.
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Whether the system has the descriptors that a loop needs: to be asked
  /// before making one where their lack must not end the process. Thread-safe.
  /// Errors: kLimitExceeded, kIo.
  [[nodiscard]] static Result<void> CheckDescriptors();

  /// Serves handlers until Stop(). Not reentrant: never call it in a handler.
  void Run();

  /// Makes Run() return after the current handler. Loop thread only; from
  /// another thread, Post() it.
  void Stop();

  /// Serves handlers until `done` returns true (checked after every round of
  /// events) or `limit` has passed. Returns the last value of `done`.
  bool RunUntil(const std::function<bool()>& done, Duration limit);

  // For a loop inside another program's loop: it waits until descriptor() is
  // readable or NextTimeout() has come, and calls RunReady().

  /// Serves handlers that are due, without waiting. Not reentrant.
  void RunReady();

  /// Readable when there may be something to serve; for poll() and its like,
  /// never to be read from.
  [[nodiscard]] int descriptor() const;

  /// True if descriptor() is readable: RunReady() leaves some for its next call
  /// where there is much.
  [[nodiscard]] bool HasReady() const;

  /// When to call RunReady() at the latest; nullopt: only descriptor() matters.
  /// It is due at once after a call that wants something new of the loop.
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  /// Runs `task` on the loop's thread in a later round. Thread-safe. Tasks run
  /// in the order of their posting; those left at destruction do not run.
  void Post(std::function<void()> task);

  /// The monotonic clock, read at the call (not cached). Thread-safe.
  [[nodiscard]] static Instant Now();

  /// How long this host has slept since it started, while Now() stood still.
  /// Thread-safe.
  [[nodiscard]] static Duration TimeAsleep();

  /// The wall clock. Thread-safe.
  [[nodiscard]] static UnixTime UnixNow();

  struct Impl;

  /// For libio's own sources.
  [[nodiscard]] Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace natkit::io
