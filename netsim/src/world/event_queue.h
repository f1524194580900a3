#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "natkit/base/time.h"
#include "ring.h"

namespace natkit::netsim {

struct Packet;

/// What happens at a moment.
enum class EventType : uint8_t {
  kAtNetwork,  ///< a packet has left its sender's cable; `target` is a port
  kArrival,    ///< a packet arrives at a port
  kCall,       ///< `target` is the number of a scheduled call
};

/// The number of a lane of an EventQueue.
using LaneId = uint32_t;

inline constexpr LaneId kNoLane = std::numeric_limits<LaneId>::max();

/// One future event.
struct QueuedEvent {
  Instant at;
  uint64_t order = 0;  ///< a running number, and the type in the low bits
  Packet* packet = nullptr;
  uint32_t target = 0;
  LaneId lane = kNoLane;

  [[nodiscard]] EventType type() const {
    return static_cast<EventType>(order & 3);
  }

  [[nodiscard]] bool IsBefore(const QueuedEvent& other) const {
    return at != other.at ? at < other.at : order < other.order;
  }
};

/// Events by time; those of one moment in the order in which they were added.
///
/// Most events come in order from few sources: what a link has delivered stays
/// in order. Such a source has a lane, a queue of its own, and only the first
/// of each lane is in the heap; so the heap is small, however many packets are
/// under way. The heap has four children per node: half the depth of a binary
/// one. Does not allocate below its high-water mark.
class EventQueue {
 public:
  [[nodiscard]] LaneId AddLane() {
    lanes_.emplace_back();
    return static_cast<LaneId>(lanes_.size() - 1);
  }

  void Push(Instant at, EventType type, uint32_t target, Packet* packet) {
    PushToHeap(MakeEvent(at, type, target, packet));
  }

  /// The same; cheaper if `at` is no earlier than what was last put there.
  void PushInLane(LaneId id, Instant at, EventType type, uint32_t target,
                  Packet* packet) {
    QueuedEvent event = MakeEvent(at, type, target, packet);
    Lane& lane = lanes_[id];
    if (lane.is_busy && at < lane.latest) {
      PushToHeap(event);
      return;
    }
    event.lane = id;
    lane.latest = at;
    if (lane.is_busy) {
      lane.waiting.PushBack(event);
    } else {
      lane.is_busy = true;
      PushToHeap(event);
    }
  }

  [[nodiscard]] bool is_empty() const { return heap_.empty(); }

  /// When the next event is; Instant::max() if there is none.
  [[nodiscard]] Instant next() const {
    return heap_.empty() ? Instant::max() : heap_.front().at;
  }

  /// The packet of the next event; nullptr if it has none or there is none.
  [[nodiscard]] const Packet* next_packet() const {
    return heap_.empty() ? nullptr : heap_.front().packet;
  }

  /// Takes the next event; there must be one.
  QueuedEvent Pop() {
    const QueuedEvent first = heap_.front();
    if (first.lane != kNoLane && !lanes_[first.lane].waiting.is_empty()) {
      Ring<QueuedEvent>& waiting = lanes_[first.lane].waiting;
      SiftDown(waiting.front());
      __builtin_prefetch(waiting.front().packet);  // soon looked at
      waiting.PopFront();
      return first;
    }
    if (first.lane != kNoLane) {
      lanes_[first.lane].is_busy = false;
    }
    const QueuedEvent last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) {
      SiftDown(last);
    }
    return first;
  }

 private:
  static constexpr size_t kArity = 4;

  struct Lane {
    Ring<QueuedEvent> waiting;        ///< behind the one in the heap
    Instant latest = Instant::min();  ///< when the last of them is
    bool is_busy = false;             ///< one is in the heap
  };

  QueuedEvent MakeEvent(Instant at, EventType type, uint32_t target,
                        Packet* packet) {
    const uint64_t order = (++sequence_ << 2) | static_cast<uint64_t>(type);
    return {.at = at, .order = order, .packet = packet, .target = target};
  }

  void PushToHeap(const QueuedEvent& event) {
    heap_.push_back({});
    SiftUp(heap_.size() - 1, event);
  }

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
  std::vector<Lane> lanes_;
  uint64_t sequence_ = 0;
};

}  // namespace natkit::netsim
