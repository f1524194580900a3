#include "natkit/mesh/registry/event_chain.h"

#include <gtest/gtest.h>

#include <vector>

#include "natkit/base/encoding.h"
#include "natkit/mesh/registry/memory_store.h"

namespace natkit::mesh {
namespace {

std::vector<StoreEvent> FiveEvents() {
  MemoryStore store;
  StoreBatch batch;
  for (int64_t i = 0; i < 5; ++i) {
    batch.events.push_back({.unix_ms = 1000 * i,
                            .type = "node_registered",
                            .actor = "alice",
                            .subject = std::to_string(i),
                            .detail = "{}"});
  }
  EXPECT_TRUE(store.Commit(batch));
  return store.ListEvents(0, 100).value();
}

TEST(HashEvent, IsTheDocumentedSha256) {
  const StoreEvent event{.sequence = 1,
                         .unix_ms = 2,
                         .type = "t",
                         .actor = "ab",
                         .subject = "",
                         .detail = "{}"};
  EventHash previous{};
  previous.fill(0x11);
  // python3: hashlib.sha256(b"\x11"*32 + (1).to_bytes(8,"big")
  //   + (2).to_bytes(8,"big") + b"".join(len(t).to_bytes(4,"big") + t
  //   for t in (b"t", b"ab", b"", b"{}"))).hexdigest()
  EXPECT_EQ(ToHex(HashEvent(previous, event)),
            "a0c1c6c313a28558acdd9ef40123dbbd3cec59672cf68941c0b3cd64954696db");
}

TEST(HashEvent, DependsOnEveryField) {
  const StoreEvent base{.sequence = 7, .unix_ms = 8, .type = "a"};
  std::vector<StoreEvent> others(6, base);
  others[0].sequence = 8;
  others[1].unix_ms = 9;
  others[2].type = "b";
  others[3].actor = "b";
  others[4].subject = "b";
  others[5].detail = "b";
  for (const auto& other : others) {
    EXPECT_NE(HashEvent({}, other), HashEvent({}, base));
  }
  StoreEvent moved = base;  // the same letters in another field
  moved.type = "";
  moved.actor = "a";
  EXPECT_NE(HashEvent({}, moved), HashEvent({}, base));
  EXPECT_NE(HashEvent({1}, base), HashEvent({}, base));
}

TEST(EventChainCheck, AcceptsWhatAStoreWrote) {
  const auto events = FiveEvents();
  EventChainCheck check;
  ASSERT_TRUE(check.Take(std::span(events).first(2)));
  ASSERT_TRUE(check.Take(std::span(events).subspan(2)));
  EXPECT_EQ(check.head_sequence(), 5U);
  EXPECT_EQ(check.head_hash(), events.back().hash);
  EXPECT_EQ(check.bad_sequence(), std::nullopt);
}

TEST(EventChainCheck, AcceptsATrimmedLog) {
  const auto events = FiveEvents();
  EventChainCheck check;
  EXPECT_TRUE(check.Take(std::span(events).subspan(2)));
  EXPECT_EQ(check.head_sequence(), 5U);
}

TEST(EventChainCheck, FindsAChangedEvent) {
  for (size_t at = 0; at < 5; ++at) {
    auto events = FiveEvents();
    events[at].actor = "mallory";
    EventChainCheck check;
    const auto taken = check.Take(events);
    ASSERT_FALSE(taken) << at;
    EXPECT_EQ(taken.error().code, Errc::kBadStore);
    EXPECT_EQ(check.bad_sequence(), at + 1);
    EXPECT_EQ(check.head_sequence(), at);
    EXPECT_FALSE(check.Take({})) << "stays failed";
  }
}

TEST(EventChainCheck, FindsAnEventHashedAnewByTheOneAfterIt) {
  auto events = FiveEvents();
  events[2].actor = "mallory";
  events[2].hash = HashEvent(events[1].hash, events[2]);
  EventChainCheck check;
  EXPECT_FALSE(check.Take(events));
  EXPECT_EQ(check.bad_sequence(), 4U);
}

TEST(EventChainCheck, FindsARemovedAndARepeatedEvent) {
  auto removed = FiveEvents();
  removed.erase(removed.begin() + 2);
  EventChainCheck first;
  EXPECT_FALSE(first.Take(removed));
  EXPECT_EQ(first.bad_sequence(), 4U);

  auto repeated = FiveEvents();
  repeated.insert(repeated.begin() + 2, repeated[1]);
  EventChainCheck second;
  EXPECT_FALSE(second.Take(repeated));
  EXPECT_EQ(second.bad_sequence(), 2U);
}

}  // namespace
}  // namespace natkit::mesh
