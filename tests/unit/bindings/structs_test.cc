#include "support/structs.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace natkit::c {
namespace {

// What a library knows that has grown by `second` since its first version.
struct Config {
  size_t struct_size;
  uint64_t first;
  uint64_t second;
};

constexpr size_t kFirstVersion = NATKIT_SIZE_UP_TO(Config, first);

TEST(ReadStruct, TakesAllOfTheCurrentVersion) {
  const Config given = {sizeof(Config), 1, 2};
  const auto read = ReadStruct(&given, kFirstVersion);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->first, 1U);
  EXPECT_EQ(read->second, 2U);
}

TEST(ReadStruct, WhatAnOlderVersionDidNotHaveIsZero) {
  // Beyond the old structure lies something else.
  const Config given = {kFirstVersion, 1, 99};
  const auto read = ReadStruct(&given, kFirstVersion);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->first, 1U);
  EXPECT_EQ(read->second, 0U);
}

struct LaterConfig {
  Config known;
  uint64_t third;
};

TEST(ReadStruct, RefusesWhatOnlyALaterVersionKnows) {
  LaterConfig given = {{sizeof(LaterConfig), 1, 2}, 0};
  EXPECT_TRUE(ReadStruct(&given.known, kFirstVersion));
  given.third = 1;
  EXPECT_EQ(ReadStruct(&given.known, kFirstVersion).error().code,
            Errc::kUnsupported);
}

TEST(ReadStruct, RefusesNullAndWhatWasNeverAVersion) {
  EXPECT_EQ(ReadStruct<Config>(nullptr, kFirstVersion).error().code,
            Errc::kBadArgument);
  for (const size_t size : {size_t{0}, size_t{8}, kFirstVersion - 1}) {
    const Config given = {size, 1, 2};
    EXPECT_EQ(ReadStruct(&given, kFirstVersion).error().code,
              Errc::kStructSize);
  }
}

TEST(ReadStruct, RefusesASizeThatWasNeverSet) {
  Config given = {SIZE_MAX, 1, 2};
  EXPECT_EQ(ReadStruct(&given, kFirstVersion).error().code, Errc::kStructSize);
  EXPECT_EQ(WriteStruct(&given, Config{}, kFirstVersion).error().code,
            Errc::kStructSize);
  EXPECT_EQ(CheckStruct(&given, kFirstVersion).error().code, Errc::kStructSize);
  EXPECT_EQ(given.first, 1U);
}

TEST(WriteStruct, FillsAnOlderVersionAsFarAsItGoes) {
  Config out = {kFirstVersion, 7, 99};
  ASSERT_TRUE(WriteStruct(&out, Config{sizeof(Config), 1, 2}, kFirstVersion));
  EXPECT_EQ(out.struct_size, kFirstVersion);
  EXPECT_EQ(out.first, 1U);
  EXPECT_EQ(out.second, 99U);
}

TEST(WriteStruct, ClearsWhatOnlyALaterVersionKnows) {
  LaterConfig out = {{sizeof(LaterConfig), 7, 7}, 7};
  ASSERT_TRUE(
      WriteStruct(&out.known, Config{sizeof(Config), 1, 2}, kFirstVersion));
  EXPECT_EQ(out.known.struct_size, sizeof(LaterConfig));
  EXPECT_EQ(out.known.second, 2U);
  EXPECT_EQ(out.third, 0U);
}

TEST(WriteStruct, RefusesNullAndTooLittle) {
  EXPECT_EQ(WriteStruct<Config>(nullptr, {}, kFirstVersion).error().code,
            Errc::kBadArgument);
  Config out = {kFirstVersion - 1, 7, 7};
  EXPECT_EQ(WriteStruct(&out, Config{}, kFirstVersion).error().code,
            Errc::kStructSize);
  EXPECT_EQ(out.first, 7U);
  EXPECT_EQ(CheckStruct(&out, kFirstVersion).error().code, Errc::kStructSize);
}

}  // namespace
}  // namespace natkit::c
