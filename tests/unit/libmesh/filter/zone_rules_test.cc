#include "natkit/mesh/zone_rules.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "hex.h"

namespace natkit::mesh {
namespace {

constexpr int64_t k2026 = 1'767'225'600;
constexpr int64_t k2041 = 2'240'611'200;

// One zone of tests/vectors/zone_offsets.txt, which Python's zoneinfo computes.
struct ZoneVector {
  std::string name;
  std::vector<uint8_t> tzif;
  std::vector<ZoneTransition> changes;
  std::vector<ZoneTransition> samples;
};

std::vector<ZoneVector> ReadVectors() {
  std::ifstream file(NATKIT_SOURCE_DIR "/tests/vectors/zone_offsets.txt");
  std::vector<ZoneVector> zones;
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string kind;
    words >> kind;
    if (kind == "zone") {
      words >> zones.emplace_back().name;
    } else if (kind == "tzif") {
      std::string digits;
      words >> digits;
      zones.back().tzif = testing::Hex(digits);
    } else if (kind == "change" || kind == "at") {
      ZoneTransition value;
      words >> value.at >> value.offset;
      auto& zone = zones.back();
      (kind == "at" ? zone.samples : zone.changes).push_back(value);
    }
  }
  return zones;
}

std::vector<ZoneTransition> ChangesOf(const ZoneRules& rules) {
  std::vector<ZoneTransition> changes;
  int64_t time = k2026;
  while (const auto next = NextTransition(rules, time)) {
    if (next->at >= k2041) {
      break;
    }
    changes.push_back(*next);
    time = next->at;
  }
  return changes;
}

PosixZone Zone(std::string_view text) {
  const auto rules = ParsePosixZone(text);
  EXPECT_TRUE(rules) << text;
  return rules ? rules->tail : PosixZone{};
}

Error ErrorOf(std::string_view text) {
  const auto rules = ParsePosixZone(text);
  EXPECT_FALSE(rules) << text;
  return rules ? Error{} : rules.error();
}

TEST(ZoneRules, CompiledZonesAgreeWithAnotherImplementation) {
  const auto zones = ReadVectors();
  ASSERT_EQ(zones.size(), 8u);
  for (const auto& zone : zones) {
    SCOPED_TRACE(zone.name);
    const auto rules = ParseTzif(zone.tzif, k2026);
    ASSERT_TRUE(rules);
    EXPECT_TRUE(IsValid(*rules));
    EXPECT_EQ(ChangesOf(*rules), zone.changes);
    for (const auto& sample : zone.samples) {
      EXPECT_EQ(OffsetAt(*rules, sample.at), sample.offset) << sample.at;
    }
    for (const auto& change : zone.changes) {
      EXPECT_EQ(OffsetAt(*rules, change.at), change.offset);
      EXPECT_NE(OffsetAt(*rules, change.at - 1), change.offset);
    }
  }
}

TEST(ZoneRules, KeepOnlyTransitionsThatAreToCome) {
  for (const auto& zone : ReadVectors()) {
    SCOPED_TRACE(zone.name);
    const auto all = ParseTzif(zone.tzif, 0);
    const auto later = ParseTzif(zone.tzif, k2026);
    ASSERT_TRUE(all && later);
    for (const auto& transition : later->transitions) {
      EXPECT_GT(transition.at, k2026);
    }
    for (int64_t time = k2026; time < k2041; time += 1'000'003) {
      ASSERT_EQ(OffsetAt(*all, time), OffsetAt(*later, time)) << time;
    }
  }
}

TEST(ZoneRules, EveryCutOfAFileIsRefused) {
  const auto zones = ReadVectors();
  for (const auto& zone : {zones.at(0), zones.at(1)}) {
    for (size_t size = 0; size < zone.tzif.size(); ++size) {
      ASSERT_FALSE(ParseTzif(ByteView(zone.tzif).first(size), k2026)) << size;
    }
    auto longer = zone.tzif;
    longer.push_back('\n');
    EXPECT_EQ(ParseTzif(longer, k2026).error().code, Errc::kBadLength);
  }
}

// RFC 9636, appendix B.1 without its leap seconds: a version 1 file, and the
// same with transitions.
std::vector<uint8_t> Version1(std::string_view body) {
  std::string text = "545a6966 00 000000000000000000000000000000";
  return testing::Hex(text + std::string(body));
}

constexpr std::string_view kTwoTypes =
    // isut, isstd, leap, time, type, char
    "00000000 00000000 00000000 00000002 00000002 00000008"
    // at 1000: type 1; at 2000: type 0
    "000003e8 000007d0 01 00"
    "00000e10 00 00 00001c20 01 04"
    "41414100 42424200";

TEST(ZoneRules, Version1EndsWithItsLastOffset) {
  const auto rules = ParseTzif(Version1(kTwoTypes), 0);
  ASSERT_TRUE(rules);
  EXPECT_EQ(OffsetAt(*rules, 999), 3600);
  EXPECT_EQ(OffsetAt(*rules, 1000), 7200);
  EXPECT_EQ(OffsetAt(*rules, 2000), 3600);
  EXPECT_EQ(OffsetAt(*rules, k2041), 3600);
  EXPECT_EQ(NextTransition(*rules, 0), (ZoneTransition{1000, 7200}));
  EXPECT_EQ(NextTransition(*rules, 1000), (ZoneTransition{2000, 3600}));
  EXPECT_EQ(NextTransition(*rules, 2000), std::nullopt);
}

TEST(ZoneRules, BadFilesAreRefused) {
  auto file = Version1(kTwoTypes);
  file[44 + 8] = 2;  // a type that is not there
  EXPECT_EQ(ParseTzif(file, 0).error().code, Errc::kBadValue);

  file = Version1(kTwoTypes);
  file[44 + 3] = 0xd0;
  file[44 + 2] = 0x07;  // both at 2000
  EXPECT_EQ(ParseTzif(file, 0).error().code, Errc::kBadValue);

  file = Version1(kTwoTypes);
  file[44 + 10] = 0x7f;  // an offset of 68 years
  EXPECT_EQ(ParseTzif(file, 0).error().code, Errc::kBadValue);

  file = Version1(kTwoTypes);
  file[31] = 1;  // leap seconds
  EXPECT_EQ(ParseTzif(file, 0).error().code, Errc::kUnsupported);

  file = Version1(kTwoTypes);
  file[4] = '9';
  EXPECT_EQ(ParseTzif(file, 0).error().code, Errc::kUnsupported);

  file = Version1(kTwoTypes);
  file[32] = 0xff;  // 4 billion transitions
  EXPECT_EQ(ParseTzif(file, 0).error().code, Errc::kTruncated);

  file = Version1(kTwoTypes);
  file[0] = 'X';
  EXPECT_EQ(ParseTzif(file, 0).error().code, Errc::kBadValue);

  EXPECT_EQ(ParseTzif(std::vector<uint8_t>(kMaxTzifSize + 1), 0).error().code,
            Errc::kLimitExceeded);
}

TEST(ZoneRules, PosixRulesAreRead) {
  EXPECT_EQ(Zone("UTC"), PosixZone{});
  EXPECT_EQ(Zone("UTC0"), PosixZone{});
  EXPECT_EQ(Zone("<+0530>-5:30").offset, 19'800);
  EXPECT_EQ(Zone("NST3:30:15").offset, -12'615);
  const auto berlin = Zone("CET-1CEST,M3.5.0,M10.5.0/3");
  EXPECT_EQ(berlin.offset, 3600);
  ASSERT_TRUE(berlin.daylight);
  EXPECT_EQ(berlin.daylight->offset, 7200);
  EXPECT_EQ(berlin.daylight->begin,
            (ZoneDate{ZoneDayKind::kMonthWeekDay, 3, 5, 0, 7200}));
  EXPECT_EQ(berlin.daylight->end,
            (ZoneDate{ZoneDayKind::kMonthWeekDay, 10, 5, 0, 10'800}));
  const auto days = Zone("AAA3BBB2:30,J60/-1,365/167:59:59");
  EXPECT_EQ(days.daylight->begin,
            (ZoneDate{ZoneDayKind::kJulian, 0, 0, 60, -3600}));
  EXPECT_EQ(days.daylight->end,
            (ZoneDate{ZoneDayKind::kZeroBased, 0, 0, 365, 604'799}));
}

TEST(ZoneRules, WrongPosixRulesNameTheCharacter) {
  EXPECT_EQ(ErrorOf(""), (Error{Errc::kBadValue, 0}));
  EXPECT_EQ(ErrorOf("CE-1"), (Error{Errc::kBadValue, 2}));
  EXPECT_EQ(ErrorOf("CET"), (Error{Errc::kBadValue, 3}));
  EXPECT_EQ(ErrorOf("CET-25"), (Error{Errc::kBadValue, 4}));
  EXPECT_EQ(ErrorOf("EST5EDT"), (Error{Errc::kBadValue, 7}));
  EXPECT_EQ(ErrorOf("CET-1CEST,M13.5.0,M10.5.0"), (Error{Errc::kBadValue, 11}));
  EXPECT_EQ(ErrorOf("CET-1CEST,M3.5.0"), (Error{Errc::kBadValue, 16}));
  EXPECT_EQ(ErrorOf("CET-1CEST,J0,J1"), (Error{Errc::kBadValue, 11}));
  EXPECT_EQ(ErrorOf("CET-1CEST,1/168,2"), (Error{Errc::kBadValue, 12}));
  EXPECT_EQ(ErrorOf("UTC0 "), (Error{Errc::kBadValue, 4}));
  EXPECT_EQ(ErrorOf(std::string(200, 'A')).code, Errc::kBadValue);
}

TEST(ZoneRules, FormattedRulesReadBackToThemselves) {
  for (const std::string_view text :
       {"UTC0", "<+0530>-5:30", "NST3:30:15", "CET-1CEST,M3.5.0,M10.5.0/3",
        "IST-1GMT0,M10.5.0,M3.5.0/1", "AAA3BBB2:30,J60/-1,365/167:59:59",
        "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"}) {
    const PosixZone zone = Zone(text);
    EXPECT_EQ(Zone(FormatPosixZone(zone)), zone) << FormatPosixZone(zone);
  }
  EXPECT_EQ(FormatPosixZone(Zone("<-0930>9:30")), "<-0930>9:30:00");
}

TEST(ZoneRules, DaylightTimeAllYearNeverChanges) {
  const auto rules = ParsePosixZone("EST5EDT,0/0,J365/25");
  ASSERT_TRUE(rules);
  for (int64_t time = k2026; time < k2041; time += 86'399) {
    ASSERT_EQ(OffsetAt(*rules, time), -4 * 3600);
  }
  EXPECT_EQ(NextTransition(*rules, k2026), std::nullopt);
}

TEST(ZoneRules, FebruaryTwentyNinthCountsOnlyInZeroBasedDays) {
  // 2028 is a leap year: J60 is March 1, 59 is February 29.
  const auto julian = ParsePosixZone("AAA0BBB,J60/0,J300/0");
  const auto zero_based = ParsePosixZone("AAA0BBB,59/0,300/0");
  ASSERT_TRUE(julian && zero_based);
  constexpr int64_t k2028 = 1'830'297'600;
  EXPECT_EQ(NextTransition(*julian, k2028)->at, k2028 + 60 * 86'400);
  EXPECT_EQ(NextTransition(*zero_based, k2028)->at, k2028 + 59 * 86'400);
  EXPECT_EQ(NextTransition(*julian, k2026)->at, k2026 + 59 * 86'400);
  EXPECT_EQ(NextTransition(*zero_based, k2026)->at, k2026 + 59 * 86'400);
}

TEST(ZoneRules, ExtremeTimesAreHarmless) {
  const auto rules = ParsePosixZone("CET-1CEST,M3.5.0,M10.5.0/3");
  ASSERT_TRUE(rules);
  EXPECT_EQ(OffsetAt(*rules, INT64_MIN), 3600);
  EXPECT_EQ(OffsetAt(*rules, INT64_MAX), 3600);
  EXPECT_TRUE(NextTransition(*rules, INT64_MIN));
}

TEST(ZoneRules, FixedZonesHaveOneOffset) {
  const auto rules = FixedZone(-12'600);
  EXPECT_TRUE(IsValid(rules));
  EXPECT_EQ(OffsetAt(rules, 0), -12'600);
  EXPECT_EQ(OffsetAt(rules, k2041), -12'600);
  EXPECT_EQ(NextTransition(rules, 0), std::nullopt);
}

TEST(ZoneRules, RulesThatMakeNoSenseAreNotValid) {
  ZoneRules rules = FixedZone(0);
  rules.transitions = {{.at = 2, .offset = 0}, {.at = 2, .offset = 1}};
  EXPECT_FALSE(IsValid(rules));
  rules.transitions = {{.at = 2, .offset = 100'000}};
  EXPECT_FALSE(IsValid(rules));
  rules.transitions = {{.at = int64_t{1} << 40, .offset = 0}};
  EXPECT_FALSE(IsValid(rules));  // in year 36812
  rules.transitions.assign(kMaxZoneTransitions + 1, {});
  EXPECT_FALSE(IsValid(rules));
  EXPECT_FALSE(IsValid(FixedZone(-90'000)));
  rules = FixedZone(0);
  rules.tail.daylight = DaylightRule{};
  EXPECT_FALSE(IsValid(rules));  // month 0
}

}  // namespace
}  // namespace natkit::mesh
