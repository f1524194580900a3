#include "natkit/mesh/time_window.h"

#include <gtest/gtest.h>

#include <chrono>

namespace natkit::mesh {
namespace {

constexpr uint8_t kMonday = 1;
constexpr uint8_t kWorkdays = 0x1f;
constexpr uint8_t kSunday = 0x40;
constexpr uint8_t kAllDays = 0x7f;

ZoneRules Rules(std::string_view text) {
  return ParsePosixZone(text).value();
}

const ZoneRules kBerlin = Rules("CET-1CEST,M3.5.0,M10.5.0/3");

int64_t Utc(int year, unsigned month, unsigned day, int hour = 0,
            int minute = 0) {
  const std::chrono::sys_days date{std::chrono::year{year} /
                                   std::chrono::month{month} /
                                   std::chrono::day{day}};
  return (date.time_since_epoch().count() * int64_t{24} + hour) * 3600 +
         minute * 60;
}

TimeWindow Window(uint8_t days, int from, int to) {
  return {.days = days,
          .from_minute = static_cast<uint16_t>(from),
          .to_minute = static_cast<uint16_t>(to),
          .zone = {}};
}

constexpr int At(int hour, int minute = 0) {
  return hour * 60 + minute;
}

// IsOpen every five minutes says when it changes next; NextChange has to agree.
void ExpectChangesAgree(const TimeWindow& window, const ZoneRules& rules,
                        int64_t from, int days) {
  int64_t next = NextChange(window, rules, from).value();
  bool was_open = IsOpen(window, rules, from);
  for (int64_t time = from + 300; time < from + days * int64_t{86'400};
       time += 300) {
    const bool is_open = IsOpen(window, rules, time);
    ASSERT_EQ(is_open != was_open, time == next) << time;
    if (time == next) {
      next = NextChange(window, rules, time).value();
    }
    was_open = is_open;
  }
}

TEST(TimeWindow, OfficeHoursFollowTheWallClock) {
  const auto window = Window(kWorkdays, At(9), At(18));
  // Monday, 2026-11-23; Berlin is UTC+1.
  EXPECT_FALSE(IsOpen(window, kBerlin, Utc(2026, 11, 23, 8) - 1));
  EXPECT_TRUE(IsOpen(window, kBerlin, Utc(2026, 11, 23, 8)));
  EXPECT_TRUE(IsOpen(window, kBerlin, Utc(2026, 11, 23, 17) - 1));
  EXPECT_FALSE(IsOpen(window, kBerlin, Utc(2026, 11, 23, 17)));
  // Wednesday, 2026-07-01: UTC+2.
  EXPECT_TRUE(IsOpen(window, kBerlin, Utc(2026, 7, 1, 7)));
  EXPECT_FALSE(IsOpen(window, kBerlin, Utc(2026, 7, 1, 16)));
  // Saturday and Sunday.
  EXPECT_FALSE(IsOpen(window, kBerlin, Utc(2026, 11, 21, 12)));
  EXPECT_FALSE(IsOpen(window, kBerlin, Utc(2026, 11, 22, 12)));
}

TEST(TimeWindow, DayIsTheLocalOne) {
  const auto window = Window(kMonday, 0, 1440);
  const auto tonga = Rules("<+13>-13");
  EXPECT_FALSE(IsOpen(window, tonga, Utc(2026, 11, 22, 11) - 1));
  EXPECT_TRUE(IsOpen(window, tonga, Utc(2026, 11, 22, 11)));  // Sunday in UTC
  EXPECT_TRUE(IsOpen(window, tonga, Utc(2026, 11, 23, 11) - 1));
  EXPECT_FALSE(IsOpen(window, tonga, Utc(2026, 11, 23, 11)));
}

TEST(TimeWindow, NightBelongsToTheDayItBegan) {
  const auto window = Window(kSunday, At(22), At(6));
  const auto utc = FixedZone(0);
  EXPECT_FALSE(IsOpen(window, utc, Utc(2026, 11, 22, 5)));  // Sunday morning
  EXPECT_FALSE(IsOpen(window, utc, Utc(2026, 11, 22, 22) - 1));
  EXPECT_TRUE(IsOpen(window, utc, Utc(2026, 11, 22, 22)));
  EXPECT_TRUE(IsOpen(window, utc, Utc(2026, 11, 23, 6) - 1));
  EXPECT_FALSE(IsOpen(window, utc, Utc(2026, 11, 23, 6)));
  EXPECT_FALSE(IsOpen(window, utc, Utc(2026, 11, 23, 22)));
}

TEST(TimeWindow, EqualEndsAreTwentyFourHours) {
  const auto window = Window(kMonday, At(9), At(9));
  const auto utc = FixedZone(0);
  EXPECT_FALSE(IsOpen(window, utc, Utc(2026, 11, 23, 9) - 1));
  EXPECT_TRUE(IsOpen(window, utc, Utc(2026, 11, 23, 9)));
  EXPECT_TRUE(IsOpen(window, utc, Utc(2026, 11, 24, 9) - 1));
  EXPECT_FALSE(IsOpen(window, utc, Utc(2026, 11, 24, 9)));
}

TEST(TimeWindow, SkippedHoursDoNotExist) {
  // 2026-03-29, 02:00 to 03:00 is skipped in Berlin, at 01:00 UTC.
  const auto inside = Window(kSunday, At(2), At(3));
  const auto across = Window(kSunday, At(2, 30), At(4));
  EXPECT_FALSE(IsOpen(inside, kBerlin, Utc(2026, 3, 29, 1) - 1));
  EXPECT_FALSE(IsOpen(inside, kBerlin, Utc(2026, 3, 29, 1)));
  EXPECT_FALSE(IsOpen(across, kBerlin, Utc(2026, 3, 29, 1) - 1));
  EXPECT_TRUE(IsOpen(across, kBerlin, Utc(2026, 3, 29, 1)));
  EXPECT_FALSE(IsOpen(across, kBerlin, Utc(2026, 3, 29, 2)));
  // The window inside opens a week later.
  EXPECT_EQ(NextChange(inside, kBerlin, Utc(2026, 3, 23)), Utc(2026, 4, 5, 0));
}

TEST(TimeWindow, RepeatedHoursCountTwice) {
  // 2026-10-25, 02:00 to 03:00 comes twice in Berlin, from 00:00 UTC.
  const auto window = Window(kSunday, At(2, 30), At(2, 45));
  const int64_t first = Utc(2026, 10, 25, 0, 30);
  EXPECT_EQ(NextChange(window, kBerlin, Utc(2026, 10, 24)), first);
  EXPECT_EQ(NextChange(window, kBerlin, first), first + 900);
  EXPECT_EQ(NextChange(window, kBerlin, first + 900), first + 3600);
  EXPECT_EQ(NextChange(window, kBerlin, first + 3600), first + 4500);
}

TEST(TimeWindow, NextChangeAgreesWithIsOpen) {
  const auto lord_howe = Rules("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0");
  const auto dublin = Rules("IST-1GMT0,M10.5.0,M3.5.0/1");
  const auto newfoundland = Rules("NST3:30NDT,M3.2.0,M11.1.0");
  for (const auto& rules : {kBerlin, lord_howe, dublin, newfoundland}) {
    for (const auto& window :
         {Window(kWorkdays, At(9), At(18)), Window(kSunday, At(1), At(3)),
          Window(kAllDays, At(23, 30), At(2, 15)), Window(kSunday, 0, 0)}) {
      ExpectChangesAgree(window, rules, Utc(2026, 3, 1), 45);
      ExpectChangesAgree(window, rules, Utc(2026, 9, 28), 45);
    }
  }
}

TEST(TimeWindow, AlwaysOpenNeverChanges) {
  EXPECT_EQ(NextChange(Window(kAllDays, 0, 1440), kBerlin, Utc(2026, 1, 1)),
            std::nullopt);
  EXPECT_TRUE(IsOpen(Window(kAllDays, 0, 0), kBerlin, Utc(2026, 1, 1)));
}

TEST(TimeWindow, OneThatIsNotValidIsNeverOpen) {
  for (const auto& window :
       {Window(0, 0, 1440), Window(0x80, 0, 1440), Window(kAllDays, 1440, 0),
        Window(kAllDays, 0, 1441)}) {
    EXPECT_FALSE(IsValid(window));
    EXPECT_FALSE(IsOpen(window, kBerlin, Utc(2026, 11, 23, 12)));
    EXPECT_EQ(NextChange(window, kBerlin, 0), std::nullopt);
  }
}

TEST(TimeWindow, WithoutRulesItIsNeverOpen) {
  ZonedWindow zoned{.window = Window(kAllDays, 0, 1440), .rules = nullptr};
  EXPECT_FALSE(IsOpen(zoned, Utc(2026, 11, 23, 12)));
  EXPECT_EQ(NextChange(zoned, 0), std::nullopt);
  zoned.rules = std::make_shared<const ZoneRules>(kBerlin);
  EXPECT_TRUE(IsOpen(zoned, Utc(2026, 11, 23, 12)));
}

TEST(TimeWindow, HostileRulesEnd) {
  ZoneRules rules = FixedZone(0);
  for (int i = 0; i < 1000; ++i) {
    rules.transitions.push_back(
        {.at = Utc(2026, 1, 1) - i, .offset = (i % 2) * 7200});
  }
  // Not in order: any answer will do, but there has to be one.
  (void)NextChange(Window(kMonday, At(9), At(10)), rules,
                   Utc(2026, 1, 1) - 500);
  const auto at_the_end =
      NextChange(Window(kMonday, At(9), At(10)), rules, INT64_MAX);
  EXPECT_EQ(at_the_end, std::nullopt);
}

}  // namespace
}  // namespace natkit::mesh
