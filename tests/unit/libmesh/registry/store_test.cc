#include "natkit/mesh/registry/store.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "natkit/mesh/registry/event_chain.h"
#include "natkit/mesh/registry/memory_store.h"
#include "natkit/mesh/registry/sqlite_store.h"
#include "store_testing.h"

namespace natkit::mesh {
namespace {

using testing::MakeStore;
using testing::TemporaryFolder;

using Bytes = std::vector<uint8_t>;

struct MemoryStoreMaker {
  MemoryStore store;

  Store& Get() { return store; }
};

struct SqliteStoreMaker {
  TemporaryFolder folder;
  std::unique_ptr<SqliteStore> store = MakeStore(folder / "store.db");

  Store& Get() { return *store; }
};

/// Opens the file anew before each use: nothing may be kept in memory only.
struct ReopenedStoreMaker {
  TemporaryFolder folder;
  std::unique_ptr<SqliteStore> store;

  Store& Get() {
    if (store != nullptr && !store->last_error().empty()) {
      return *store;  // a test that asks for it needs the same object
    }
    store.reset();
    store = MakeStore(folder / "store.db");
    return *store;
  }
};

/// What every store must do, whatever it keeps its bytes in.
template <class Maker>
class StoreTest : public ::testing::Test {
 protected:
  Store& store() { return maker_.Get(); }

  std::vector<StoreRecord> Records() { return store().LoadAll().value(); }

  std::vector<StoreEvent> Events() {
    return store().ListEvents(0, 1000000).value();
  }

  Maker maker_;
};

using Makers =
    ::testing::Types<MemoryStoreMaker, SqliteStoreMaker, ReopenedStoreMaker>;
TYPED_TEST_SUITE(StoreTest, Makers);

StoreBatch Puts(std::vector<StoreRecord> puts) {
  return {.puts = std::move(puts)};
}

StoreBatch Events(size_t count) {
  StoreBatch batch;
  for (size_t i = 0; i < count; ++i) {
    batch.events.push_back(
        {.unix_ms = static_cast<int64_t>(1700000000000 + i), .type = "test"});
  }
  return batch;
}

TYPED_TEST(StoreTest, IsEmptyAtFirst) {
  EXPECT_TRUE(this->Records().empty());
  EXPECT_TRUE(this->Events().empty());
  EXPECT_EQ(this->store().LastEventSequence(), 0U);
  EXPECT_EQ(this->store().last_error(), "");
}

TYPED_TEST(StoreTest, GivesBackWhatWasPut) {
  ASSERT_TRUE(this->store().Commit(Puts({{"node", "a", {1, 2, 3}}})));
  EXPECT_EQ(this->Records(),
            (std::vector<StoreRecord>{{"node", "a", {1, 2, 3}}}));
}

TYPED_TEST(StoreTest, ReplacesARecordOfTheSameKindAndKey) {
  ASSERT_TRUE(this->store().Commit(Puts({{"node", "a", {1}}})));
  ASSERT_TRUE(this->store().Commit(Puts({{"node", "a", {2, 2}}})));
  EXPECT_EQ(this->Records(), (std::vector<StoreRecord>{{"node", "a", {2, 2}}}));
}

TYPED_TEST(StoreTest, TellsKindsApart) {
  ASSERT_TRUE(
      this->store().Commit(Puts({{"node", "a", {1}}, {"user", "a", {2}}})));
  ASSERT_TRUE(this->store().Commit({.deletes = {{"node", "a"}}}));
  EXPECT_EQ(this->Records(), (std::vector<StoreRecord>{{"user", "a", {2}}}));
}

TYPED_TEST(StoreTest, OrdersRecordsByKindAndKeyBytewise) {
  const std::string high = "\xff\xfe";  // no UTF-8, and greater than ASCII
  ASSERT_TRUE(this->store().Commit(Puts({{"b", "a", {}},
                                         {"a", high, {}},
                                         {"a", "b", {}},
                                         {"a", "B", {}},
                                         {"a", "ba", {}},
                                         {"aa", "a", {}}})));
  EXPECT_EQ(this->Records(), (std::vector<StoreRecord>{{"a", "B", {}},
                                                       {"a", "b", {}},
                                                       {"a", "ba", {}},
                                                       {"a", high, {}},
                                                       {"aa", "a", {}},
                                                       {"b", "a", {}}}));
}

TYPED_TEST(StoreTest, KeepsAnyBytesOfAValue) {
  Bytes all(256);
  for (size_t i = 0; i < all.size(); ++i) {
    all[i] = static_cast<uint8_t>(i);
  }
  const Bytes large(size_t{3} << 20, 0xa5);
  ASSERT_TRUE(this->store().Commit(
      Puts({{"k", "all", all}, {"k", "empty", {}}, {"k", "large", large}})));
  EXPECT_EQ(this->Records(),
            (std::vector<StoreRecord>{
                {"k", "all", all}, {"k", "empty", {}}, {"k", "large", large}}));
}

TYPED_TEST(StoreTest, DeletesFirstAndThenPutsInOrder) {
  ASSERT_TRUE(this->store().Commit(Puts({{"k", "a", {1}}, {"k", "b", {1}}})));
  StoreBatch batch = Puts({{"k", "a", {2}}, {"k", "a", {3}}});
  batch.deletes = {{"k", "a"}, {"k", "b"}, {"k", "absent"}};
  ASSERT_TRUE(this->store().Commit(batch));
  EXPECT_EQ(this->Records(), (std::vector<StoreRecord>{{"k", "a", {3}}}));
}

TYPED_TEST(StoreTest, NumbersEventsFromOneWithoutGaps) {
  ASSERT_TRUE(this->store().Commit(Events(2)));
  ASSERT_TRUE(this->store().Commit(Puts({{"k", "a", {}}})));
  ASSERT_TRUE(this->store().Commit(Events(3)));
  std::vector<uint64_t> sequences;
  for (const auto& event : this->Events()) {
    sequences.push_back(event.sequence);
  }
  EXPECT_EQ(sequences, (std::vector<uint64_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(this->store().LastEventSequence(), 5U);
}

TYPED_TEST(StoreTest, GivesSequenceAndHashItself) {
  StoreBatch batch = Events(1);
  batch.events[0].sequence = 77;
  batch.events[0].hash.fill(0xee);
  ASSERT_TRUE(this->store().Commit(batch));
  const StoreEvent stored = this->Events().at(0);
  EXPECT_EQ(stored.sequence, 1U);
  EXPECT_EQ(stored.hash, HashEvent({}, stored));
}

TYPED_TEST(StoreTest, KeepsEveryFieldOfAnEvent) {
  const StoreEvent event{.unix_ms = -62135596800000,
                         .type = "policy_set",
                         .actor = "alice@example.com",
                         .subject = "caf\xc3\xa9 \xff",
                         .detail = R"({"a": "x\ny"})"};
  ASSERT_TRUE(this->store().Commit({.events = {event}}));
  StoreEvent stored = this->Events().at(0);
  stored.sequence = 0;
  stored.hash = {};
  EXPECT_EQ(stored, event);
}

TYPED_TEST(StoreTest, ChainsEventsOverManyCommits) {
  for (size_t count : {1U, 3U, 2U}) {
    ASSERT_TRUE(this->store().Commit(Events(count)));
  }
  EventChainCheck check;
  EXPECT_TRUE(check.Take(this->Events()));
  EXPECT_EQ(check.head_sequence(), 6U);
}

TYPED_TEST(StoreTest, ListsEventsInPages) {
  ASSERT_TRUE(this->store().Commit(Events(10)));
  const auto page = this->store().ListEvents(3, 4).value();
  ASSERT_EQ(page.size(), 4U);
  EXPECT_EQ(page.front().sequence, 4U);
  EXPECT_EQ(page.back().sequence, 7U);
  EXPECT_EQ(this->store().ListEvents(8, 100).value().size(), 2U);
  EXPECT_TRUE(this->store().ListEvents(10, 100).value().empty());
  EXPECT_TRUE(this->store().ListEvents(0, 0).value().empty());
  EXPECT_TRUE(this->store().ListEvents(UINT64_MAX, 1).value().empty());
  EXPECT_EQ(this->store().ListEvents(0, SIZE_MAX).value().size(), 10U);
}

TYPED_TEST(StoreTest, TrimsTheOldestAndGoesOnCounting) {
  ASSERT_TRUE(this->store().Commit(Events(10)));
  ASSERT_TRUE(this->store().TrimEvents(20));
  EXPECT_EQ(this->Events().size(), 10U);
  ASSERT_TRUE(this->store().TrimEvents(3));
  ASSERT_TRUE(this->store().Commit(Events(1)));
  const auto left = this->Events();
  ASSERT_EQ(left.size(), 4U);
  EXPECT_EQ(left.front().sequence, 8U);
  EXPECT_EQ(left.back().sequence, 11U);
  EventChainCheck check;
  EXPECT_TRUE(check.Take(left));
}

TYPED_TEST(StoreTest, NeverTrimsTheNewestEvent) {
  ASSERT_TRUE(this->store().TrimEvents(0));
  ASSERT_TRUE(this->store().Commit(Events(5)));
  ASSERT_TRUE(this->store().TrimEvents(0));
  EXPECT_EQ(this->Events().size(), 1U);
  EXPECT_EQ(this->store().LastEventSequence(), 5U);
  ASSERT_TRUE(this->store().TrimEvents(UINT64_MAX));
  EXPECT_EQ(this->Events().size(), 1U);
}

TYPED_TEST(StoreTest, DoesNothingForAnEmptyBatch) {
  EXPECT_TRUE(StoreBatch{}.is_empty());
  EXPECT_FALSE(Events(1).is_empty());
  EXPECT_FALSE(Puts({{"k", "a", {}}}).is_empty());
  EXPECT_FALSE((StoreBatch{.deletes = {{"k", "a"}}}).is_empty());
  EXPECT_TRUE(this->store().Commit({}));
  EXPECT_EQ(this->store().LastEventSequence(), 0U);
}

TYPED_TEST(StoreTest, StoresNothingOfABatchWithABadPart) {
  const std::string nul("a\0b", 3);
  const std::string long_kind(StoreLimits::kMaxKind + 1, 'k');
  const std::string long_key(StoreLimits::kMaxKey + 1, 'k');
  const std::vector<std::pair<StoreBatch, Errc>> cases = {
      {Puts({{"", "a", {}}}), Errc::kBadValue},
      {Puts({{"k", "", {}}}), Errc::kBadValue},
      {Puts({{nul, "a", {}}}), Errc::kBadValue},
      {Puts({{"k", nul, {}}}), Errc::kBadValue},
      {Puts({{long_kind, "a", {}}}), Errc::kLimitExceeded},
      {Puts({{"k", long_key, {}}}), Errc::kLimitExceeded},
      {Puts({{"k", "a", Bytes(StoreLimits::kMaxValue + 1)}}),
       Errc::kLimitExceeded},
      {{.deletes = {{"k", ""}}}, Errc::kBadValue},
      {{.events = {{.type = nul}}}, Errc::kBadValue},
      {{.events = {{.detail = nul}}}, Errc::kBadValue},
      {{.events = {{.subject =
                        std::string(StoreLimits::kMaxEventText + 1, 's')}}},
       Errc::kLimitExceeded}};
  for (size_t i = 0; i < cases.size(); ++i) {
    StoreBatch batch = cases[i].first;
    batch.puts.insert(batch.puts.begin(), {"k", "good", {}});
    batch.events.insert(batch.events.begin(), {.type = "good"});
    const auto committed = this->store().Commit(batch);
    ASSERT_FALSE(committed) << i;
    EXPECT_EQ(committed.error().code, cases[i].second) << i;
    EXPECT_NE(this->store().last_error(), "");
  }
  EXPECT_TRUE(this->Records().empty());
  EXPECT_TRUE(this->Events().empty());
}

TYPED_TEST(StoreTest, TakesWhatIsJustWithinTheLimits) {
  const std::string kind(StoreLimits::kMaxKind, 'k');
  const std::string key(StoreLimits::kMaxKey, '\xff');
  StoreBatch batch = Puts({{kind, key, Bytes(StoreLimits::kMaxValue, 7)}});
  batch.events = {{.detail = std::string(StoreLimits::kMaxEventText, 'd')}};
  ASSERT_TRUE(this->store().Commit(batch));
  EXPECT_EQ(this->Records(), batch.puts);
  EXPECT_EQ(this->Events().at(0).detail, batch.events[0].detail);
}

TYPED_TEST(StoreTest, HoldsWhatAMapHoldsAfterRandomBatches) {
  std::map<std::pair<std::string, std::string>, Bytes> model;
  uint64_t events = 0;
  uint32_t seed = 12345;
  const auto next = [&seed](uint32_t below) {
    seed = seed * 1664525 + 1013904223;
    return (seed >> 16) % below;
  };
  for (int round = 0; round < 60; ++round) {
    StoreBatch batch = Events(next(3));
    events += batch.events.size();
    for (uint32_t i = next(6); i > 0; --i) {
      batch.deletes.emplace_back("k" + std::to_string(next(2)),
                                 std::to_string(next(12)));
      model.erase(batch.deletes.back());
    }
    for (uint32_t i = next(8); i > 0; --i) {
      batch.puts.push_back({"k" + std::to_string(next(2)),
                            std::to_string(next(12)),
                            Bytes(next(40), static_cast<uint8_t>(round))});
      model[{batch.puts.back().kind, batch.puts.back().key}] =
          batch.puts.back().value;
    }
    ASSERT_TRUE(this->store().Commit(batch));
  }
  std::vector<StoreRecord> expected;
  for (const auto& [name, value] : model) {
    expected.push_back({name.first, name.second, value});
  }
  EXPECT_EQ(this->Records(), expected);
  EXPECT_EQ(this->store().LastEventSequence(), events);
}

TEST(MemoryStore, FailsWritesWhenToldTo) {
  MemoryStore store;
  store.FailWrites(Errc::kStoreFull);
  EXPECT_EQ(store.Commit(Events(1)).error().code, Errc::kStoreFull);
  EXPECT_EQ(store.TrimEvents(1).error().code, Errc::kStoreFull);
  EXPECT_EQ(store.last_error(), "memory: store is full");
  EXPECT_EQ(store.LastEventSequence(), 0U);
  store.FailWrites(std::nullopt);
  EXPECT_TRUE(store.Commit(Events(1)));
  EXPECT_EQ(store.LastEventSequence(), 1U);
}

}  // namespace
}  // namespace natkit::mesh
