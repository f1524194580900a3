#include "node/home_chooser.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <vector>

#include "natkit/base/rng.h"

namespace natkit::mesh {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr RelayId kEu = 3;
constexpr RelayId kUs = 5;
constexpr RelayId kAp = 9;

/// Relays that are measured every 20 s while they are up.
class HomeChooserTest : public ::testing::Test {
 protected:
  void SetUp() override { chooser_.SetRelays(now_, {kEu, kUs, kAp}); }

  void Up(RelayId relay, Duration distance) {
    distances_[relay] = distance;
    chooser_.HandleUp(now_, relay);
    chooser_.HandleRoundTrip(now_, relay, distance);
    Note();
  }

  void Down(RelayId relay) {
    distances_.erase(relay);
    chooser_.HandleDown(now_, relay);
    Note();
  }

  void Run(Duration time) {
    const Instant end = now_ + time;
    while (now_ < end) {
      const Instant measured = last_measured_ + seconds(20);
      const auto timeout = chooser_.NextTimeout();
      now_ = std::min({end, measured, timeout.value_or(end)});
      if (now_ == measured) {
        last_measured_ = now_;
        for (const auto& [relay, distance] : distances_) {
          chooser_.HandleRoundTrip(now_, relay, distance);
          Note();
        }
      }
      chooser_.HandleTimeout(now_);
      Note();
      const auto next = chooser_.NextTimeout();
      ASSERT_TRUE(!next || *next > now_) << "it would spin";
    }
  }

  void Note() {
    if (homes_.empty() || homes_.back() != chooser_.home()) {
      homes_.push_back(chooser_.home().value());
    }
  }

  /// Settled: eu at 60 ms is home, us at 90 ms, ap at 200 ms.
  void Settle() {
    Up(kEu, milliseconds(60));
    Up(kUs, milliseconds(90));
    Up(kAp, milliseconds(200));
    homes_ = {chooser_.home().value()};
    ASSERT_EQ(chooser_.home(), kEu);
  }

  Instant now_{};
  Instant last_measured_{};
  HomeChooser chooser_;
  std::map<RelayId, Duration> distances_;
  std::vector<RelayId> homes_;  ///< in turn
};

TEST_F(HomeChooserTest, TakesTheNearestOnceAllAreMeasured) {
  EXPECT_EQ(chooser_.home(), kEu);
  Up(kEu, milliseconds(60));
  Up(kAp, milliseconds(8));
  EXPECT_EQ(chooser_.home(), kEu);
  Up(kUs, milliseconds(5));
  EXPECT_EQ(chooser_.home(), kUs);
}

TEST_F(HomeChooserTest, DoesNotWaitLongForARelayThatIsDown) {
  Run(hours(1));
  EXPECT_EQ(chooser_.home(), kEu);
  Up(kAp, milliseconds(90));
  Run(HomeChooser::kSettleTime - milliseconds(1));
  EXPECT_EQ(chooser_.home(), kEu);
  Run(milliseconds(1));
  EXPECT_EQ(chooser_.home(), kAp);
}

TEST_F(HomeChooserTest, OfEqualsTheLowerNumberWins) {
  Up(kAp, milliseconds(20));
  Up(kUs, milliseconds(20));
  Up(kEu, milliseconds(60));
  EXPECT_EQ(chooser_.home(), kUs);
}

TEST_F(HomeChooserTest, StaysWhileAnotherIsNotNearerByFar) {
  Settle();
  distances_[kUs] = milliseconds(41);  // not by a third
  Run(hours(1));
  EXPECT_EQ(homes_, (std::vector<RelayId>{kEu}));
}

TEST_F(HomeChooserTest, StaysForTheSakeOfSomeMilliseconds) {
  Up(kEu, milliseconds(10));
  Up(kUs, milliseconds(20));
  Up(kAp, milliseconds(20));
  distances_[kUs] = milliseconds(1);
  homes_.clear();
  Run(hours(1));
  EXPECT_EQ(homes_, (std::vector<RelayId>{kEu}));
}

TEST_F(HomeChooserTest, MovesToOneThatStaysNearer) {
  Settle();
  chooser_.HandleRoundTrip(now_, kUs, milliseconds(30));
  distances_[kUs] = milliseconds(30);
  Run(HomeChooser::kSteady - milliseconds(1));
  EXPECT_EQ(chooser_.home(), kEu);
  Run(milliseconds(1));
  EXPECT_EQ(chooser_.home(), kUs);
  Run(hours(1));
  EXPECT_EQ(homes_, (std::vector<RelayId>{kEu, kUs}));
}

TEST_F(HomeChooserTest, LongWaitsInQueuesMoveNothing) {
  Settle();
  for (int i = 0; i < 50; ++i) {
    for (int slow = 0; slow < 5; ++slow) {
      chooser_.HandleRoundTrip(now_, kEu, seconds(2));
      now_ += seconds(20);
      chooser_.HandleTimeout(now_);
      Note();
    }
    chooser_.HandleRoundTrip(now_, kEu, milliseconds(60));
  }
  EXPECT_EQ(homes_, (std::vector<RelayId>{kEu}));
}

TEST_F(HomeChooserTest, LeavesADeadHomeForTheNearestLeft) {
  Settle();
  Down(kEu);
  Run(HomeChooser::kDeadAfter - milliseconds(1));
  EXPECT_EQ(chooser_.home(), kEu);
  Run(milliseconds(1));
  EXPECT_EQ(chooser_.home(), kUs);
}

TEST_F(HomeChooserTest, AShortBreakMovesNothing) {
  Settle();
  for (int i = 0; i < 100; ++i) {
    Down(kEu);
    Run(seconds(9));
    Up(kEu, milliseconds(60));
    Run(seconds(3));
  }
  EXPECT_EQ(homes_, (std::vector<RelayId>{kEu}));
}

TEST_F(HomeChooserTest, OneThatReturnsProvesItselfFirst) {
  Settle();
  Down(kEu);
  Run(minutes(1));
  ASSERT_EQ(chooser_.home(), kUs);
  Up(kEu, milliseconds(20));
  Run(HomeChooser::kTrustAfter + HomeChooser::kSteady - milliseconds(1));
  EXPECT_EQ(chooser_.home(), kUs);
  Run(milliseconds(1));
  EXPECT_EQ(chooser_.home(), kEu);
}

TEST_F(HomeChooserTest, OneThatComesAndGoesIsNeverTaken) {
  Settle();
  Down(kEu);
  Run(minutes(1));
  for (int i = 0; i < 50; ++i) {
    Up(kEu, milliseconds(5));
    Run(minutes(4));
    Down(kEu);
    Run(minutes(1));
  }
  EXPECT_EQ(homes_, (std::vector<RelayId>{kEu, kUs}));
}

TEST_F(HomeChooserTest, AnOutageOfAllMovesNothing) {
  Settle();
  for (const RelayId relay : {kEu, kUs, kAp}) {
    Down(relay);
  }
  Run(hours(1));
  Up(kUs, milliseconds(90));
  Run(seconds(1));
  Up(kEu, milliseconds(60));
  Up(kAp, milliseconds(200));
  Run(hours(1));
  EXPECT_EQ(homes_, (std::vector<RelayId>{kEu}));
}

TEST_F(HomeChooserTest, AnotherNetworkIsMeasuredAnew) {
  Settle();
  chooser_.HandleNetworkChange(now_);
  Up(kUs, milliseconds(10));
  chooser_.HandleRoundTrip(now_, kUs, milliseconds(10));
  chooser_.HandleRoundTrip(now_, kEu, milliseconds(80));
  EXPECT_EQ(chooser_.home(), kEu);
  chooser_.HandleRoundTrip(now_, kAp, milliseconds(90));
  EXPECT_EQ(chooser_.home(), kUs);
}

TEST_F(HomeChooserTest, AnotherNetworkThatIsLikeTheOldOneMovesNothing) {
  Settle();
  for (int i = 0; i < 20; ++i) {
    chooser_.HandleNetworkChange(now_);
    chooser_.HandleRoundTrip(now_, kUs, milliseconds(55));
    Run(minutes(2));
  }
  EXPECT_EQ(homes_, (std::vector<RelayId>{kEu}));
}

TEST_F(HomeChooserTest, AHomeThatIsRemovedIsReplacedAtOnce) {
  Settle();
  chooser_.SetRelays(now_, {kUs, kAp});
  EXPECT_EQ(chooser_.home(), kUs);
  chooser_.SetRelays(now_, {kAp});
  EXPECT_EQ(chooser_.home(), kAp);
  EXPECT_FALSE(chooser_.NextTimeout());
  chooser_.SetRelays(now_, {});
  EXPECT_FALSE(chooser_.home());
  EXPECT_FALSE(chooser_.NextTimeout());
}

TEST_F(HomeChooserTest, NothingIsWeighedWithOneRelay) {
  chooser_.SetRelays(now_, {kAp});
  Up(kAp, milliseconds(60));
  EXPECT_FALSE(chooser_.NextTimeout());
  Down(kAp);
  EXPECT_FALSE(chooser_.NextTimeout());
  EXPECT_EQ(chooser_.home(), kAp);
}

TEST_F(HomeChooserTest, ForgetsARelayThatIsNoLongerThere) {
  Settle();
  chooser_.SetRelays(now_, {kEu, kUs});
  chooser_.HandleUp(now_, kAp);
  chooser_.HandleRoundTrip(now_, kAp, milliseconds(1));
  EXPECT_FALSE(chooser_.Distance(kAp));
  Run(hours(1));
  EXPECT_EQ(chooser_.home(), kEu);
}

TEST(HomeChooser, NeverSpinsNorFlapsWhateverHappens) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SeededRng rng(seed);
    HomeChooser chooser;
    Instant now{};
    chooser.SetRelays(now, {0, 1, 2});
    std::optional<RelayId> home = chooser.home();
    Instant changed = now;
    for (int step = 0; step < 2000; ++step) {
      const auto relay = static_cast<RelayId>(rng.Below(4));
      switch (rng.Below(12)) {
        case 0:
          chooser.HandleDown(now, relay);
          break;
        case 1:
        case 2:
          chooser.HandleUp(now, relay);
          break;
        default:
          chooser.HandleRoundTrip(now, relay, milliseconds(1 + rng.Below(200)));
      }
      now += milliseconds(rng.Below(3000));
      chooser.HandleTimeout(now);
      const auto next = chooser.NextTimeout();
      ASSERT_TRUE(!next || *next > now) << seed;
      if (chooser.home() != home) {
        // Apart from the first choice, which is made early.
        ASSERT_TRUE(changed == Instant{} ||
                    now - changed >= HomeChooser::kSettleTime)
            << seed;
        home = chooser.home();
        changed = now;
      }
      ASSERT_TRUE(home) << seed;
    }
  }
}

}  // namespace
}  // namespace natkit::mesh
