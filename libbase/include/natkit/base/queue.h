#pragma once

#include <deque>
#include <optional>
#include <utility>

namespace natkit {

/// Removes the oldest element and returns it; nullopt: there is none.
template <class T>
[[nodiscard]] std::optional<T> TakeFront(std::deque<T>& queue) {
  if (queue.empty()) {
    return std::nullopt;
  }
  std::optional<T> front(std::move(queue.front()));
  queue.pop_front();
  return front;
}

}  // namespace natkit
