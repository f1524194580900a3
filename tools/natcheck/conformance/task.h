#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace natkit::natcheck::conformance {

/// A step of a test that may wait for packets or time: a lazy coroutine. It
/// runs when it is awaited, and its awaiter goes on when it returns. Owned by
/// whoever has the Task; destroying it destroys all that it awaits.
template <class T>
class [[nodiscard]] Task;

namespace task_detail {

struct FinalAwaiter {
  [[nodiscard]] bool await_ready() const noexcept { return false; }

  template <class Promise>
  std::coroutine_handle<> await_suspend(
      std::coroutine_handle<Promise> self) const noexcept {
    const std::coroutine_handle<> next = self.promise().continuation;
    return next ? next : std::noop_coroutine();
  }

  void await_resume() const noexcept {}
};

struct PromiseBase {
  std::coroutine_handle<> continuation;

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept {
    return {};
  }

  [[nodiscard]] FinalAwaiter final_suspend() const noexcept { return {}; }

  void unhandled_exception() const noexcept { std::terminate(); }
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value;

  Task<T> get_return_object();

  void return_value(T result) { value = std::move(result); }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();

  void return_void() const noexcept {}
};

}  // namespace task_detail

template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = task_detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle handle) : handle_(handle) {}

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}

  Task& operator=(Task&&) = delete;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  ~Task() {
    if (handle_) {
      handle_.destroy();
    }
  }

  /// Runs it from outside of any coroutine, until it first waits.
  void Start() { handle_.resume(); }

  [[nodiscard]] bool is_done() const { return handle_.done(); }

  [[nodiscard]] bool await_ready() const noexcept { return false; }

  std::coroutine_handle<> await_suspend(
      std::coroutine_handle<> awaiter) noexcept {
    handle_.promise().continuation = awaiter;
    return handle_;
  }

  T await_resume() {
    if constexpr (!std::is_void_v<T>) {
      return std::move(*handle_.promise().value);
    }
  }

 private:
  Handle handle_;
};

namespace task_detail {

template <class T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}

inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

}  // namespace task_detail
}  // namespace natkit::natcheck::conformance
