#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace natkit::netsim {

/// First in, first out, in one array whose size is a power of two. Does not
/// allocate below its high-water mark.
template <class T>
class Ring {
 public:
  [[nodiscard]] bool is_empty() const { return size_ == 0; }

  [[nodiscard]] size_t size() const { return size_; }

  /// There must be one.
  [[nodiscard]] const T& front() const { return items_[first_]; }

  void PushBack(const T& item) {
    if (size_ == items_.size()) {
      Grow();
    }
    items_[(first_ + size_) & (items_.size() - 1)] = item;
    ++size_;
  }

  /// There must be one.
  void PopFront() {
    first_ = (first_ + 1) & (items_.size() - 1);
    --size_;
  }

 private:
  static constexpr size_t kSmallest = 8;

  void Grow() {
    std::vector<T> grown(items_.empty() ? kSmallest : items_.size() * 2);
    for (size_t i = 0; i < size_; ++i) {
      grown[i] = items_[(first_ + i) & (items_.size() - 1)];
    }
    items_ = std::move(grown);
    first_ = 0;
  }

  std::vector<T> items_;
  size_t first_ = 0;
  size_t size_ = 0;
};

}  // namespace natkit::netsim
