#include "policy/availability.h"

namespace natkit::mesh::policy {

void Availability::Add(const std::vector<TimeWindow>& windows) {
  if (windows.empty()) {
    is_always_ = true;
  }
  for (const TimeWindow& window : windows) {
    if (!is_always_) {
      AddWindow(window);
    }
  }
  if (is_always_) {
    minutes_.clear();
  }
}

void Availability::AddWindow(const TimeWindow& window) {
  constexpr size_t kDay = size_t{24} * 60;
  size_t length = window.to_minute + kDay - window.from_minute;
  if (window.to_minute > window.from_minute) {
    length -= kDay;
  }
  auto& open = minutes_[window.zone];
  for (size_t day = 0; day < 7; ++day) {
    if (((window.days >> day) & 1U) == 0) {
      continue;
    }
    for (size_t minute = 0; minute < length; ++minute) {
      open.set((day * kDay + window.from_minute + minute) % kMinutesOfWeek);
    }
  }
  is_always_ = open.all();
}

}  // namespace natkit::mesh::policy
