#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace natkit::mesh {

/// "No element" where an index into a pool is meant.
inline constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

/// The neighbours of an element in one list.
struct Links {
  uint32_t prev = kNone;
  uint32_t next = kNone;
};

/// A doubly linked list of elements of a pool, by index; `kMember` are the
/// element's links. Never allocates, every operation is constant.
template <class Element, Links Element::* kMember>
class IndexList {
 public:
  using Pool = std::vector<Element>;

  [[nodiscard]] uint32_t front() const { return front_; }

  [[nodiscard]] bool is_empty() const { return front_ == kNone; }

  /// `index` is in no list of these links.
  void PushBack(Pool& pool, uint32_t index) {
    pool[index].*kMember = {.prev = back_, .next = kNone};
    (back_ == kNone ? front_ : (pool[back_].*kMember).next) = index;
    back_ = index;
  }

  /// `index` is in this list.
  void Remove(Pool& pool, uint32_t index) {
    const Links links = pool[index].*kMember;
    (links.prev == kNone ? front_ : (pool[links.prev].*kMember).next) =
        links.next;
    (links.next == kNone ? back_ : (pool[links.next].*kMember).prev) =
        links.prev;
    pool[index].*kMember = {};
  }

 private:
  uint32_t front_ = kNone;
  uint32_t back_ = kNone;
};

}  // namespace natkit::mesh
