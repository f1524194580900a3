#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace natkit::netsim::engine {

/// No element.
inline constexpr uint32_t kNone = UINT32_MAX;

/// Elements with stable addresses and small indices. A removed one's place is
/// used again, the latest first. T is default-constructible.
template <class T>
class Slab {
 public:
  /// A fresh T.
  [[nodiscard]] uint32_t Add() {
    ++size_;
    if (!free_.empty()) {
      const uint32_t index = free_.back();
      free_.pop_back();
      (*this)[index] = T{};
      return index;
    }
    if (used_ % kChunk == 0) {
      chunks_.push_back(std::make_unique<T[]>(kChunk));
    }
    return used_++;
  }

  void Remove(uint32_t index) {
    free_.push_back(index);
    --size_;
  }

  [[nodiscard]] T& operator[](uint32_t index) {
    return chunks_[index / kChunk][index % kChunk];
  }

  [[nodiscard]] const T& operator[](uint32_t index) const {
    return chunks_[index / kChunk][index % kChunk];
  }

  [[nodiscard]] size_t size() const { return size_; }

 private:
  static constexpr uint32_t kChunk = 256;

  std::vector<std::unique_ptr<T[]>> chunks_;
  std::vector<uint32_t> free_;
  uint32_t used_ = 0;
  size_t size_ = 0;
};

}  // namespace natkit::netsim::engine
