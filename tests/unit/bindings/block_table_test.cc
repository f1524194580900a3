#include "common/block_table.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>

#include "common/libc_memory.h"

// Nothing is redirected in this program.
// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names
void* __real_calloc(size_t count, size_t size) {
  return std::calloc(count, size);
}

void __real_free(void* memory) {
  std::free(memory);
}

// NOLINTEND(bugprone-reserved-identifier)

namespace natkit::c {
namespace {

void* Address(uint64_t number) {
  return reinterpret_cast<void*>(uintptr_t{0x7f0000000000U} + 16 * number);
}

Block BlockOf(uint64_t number) {
  return {.owner = nullptr, .start = Address(number), .size = number};
}

TEST(BlockTable, KnowsNothingAtFirst) {
  static BlockTable table;  // as the one there is: it is never destroyed
  EXPECT_FALSE(table.Find(Address(1)).has_value());
  EXPECT_FALSE(table.Take(Address(1)).has_value());
}

TEST(BlockTable, GivesEachBlockOnce) {
  static BlockTable table;  // as the one there is: it is never destroyed
  table.Add(Address(1), BlockOf(1));
  table.Add(Address(2), BlockOf(2));
  EXPECT_EQ(table.Find(Address(1))->size, 1U);
  EXPECT_EQ(table.Take(Address(1))->size, 1U);
  EXPECT_FALSE(table.Take(Address(1)).has_value());
  EXPECT_EQ(table.Take(Address(2))->start, Address(2));
}

// Few addresses, added and taken in any order, so that runs of neighbours in
// the table form and break everywhere.
TEST(BlockTable, IsAMapOverAnyHistory) {
  static BlockTable table;  // as the one there is: it is never destroyed
  std::map<uint64_t, uint64_t> model;
  std::mt19937_64 random(1);
  for (int step = 0; step < 200'000; ++step) {
    const uint64_t number = random() % 3000;
    const bool is_known = model.contains(number);
    ASSERT_EQ(table.Find(Address(number)).has_value(), is_known);
    if (is_known) {
      ASSERT_EQ(table.Take(Address(number))->size, model[number]);
      model.erase(number);
    } else {
      table.Add(Address(number), BlockOf(number));
      model[number] = number;
    }
  }
  for (const auto& [number, size] : model) {
    ASSERT_EQ(table.Take(Address(number))->size, size);
  }
}

}  // namespace
}  // namespace natkit::c
