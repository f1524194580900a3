#pragma once

#include <cstdint>

#include "engine/slab.h"

namespace natkit::netsim::engine {

/// Where an element stands in one list.
struct ListLinks {
  uint32_t previous = kNone;
  uint32_t next = kNone;
};

/// A doubly linked list through the elements of a slab; the slab is given to
/// each call, so that a list can live inside an element of another slab.
template <class T, ListLinks T::* kLinks>
class IntrusiveList {
 public:
  void PushBack(Slab<T>& slab, uint32_t index) {
    slab[index].*kLinks = {tail_, kNone};
    (tail_ == kNone ? head_ : (slab[tail_].*kLinks).next) = index;
    tail_ = index;
  }

  void PushFront(Slab<T>& slab, uint32_t index) {
    slab[index].*kLinks = {kNone, head_};
    (head_ == kNone ? tail_ : (slab[head_].*kLinks).previous) = index;
    head_ = index;
  }

  void Remove(Slab<T>& slab, uint32_t index) {
    const ListLinks links = slab[index].*kLinks;
    (links.previous == kNone ? head_ : (slab[links.previous].*kLinks).next) =
        links.next;
    (links.next == kNone ? tail_ : (slab[links.next].*kLinks).previous) =
        links.previous;
    slab[index].*kLinks = {};
  }

  void MoveToBack(Slab<T>& slab, uint32_t index) {
    if (tail_ != index) {
      Remove(slab, index);
      PushBack(slab, index);
    }
  }

  [[nodiscard]] uint32_t head() const { return head_; }

  [[nodiscard]] bool is_empty() const { return head_ == kNone; }

  /// The element after this one, or kNone.
  [[nodiscard]] static uint32_t Next(const Slab<T>& slab, uint32_t index) {
    return (slab[index].*kLinks).next;
  }

 private:
  uint32_t head_ = kNone;
  uint32_t tail_ = kNone;
};

}  // namespace natkit::netsim::engine
