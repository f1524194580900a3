#pragma once

#include <coroutine>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

namespace natkit::nat::behavior {

/// What several tasks that run side by side share: who waits for all of them.
struct Join {
  size_t left = 0;
  std::coroutine_handle<> waiter;
};

/// What a task knows besides its result.
struct TaskPromiseBase {
  std::coroutine_handle<> continuation = std::noop_coroutine();
  Join* join = nullptr;

  struct FinalAwaiter {
    [[nodiscard]] bool await_ready() const noexcept { return false; }

    template <class Promise>
    [[nodiscard]] std::coroutine_handle<> await_suspend(
        std::coroutine_handle<Promise> done) const noexcept {
      const TaskPromiseBase& promise = done.promise();
      if (promise.join == nullptr) {
        return promise.continuation;
      }
      --promise.join->left;
      if (promise.join->left > 0) {
        return std::noop_coroutine();
      }
      return promise.join->waiter;
    }

    void await_resume() const noexcept {}
  };

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept {
    return {};
  }

  [[nodiscard]] FinalAwaiter final_suspend() const noexcept { return {}; }

  [[noreturn]] void unhandled_exception() const noexcept { std::abort(); }
};

template <class T>
struct TaskPromise : TaskPromiseBase {
  std::optional<T> result;

  template <class U>
  void return_value(U&& value) {
    result.emplace(std::forward<U>(value));
  }

  T Take() { return std::move(*result); }
};

template <>
struct TaskPromise<void> : TaskPromiseBase {
  void return_void() const noexcept {}

  void Take() const noexcept {}
};

/// A test, or a part of one, that reads as a sequence although it waits for
/// datagrams and time: a coroutine. It starts when it is awaited or started,
/// and is destroyed, wherever it stands, with its Task.
///
/// Coroutines take their arguments by value and are only awaited as named
/// locals: an argument or a Task that is a temporary of the awaiting
/// expression is mishandled by g++ 12.
template <class T = void>
class [[nodiscard]] Task {
 public:
  struct promise_type : TaskPromise<T> {
    Task get_return_object() {
      return Task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
  };

  Task(Task&& other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)) {}

  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }

  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  ~Task() {
    if (handle_) {
      handle_.destroy();
    }
  }

  /// Runs it until it waits for the first time. For tasks nobody awaits.
  void Start() { handle_.resume(); }

  void StartJoined(Join& join) {
    handle_.promise().join = &join;
    handle_.resume();
  }

  [[nodiscard]] bool is_done() const { return handle_.done(); }

  [[nodiscard]] bool await_ready() const noexcept { return false; }

  [[nodiscard]] std::coroutine_handle<> await_suspend(
      std::coroutine_handle<> awaiting) noexcept {
    handle_.promise().continuation = awaiting;
    return handle_;
  }

  T await_resume() { return handle_.promise().Take(); }

 private:
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}

  std::coroutine_handle<promise_type> handle_;
};

/// Awaitable: starts all of `tasks`, which must outlive it, and waits for the
/// last one.
class WhenAll {
 public:
  explicit WhenAll(std::vector<Task<>>& tasks) : tasks_(tasks) {}

  [[nodiscard]] bool await_ready() const noexcept { return tasks_.empty(); }

  /// False: all of them ended at once.
  bool await_suspend(std::coroutine_handle<> awaiting) {
    join_ = {.left = tasks_.size() + 1, .waiter = awaiting};
    for (Task<>& task : tasks_) {
      task.StartJoined(join_);
    }
    --join_.left;
    return join_.left > 0;
  }

  void await_resume() const noexcept {}

 private:
  std::vector<Task<>>& tasks_;
  Join join_;
};

}  // namespace natkit::nat::behavior
