#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "natkit/base/time.h"

namespace natkit::netsim {

struct Packet;

/// What happens at a moment.
enum class EventType : uint8_t {
  kAtNetwork,  ///< a packet has left its sender's cable; `target` is a port
  kArrival,    ///< a packet arrives at a port
  kCall,       ///< `target` is the number of a scheduled call
};

/// One future event.
struct QueuedEvent {
  Instant at;
  uint64_t order = 0;  ///< a running number, and the type in the low bits
  Packet* packet = nullptr;
  uint32_t target = 0;

  [[nodiscard]] EventType type() const {
    return static_cast<EventType>(order & 3);
  }

  [[nodiscard]] bool IsBefore(const QueuedEvent& other) const {
    return at != other.at ? at < other.at : order < other.order;
  }
};

/// Events by time; those of one moment in the order in which they were added.
/// A heap of four children per node: half the depth of a binary one, and the
/// children lie in two cache lines. Does not allocate below its high-water
/// mark.
class EventQueue {
 public:
  void Push(Instant at, EventType type, uint32_t target, Packet* packet) {
    const uint64_t order = (++sequence_ << 2) | static_cast<uint64_t>(type);
    heap_.push_back({});
    SiftUp(heap_.size() - 1,
           {.at = at, .order = order, .packet = packet, .target = target});
  }

  [[nodiscard]] bool is_empty() const { return heap_.empty(); }

  [[nodiscard]] size_t size() const { return heap_.size(); }

  /// When the next event is; Instant::max() if there is none.
  [[nodiscard]] Instant next() const {
    return heap_.empty() ? Instant::max() : heap_.front().at;
  }

  /// Takes the next event; there must be one.
  QueuedEvent Pop() {
    const QueuedEvent first = heap_.front();
    const QueuedEvent last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) {
      SiftDown(last);
    }
    return first;
  }

 private:
  static constexpr size_t kArity = 4;

  void SiftUp(size_t hole, const QueuedEvent& event) {
    while (hole > 0) {
      const size_t parent = (hole - 1) / kArity;
      if (!event.IsBefore(heap_[parent])) {
        break;
      }
      heap_[hole] = heap_[parent];
      hole = parent;
    }
    heap_[hole] = event;
  }

  void SiftDown(const QueuedEvent& event) {
    size_t hole = 0;
    while (true) {
      const size_t first = hole * kArity + 1;
      if (first >= heap_.size()) {
        break;
      }
      const size_t end = std::min(first + kArity, heap_.size());
      size_t best = first;
      for (size_t child = first + 1; child < end; ++child) {
        best = heap_[child].IsBefore(heap_[best]) ? child : best;
      }
      if (!heap_[best].IsBefore(event)) {
        break;
      }
      heap_[hole] = heap_[best];
      hole = best;
    }
    heap_[hole] = event;
  }

  std::vector<QueuedEvent> heap_;
  uint64_t sequence_ = 0;
};

}  // namespace natkit::netsim
