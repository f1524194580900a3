#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

namespace natkit::nat {

/// Up to N values in place: what a hostile message fills without making us
/// allocate.
template <class T, size_t N>
class BoundedList {
 public:
  /// False, and nothing changes, when the list is full.
  bool Append(const T& value) {
    if (size_ == N) {
      return false;
    }
    items_[size_++] = value;
    return true;
  }

  [[nodiscard]] bool Contains(const T& value) const {
    return std::ranges::find(items(), value) != items().end();
  }

  [[nodiscard]] std::span<const T> items() const {
    return std::span(items_).first(size_);
  }

  [[nodiscard]] size_t size() const { return size_; }

  [[nodiscard]] bool is_empty() const { return size_ == 0; }

  bool operator==(const BoundedList& other) const {
    return std::ranges::equal(items(), other.items());
  }

 private:
  std::array<T, N> items_{};
  size_t size_ = 0;
};

}  // namespace natkit::nat
