#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/intrusive_list.h"
#include "engine/slab.h"
#include "natkit/base/time.h"
#include "natkit/netsim/nat_config.h"

namespace natkit::netsim::engine {

/// `at + length` without overflow: a lifetime may be endless.
[[nodiscard]] inline Instant AddTime(Instant at, Duration length) {
  return length > Instant::max() - at ? Instant::max() : at + length;
}

/// The lifetimes that state can have.
enum class TimerClass : uint8_t {
  kUdpUnreplied,
  kUdpAssured,
  kIcmp,
  kTcpOpening,
  kTcpEstablished,
  kTcpClosing,
  kOther,    ///< protocols without ports
  kStopped,  ///< lives until something else removes it
};

inline constexpr size_t kTimerClasses = 7;

[[nodiscard]] inline Duration LifetimeOf(const NatTimeouts& timeouts,
                                         TimerClass timer) {
  switch (timer) {
    case TimerClass::kUdpUnreplied:
      return timeouts.udp_unreplied;
    case TimerClass::kUdpAssured:
      return timeouts.udp_assured;
    case TimerClass::kIcmp:
      return timeouts.icmp;
    case TimerClass::kTcpOpening:
      return timeouts.tcp_opening;
    case TimerClass::kTcpEstablished:
      return timeouts.tcp_established;
    case TimerClass::kTcpClosing:
      return timeouts.tcp_closing;
    case TimerClass::kOther:
      return timeouts.other;
    case TimerClass::kStopped:
      break;
  }
  return Duration::max();
}

/// What an element with a timer has as its member `timer`.
struct Timer {
  Instant expires = Instant::max();
  TimerClass timer_class = TimerClass::kStopped;
};

/// Expiry in O(1): all elements of one class live equally long and time never
/// goes back, so a list in the order of the last start is in the order of
/// expiry. T has the members `Timer timer` and `ListLinks timer_links`.
template <class T>
class TimerLists {
 public:
  TimerLists(Slab<T>& slab, const NatTimeouts& timeouts)
      : slab_(slab), timeouts_(timeouts) {}

  /// Starts, or starts anew; the returned instant is the first at which the
  /// element is gone.
  Instant Start(Instant now, uint32_t index, TimerClass timer_class) {
    Timer& timer = slab_[index].timer;
    List& list = ListOf(timer_class);
    if (timer.timer_class == timer_class) {
      list.MoveToBack(slab_, index);
    } else {
      Stop(index);
      list.PushBack(slab_, index);
    }
    timer.timer_class = timer_class;
    timer.expires = AddTime(now, LifetimeOf(timeouts_, timer_class));
    return timer.expires;
  }

  void Stop(uint32_t index) {
    Timer& timer = slab_[index].timer;
    if (timer.timer_class != TimerClass::kStopped) {
      ListOf(timer.timer_class).Remove(slab_, index);
    }
    timer = {};
  }

  /// An element whose time has come, or kNone. Stays there until stopped.
  [[nodiscard]] uint32_t FindExpired(Instant now) const {
    for (const List& list : lists_) {
      if (!list.is_empty() && slab_[list.head()].timer.expires <= now) {
        return list.head();
      }
    }
    return kNone;
  }

  /// Instant::max() if there is none.
  [[nodiscard]] Instant EarliestExpiry() const {
    Instant earliest = Instant::max();
    for (const List& list : lists_) {
      if (!list.is_empty()) {
        earliest = std::min(earliest, slab_[list.head()].timer.expires);
      }
    }
    return earliest;
  }

 private:
  using List = IntrusiveList<T, &T::timer_links>;

  List& ListOf(TimerClass timer_class) {
    return lists_[static_cast<size_t>(timer_class)];
  }

  Slab<T>& slab_;
  const NatTimeouts& timeouts_;
  std::array<List, kTimerClasses> lists_;
};

}  // namespace natkit::netsim::engine
