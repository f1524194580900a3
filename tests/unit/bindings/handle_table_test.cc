#include "support/handle_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace natkit::c {
namespace {

class Counted final : public Object {
 public:
  explicit Counted(int& destroyed) : destroyed_(destroyed) {}

  ~Counted() override { ++destroyed_; }

 private:
  int& destroyed_;
};

class HandleTableTest : public testing::Test {
 protected:
  HandleTable::Handle Add() {
    const auto handle = table_.Add(HandleKind::kForTests,
                                   std::make_unique<Counted>(destroyed_));
    EXPECT_TRUE(handle);
    return handle.value_or(0);
  }

  Errc EnterError(HandleTable::Handle handle,
                  HandleKind kind = HandleKind::kForTests) {
    const auto entered = table_.Enter(handle, kind);
    return entered ? Errc{} : entered.error().code;
  }

  HandleTable& table_ = HandleTable::Instance();
  int destroyed_ = 0;
};

TEST_F(HandleTableTest, FindsWhatWasAdded) {
  const HandleTable::Handle handle = Add();
  EXPECT_NE(handle, 0U);
  ASSERT_TRUE(table_.Enter(handle, HandleKind::kForTests));
  table_.Leave(handle);
  ASSERT_TRUE(table_.Enter(handle, HandleKind::kForTests));
  table_.Leave(handle);
  ASSERT_TRUE(table_.Remove(handle, HandleKind::kForTests));
  EXPECT_EQ(destroyed_, 1);
}

TEST_F(HandleTableTest, RefusesWhatWasFreedForEver) {
  const HandleTable::Handle handle = Add();
  ASSERT_TRUE(table_.Remove(handle, HandleKind::kForTests));
  EXPECT_EQ(EnterError(handle), Errc::kBadHandle);
  EXPECT_EQ(table_.Remove(handle, HandleKind::kForTests).error().code,
            Errc::kBadHandle);
  // Its slot is used again, under other numbers.
  for (int i = 0; i < 1000; ++i) {
    const HandleTable::Handle next = Add();
    EXPECT_NE(next, handle);
    EXPECT_EQ(EnterError(handle), Errc::kBadHandle);
    ASSERT_TRUE(table_.Remove(next, HandleKind::kForTests));
  }
}

TEST_F(HandleTableTest, RefusesOtherKindsAndMadeUpNumbers) {
  const HandleTable::Handle handle = Add();
  EXPECT_EQ(EnterError(handle, HandleKind::kWgDevice), Errc::kBadHandle);
  EXPECT_EQ(EnterError(0), Errc::kBadHandle);
  EXPECT_EQ(EnterError(~HandleTable::Handle{0}), Errc::kBadHandle);
  EXPECT_EQ(EnterError(handle + 1), Errc::kBadHandle);
  int local = 0;
  EXPECT_EQ(EnterError(reinterpret_cast<uintptr_t>(&local)), Errc::kBadHandle);
  EXPECT_EQ(table_.Remove(0, HandleKind::kForTests).error().code,
            Errc::kBadHandle);
  ASSERT_TRUE(table_.Remove(handle, HandleKind::kForTests));
}

TEST_F(HandleTableTest, LetsOneCallInAtATime) {
  const HandleTable::Handle handle = Add();
  ASSERT_TRUE(table_.Enter(handle, HandleKind::kForTests));
  EXPECT_EQ(EnterError(handle), Errc::kBusy);
  std::thread other([&] { EXPECT_EQ(EnterError(handle), Errc::kBusy); });
  other.join();
  table_.Leave(handle);
  EXPECT_EQ(EnterError(handle), Errc{});
  table_.Leave(handle);
  ASSERT_TRUE(table_.Remove(handle, HandleKind::kForTests));
}

TEST_F(HandleTableTest, DestroysAtTheEndOfTheCallThatIsAtWork) {
  const HandleTable::Handle handle = Add();
  ASSERT_TRUE(table_.Enter(handle, HandleKind::kForTests));
  ASSERT_TRUE(table_.Remove(handle, HandleKind::kForTests));
  EXPECT_EQ(destroyed_, 0);
  EXPECT_EQ(EnterError(handle), Errc::kBadHandle);
  EXPECT_EQ(table_.Remove(handle, HandleKind::kForTests).error().code,
            Errc::kBadHandle);
  table_.Leave(handle);
  EXPECT_EQ(destroyed_, 1);
  EXPECT_EQ(EnterError(handle), Errc::kBadHandle);
}

TEST_F(HandleTableTest, GrowsAndGivesNoNumberTwice) {
  std::set<HandleTable::Handle> handles;
  for (int i = 0; i < 3000; ++i) {
    EXPECT_TRUE(handles.insert(Add()).second);
  }
  for (const HandleTable::Handle handle : handles) {
    ASSERT_TRUE(table_.Remove(handle, HandleKind::kForTests));
  }
  EXPECT_EQ(destroyed_, 3000);
}

TEST_F(HandleTableTest, OneOfManyThreadsFrees) {
  for (int round = 0; round < 200; ++round) {
    const HandleTable::Handle handle = Add();
    std::atomic<int> freed{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        if (table_.Enter(handle, HandleKind::kForTests)) {
          table_.Leave(handle);
        }
        freed += table_.Remove(handle, HandleKind::kForTests) ? 1 : 0;
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    EXPECT_EQ(freed.load(), 1);
    EXPECT_EQ(destroyed_, round + 1);
  }
}

TEST_F(HandleTableTest, TimeNeverGoesBack) {
  Counted object(destroyed_);
  EXPECT_EQ(object.TakeTime(5), Instant(Duration(5)));
  EXPECT_EQ(object.TakeTime(3), Instant(Duration(5)));
  EXPECT_EQ(object.TakeTime(uint64_t{1} << 62).error().code,
            Errc::kBadArgument);
  EXPECT_EQ(object.TakeTime(6), Instant(Duration(6)));
}

}  // namespace
}  // namespace natkit::c
