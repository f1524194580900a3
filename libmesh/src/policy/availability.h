#pragma once

#include <bitset>
#include <map>
#include <string>
#include <vector>

#include "natkit/mesh/policy/policy.h"

namespace natkit::mesh::policy {

inline constexpr size_t kMinutesOfWeek = size_t{7} * 24 * 60;

/// At which times something is open: always, or some minutes of the week by the
/// wall clock of some zones. Two are equal if they are open at the same times,
/// zone by zone.
class Availability {
 public:
  [[nodiscard]] bool is_never() const {
    return !is_always_ && minutes_.empty();
  }

  /// Adds the times of a rule: its windows, or always if it has none.
  void Add(const std::vector<TimeWindow>& windows);

  bool operator==(const Availability&) const = default;

 private:
  void AddWindow(const TimeWindow& window);

  bool is_always_ = false;
  std::map<std::string, std::bitset<kMinutesOfWeek>> minutes_;
};

}  // namespace natkit::mesh::policy
