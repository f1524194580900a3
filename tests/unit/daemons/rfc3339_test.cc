#include "rfc3339.h"

#include <gtest/gtest.h>

namespace natkit::coordd {
namespace {

TEST(ParseRfc3339, ReadsTimesOfAnyZone) {
  EXPECT_EQ(ParseRfc3339("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(ParseRfc3339("2026-03-29T01:00:00Z"), 1774746000);
  EXPECT_EQ(ParseRfc3339("2026-03-29T02:00:00+01:00"), 1774746000);
  EXPECT_EQ(ParseRfc3339("2026-03-28t21:30:00-03:30"), 1774746000);
  EXPECT_EQ(ParseRfc3339("2026-03-29 01:00:00.999z"), 1774746000);
  EXPECT_EQ(ParseRfc3339("2024-02-29T00:00:00Z"), 1709164800);
  EXPECT_EQ(ParseRfc3339("1969-12-31T23:59:59Z"), -1);
}

TEST(ParseRfc3339, RefusesEverythingElse) {
  for (const char* text :
       {"", "now", "2026-03-29", "2026-03-29T01:00Z", "2026-03-29T01:00:00",
        "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
        "2026-04-31T00:00:00Z", "2026-03-29T24:00:00Z", "2026-03-29T01:60:00Z",
        "2026-03-29T01:00:60Z", "2026-03-29T01:00:00+24:00",
        "2026-03-29T01:00:00+0100", "2026-03-29T01:00:00.Z",
        "2026-03-29T01:00:00Z ", "26-03-29T01:00:00Z",
        "+026-03-29T01:00:00Z"}) {
    EXPECT_FALSE(ParseRfc3339(text)) << text;
  }
}

}  // namespace
}  // namespace natkit::coordd
