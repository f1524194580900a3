#include "natkit/base/secret.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

#include "natkit/base/secret_string.h"

namespace natkit {
namespace {

using TestSecret = Secret<struct TestTag, 8>;
static_assert(!std::is_copy_constructible_v<TestSecret>);
static_assert(!std::equality_comparable<TestSecret>);

TEST(Secret, IsWipedWhenMovedFrom) {
  const std::array<uint8_t, 8> raw = {1, 2, 3, 4, 5, 6, 7, 8};
  TestSecret from{raw};
  const TestSecret to(std::move(from));
  EXPECT_TRUE(from.is_zero());  // NOLINT(bugprone-use-after-move): the point
  EXPECT_TRUE(std::ranges::equal(to.Expose(), raw));
}

TEST(Secret, IsWipedWhenItDies) {
  alignas(TestSecret) std::array<uint8_t, sizeof(TestSecret)> storage{};
  const std::array<uint8_t, 8> raw = {1, 2, 3, 4, 5, 6, 7, 8};
  auto* secret = new (storage.data()) TestSecret(raw);
  secret->~TestSecret();
  EXPECT_TRUE(
      std::ranges::all_of(storage, [](uint8_t byte) { return byte == 0; }));
}

static_assert(!std::is_copy_constructible_v<SecretString>);
static_assert(!std::is_copy_assignable_v<SecretString>);
static_assert(!std::equality_comparable<SecretString>);

TEST(SecretString, IsGoneWhereItWasMovedFrom) {
  SecretString from("short");
  SecretString to(std::move(from));
  EXPECT_TRUE(from.is_empty());  // NOLINT(bugprone-use-after-move): the point
  EXPECT_EQ(to.Expose(), "short");
  to = SecretString("another");
  EXPECT_EQ(to.Expose(), "another");
  to = {};
  EXPECT_TRUE(to.is_empty());
  EXPECT_EQ(to.Expose(), "");
}

TEST(Secret, ComparesByContent) {
  const std::array<uint8_t, 8> raw = {1, 2, 3, 4, 5, 6, 7, 8};
  const TestSecret a{raw};
  EXPECT_TRUE(a.EqualsConstantTime(a.Clone()));
  EXPECT_FALSE(a.EqualsConstantTime(TestSecret{}));
  EXPECT_FALSE(EqualsConstantTime(ByteView(raw), ByteView(raw).first(7)));
}

}  // namespace
}  // namespace natkit
