#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace natkit::mesh {

/// A set of small numbers, one bit each.
class SlotSet {
 public:
  void Insert(uint32_t slot) {
    const size_t word = slot / kBits;
    if (word >= words_.size()) {
      words_.resize(word + 1);
    }
    words_[word] |= Bit(slot);
  }

  void Erase(uint32_t slot) {
    if (slot / kBits < words_.size()) {
      words_[slot / kBits] &= ~Bit(slot);
    }
  }

  [[nodiscard]] bool Contains(uint32_t slot) const {
    return slot / kBits < words_.size() &&
           (words_[slot / kBits] & Bit(slot)) != 0;
  }

  SlotSet& operator|=(const SlotSet& other) {
    Widen(other);
    for (size_t i = 0; i < other.words_.size(); ++i) {
      words_[i] |= other.words_[i];
    }
    return *this;
  }

  /// Those in one of the two.
  SlotSet& operator^=(const SlotSet& other) {
    Widen(other);
    for (size_t i = 0; i < other.words_.size(); ++i) {
      words_[i] ^= other.words_[i];
    }
    return *this;
  }

  SlotSet& operator&=(const SlotSet& other) {
    for (size_t i = 0; i < words_.size(); ++i) {
      words_[i] &= i < other.words_.size() ? other.words_[i] : 0;
    }
    return *this;
  }

  /// In ascending order.
  template <class Visit>
  void ForEach(Visit visit) const {
    for (size_t i = 0; i < words_.size(); ++i) {
      for (uint64_t rest = words_[i]; rest != 0; rest &= rest - 1) {
        visit(static_cast<uint32_t>(i * kBits) +
              static_cast<uint32_t>(std::countr_zero(rest)));
      }
    }
  }

  [[nodiscard]] bool is_empty() const {
    for (const uint64_t word : words_) {
      if (word != 0) {
        return false;
      }
    }
    return true;
  }

 private:
  static constexpr uint32_t kBits = 64;

  static uint64_t Bit(uint32_t slot) { return uint64_t{1} << (slot % kBits); }

  void Widen(const SlotSet& other) {
    if (words_.size() < other.words_.size()) {
      words_.resize(other.words_.size());
    }
  }

  std::vector<uint64_t> words_;
};

}  // namespace natkit::mesh
