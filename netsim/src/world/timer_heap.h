#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "natkit/base/time.h"

namespace natkit::netsim {

/// One deadline for each of a number of timers, earliest first; those of one
/// moment by their number. Setting a deadline replaces the timer's last one, so
/// the heap never holds more than one entry per timer.
class TimerHeap {
 public:
  using TimerId = uint32_t;

  /// Makes one more timer, without a deadline.
  TimerId Add() {
    position_.push_back(kNone);
    return static_cast<TimerId>(position_.size() - 1);
  }

  /// nullopt: no deadline.
  void Set(TimerId id, std::optional<Instant> deadline) {
    const size_t at = position_[id];
    if (!deadline) {
      if (at != kNone) {
        Remove(at);
      }
    } else if (at == kNone) {
      heap_.push_back({*deadline, id});
      position_[id] = heap_.size() - 1;
      SiftUp(heap_.size() - 1);
    } else if (heap_[at].deadline != *deadline) {
      heap_[at].deadline = *deadline;
      SiftDown(SiftUp(at));
    }
  }

  /// The earliest deadline; Instant::max() if there is none.
  [[nodiscard]] Instant next() const {
    return heap_.empty() ? Instant::max() : heap_.front().deadline;
  }

  /// The timer with the earliest deadline; there must be one.
  [[nodiscard]] TimerId first() const { return heap_.front().id; }

 private:
  static constexpr size_t kNone = std::numeric_limits<size_t>::max();

  struct Entry {
    Instant deadline;
    TimerId id = 0;
    auto operator<=>(const Entry&) const = default;
  };

  void Remove(size_t at) {
    position_[heap_[at].id] = kNone;
    const Entry last = heap_.back();
    heap_.pop_back();
    if (at < heap_.size()) {
      Place(at, last);
      SiftDown(SiftUp(at));
    }
  }

  void Place(size_t at, const Entry& entry) {
    heap_[at] = entry;
    position_[entry.id] = at;
  }

  void Swap(size_t a, size_t b) {
    const Entry entry = heap_[a];
    Place(a, heap_[b]);
    Place(b, entry);
  }

  size_t SiftUp(size_t at) {
    while (at > 0 && heap_[at] < heap_[(at - 1) / 2]) {
      Swap(at, (at - 1) / 2);
      at = (at - 1) / 2;
    }
    return at;
  }

  void SiftDown(size_t at) {
    while (true) {
      size_t best = at;
      for (size_t child = at * 2 + 1; child <= at * 2 + 2; ++child) {
        if (child < heap_.size() && heap_[child] < heap_[best]) {
          best = child;
        }
      }
      if (best == at) {
        return;
      }
      Swap(at, best);
      at = best;
    }
  }

  std::vector<Entry> heap_;
  std::vector<size_t> position_;
};

}  // namespace natkit::netsim
