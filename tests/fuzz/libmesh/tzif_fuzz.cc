// Compiled zones and POSIX rules: what is taken is valid, is the same when it
// is written and read again, and answers at any time within its bounds.

#include <cstdint>

#include "natkit/base/check.h"
#include "natkit/mesh/time_window.h"

namespace {

using natkit::mesh::NextTransition;
using natkit::mesh::OffsetAt;
using natkit::mesh::ZoneRules;

constexpr int64_t kFrom = 1'767'225'600;
constexpr int kSteps = 64;

void CheckTransitions(const ZoneRules& rules, int64_t time) {
  for (int i = 0; i < kSteps; ++i) {
    const auto next = NextTransition(rules, time);
    if (!next) {
      return;
    }
    NATKIT_CHECK(next->at > time);
    NATKIT_CHECK(OffsetAt(rules, next->at) == next->offset);
    NATKIT_CHECK(OffsetAt(rules, next->at - 1) == OffsetAt(rules, time));
    NATKIT_CHECK(OffsetAt(rules, next->at) != OffsetAt(rules, time));
    time = next->at;
  }
}

void CheckWindows(const ZoneRules& rules, const natkit::mesh::TimeWindow& w) {
  int64_t time = kFrom;
  for (int i = 0; i < kSteps; ++i) {
    const auto next = natkit::mesh::NextChange(w, rules, time);
    if (!next) {
      return;
    }
    NATKIT_CHECK(*next > time);
    NATKIT_CHECK(IsOpen(w, rules, *next) != IsOpen(w, rules, time));
    NATKIT_CHECK(IsOpen(w, rules, *next - 1) == IsOpen(w, rules, time));
    time = *next;
  }
}

void CheckRules(const ZoneRules& rules) {
  NATKIT_CHECK(IsValid(rules));
  const auto tail = natkit::mesh::ParsePosixZone(FormatPosixZone(rules.tail));
  NATKIT_CHECK(tail && tail->tail == rules.tail);
  CheckTransitions(rules, kFrom);
  CheckTransitions(rules, INT64_MIN);
  CheckWindows(
      rules, {.days = 0x15, .from_minute = 540, .to_minute = 1080, .zone = {}});
  CheckWindows(
      rules, {.days = 0x60, .from_minute = 1320, .to_minute = 150, .zone = {}});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const natkit::ByteView bytes{data, size};
  if (const auto rules = natkit::mesh::ParseTzif(bytes, kFrom)) {
    CheckRules(*rules);
  }
  if (const auto all = natkit::mesh::ParseTzif(bytes, INT64_MIN)) {
    CheckRules(*all);
  }
  if (const auto rules = natkit::mesh::ParsePosixZone(natkit::AsText(bytes))) {
    CheckRules(*rules);
  }
  return 0;
}
