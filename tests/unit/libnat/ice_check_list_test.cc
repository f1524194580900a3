#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "ice/check_list.h"

namespace natkit::ice {
namespace {

Candidate Host(uint8_t last, std::string foundation, uint16_t preference) {
  const Endpoint endpoint{.address = IpAddress::V4(10, 0, 0, last),
                          .port = 1000};
  return {.type = CandidateType::kHost,
          .endpoint = endpoint,
          .base = endpoint,
          .priority = CandidatePriority(CandidateType::kHost, preference),
          .foundation = std::move(foundation)};
}

Pair* Add(CheckList& list, const Candidate& local, const Candidate& remote) {
  return list.Insert(local, remote, std::nullopt);
}

TEST(CanPair, WantsOneFamilyAndOneScope) {
  const auto v4 = IpAddress::V4(192, 0, 2, 1);
  const auto v6 = *IpAddress::Parse("2001:db8::1");
  const auto local = *IpAddress::Parse("fe80::1");
  EXPECT_TRUE(CanPair(v4, v4));
  EXPECT_TRUE(CanPair(v6, v6));
  EXPECT_TRUE(CanPair(local, local));
  EXPECT_FALSE(CanPair(v4, v6));
  EXPECT_FALSE(CanPair(v6, local));
  EXPECT_FALSE(CanPair(local, v6));
}

TEST(CheckList, TakesTheHighestPriorityFirst) {
  CheckList list({.max_pairs = 10, .freezing = false}, Role::kControlling);
  const Candidate local = Host(1, "1", 65535);
  Add(list, local, Host(2, "a", 10));
  Add(list, local, Host(3, "b", 30));
  Add(list, local, Host(4, "c", 20));
  std::vector<int> order;
  while (Pair* pair = list.TakeNext()) {
    order.push_back(pair->key.remote.address.bytes()[3]);
    pair->state = PairState::kInProgress;
  }
  EXPECT_EQ(order, (std::vector<int>{3, 4, 2}));
  EXPECT_FALSE(list.has_work());
}

TEST(CheckList, FamiliesTakeTurnsHoweverManyPairsOneHas) {
  CheckList list({.max_pairs = 50, .freezing = false}, Role::kControlling);
  const auto host_v6 = [](uint8_t last, uint16_t preference) {
    Candidate host = Host(last, "6", preference);
    host.endpoint.address = IpAddress::V6(
        {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last});
    host.base = host.endpoint;
    return host;
  };
  for (uint8_t i = 10; i < 20; ++i) {
    Add(list, host_v6(1, 65535), host_v6(i, 1000 + i));
  }
  Add(list, Host(1, "4", 100), Host(2, "a", 10));
  Add(list, Host(1, "4", 100), Host(3, "a", 20));
  std::string order;
  while (Pair* pair = list.TakeNext()) {
    order += pair->key.remote.address.is_v4() ? '4' : '6';
    pair->state = PairState::kInProgress;
  }
  EXPECT_EQ(order, "646466666666");
}

TEST(CheckList, TakesTriggeredChecksBeforeAllOthersInOrder) {
  CheckList list({.max_pairs = 10, .freezing = false}, Role::kControlling);
  const Candidate local = Host(1, "1", 65535);
  Pair* low = Add(list, local, Host(2, "a", 10));
  Pair* high = Add(list, local, Host(3, "b", 30));
  Pair* middle = Add(list, local, Host(4, "c", 20));
  list.Trigger(*low);
  list.Trigger(*middle);
  list.Trigger(*low);  // once is enough
  list.TriggerFirst(*middle);
  EXPECT_EQ(list.TakeNext(), middle);
  middle->state = PairState::kInProgress;
  EXPECT_EQ(list.TakeNext(), low);
  low->state = PairState::kInProgress;
  EXPECT_EQ(list.TakeNext(), high);
}

TEST(CheckList, GivesPrioritiesByRole) {
  const Candidate local = Host(1, "1", 100);
  const Candidate remote = Host(2, "a", 50);
  CheckList list({.max_pairs = 10, .freezing = false}, Role::kControlling);
  const Pair* pair = Add(list, local, remote);
  EXPECT_EQ(pair->priority, PairPriority(local.priority, remote.priority));
  list.SetRole(Role::kControlled);
  EXPECT_EQ(pair->priority, PairPriority(remote.priority, local.priority));
}

TEST(CheckList, FreezesAllButOnePairOfAFoundation) {
  CheckList list({.max_pairs = 10, .freezing = true}, Role::kControlling);
  const Candidate local = Host(1, "1", 65535);
  Pair* first = Add(list, local, Host(2, "same", 10));
  Pair* second = Add(list, local, Host(3, "same", 30));
  Pair* other = Add(list, local, Host(4, "other", 5));
  EXPECT_EQ(first->state, PairState::kWaiting);
  EXPECT_EQ(second->state, PairState::kFrozen);
  EXPECT_EQ(other->state, PairState::kWaiting);
  EXPECT_EQ(list.TakeNext(), first);
  first->state = PairState::kInProgress;
  EXPECT_EQ(list.TakeNext(), other);
  other->state = PairState::kInProgress;
  EXPECT_FALSE(list.has_work());
  EXPECT_EQ(list.TakeNext(), nullptr);
}

TEST(CheckList, UnfreezesAFoundationOnSuccessAndOnFailure) {
  for (const bool succeeds : {true, false}) {
    CheckList list({.max_pairs = 10, .freezing = true}, Role::kControlling);
    const Candidate local = Host(1, "1", 65535);
    Pair* first = Add(list, local, Host(2, "same", 10));
    Pair* second = Add(list, local, Host(3, "same", 30));
    first->state = PairState::kInProgress;
    if (succeeds) {
      list.SetSucceeded(*first);
      EXPECT_EQ(second->state, PairState::kWaiting);
    } else {
      list.SetFailed(*first, Instant{});
    }
    EXPECT_TRUE(list.has_work());
    EXPECT_EQ(list.TakeNext(), second);
  }
}

TEST(CheckList, PrunesTheLowestPairAtTheLimit) {
  CheckList list({.max_pairs = 2, .freezing = false}, Role::kControlling);
  const Candidate local = Host(1, "1", 65535);
  const PairKey low = Add(list, local, Host(2, "a", 10))->key;
  Add(list, local, Host(3, "b", 20));
  EXPECT_EQ(Add(list, local, Host(4, "c", 5)), nullptr);
  EXPECT_NE(Add(list, local, Host(5, "d", 30)), nullptr);
  EXPECT_EQ(list.pairs().size(), 2U);
  EXPECT_EQ(list.Find(low), nullptr);
}

TEST(CheckList, NeverPrunesWhatIsInUse) {
  CheckList list({.max_pairs = 3, .freezing = false}, Role::kControlling);
  const Candidate local = Host(1, "1", 65535);
  Pair* triggered = Add(list, local, Host(2, "a", 10));
  list.Trigger(*triggered);
  Add(list, local, Host(3, "b", 20))->state = PairState::kInProgress;
  list.SetSucceeded(*Add(list, local, Host(4, "c", 5)));
  EXPECT_EQ(Add(list, local, Host(5, "d", 30)), nullptr);
  EXPECT_EQ(list.pairs().size(), 3U);
}

TEST(CheckList, FormsAPairOnce) {
  CheckList list({.max_pairs = 3, .freezing = false}, Role::kControlling);
  const Candidate local = Host(1, "1", 65535);
  EXPECT_EQ(Add(list, local, Host(2, "a", 10)),
            Add(list, local, Host(2, "b", 20)));
  EXPECT_EQ(list.pairs().size(), 1U);
}

TEST(CheckList, ForgetsABaseAndItsTriggers) {
  CheckList list({.max_pairs = 9, .freezing = false}, Role::kControlling);
  list.Trigger(*Add(list, Host(1, "1", 65535), Host(2, "a", 10)));
  Pair* kept = Add(list, Host(9, "2", 65534), Host(2, "a", 10));
  list.RemoveBase(Host(1, "1", 65535).base);
  EXPECT_EQ(list.pairs().size(), 1U);
  EXPECT_EQ(list.TakeNext(), kept);
}

TEST(CheckList, ReportsWhatIsPendingAboveAValidPair) {
  CheckList list({.max_pairs = 9, .freezing = false}, Role::kControlling);
  const Candidate local = Host(1, "1", 65535);
  Pair* low = Add(list, local, Host(2, "a", 10));
  Pair* high = Add(list, local, Host(3, "b", 30));
  list.SetSucceeded(*low);
  EXPECT_EQ(list.BestSucceeded(), low);
  EXPECT_EQ(list.BestSucceeded(low->key), nullptr);
  EXPECT_TRUE(list.HasPendingAbove(low->priority));
  list.SetFailed(*high, Instant{});
  EXPECT_FALSE(list.HasPendingAbove(low->priority));
  EXPECT_FALSE(list.all_failed());
}

}  // namespace
}  // namespace natkit::ice
