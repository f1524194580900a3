#include "node/path_watch.h"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <utility>

namespace natkit::mesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Trust = PathWatch::Trust;

constexpr size_t kSmall = 128;
constexpr size_t kLargeSize = 1300;

PathWatch::PathId Path(uint16_t port) {
  return {.local = {IpAddress::V4(10, 0, 0, 1), 1},
          .remote = {IpAddress::V4(10, 0, 0, 2), port}};
}

/// A watch on one path, and its peer, which counts what reaches it.
class PathWatchTest : public testing::Test {
 protected:
  PathWatchTest() { watch_.HandlePath(now_, Path(1)); }

  /// Sends one datagram each 10 ms; the peer gets it if `arrives`, and answers
  /// each directly if `answers`. Questions are answered over the relay.
  void Run(Duration length, bool arrives, bool answers, size_t size = kSmall) {
    for (const Instant end = now_ + length; now_ < end;
         now_ += milliseconds(10)) {
      watch_.NoteSent(now_, size);
      received_ += arrives ? 1 : 0;
      if (arrives && size >= PathWatch::kLarge) {
        ++received_large_;
        large_received_at_ = now_;
      }
      if (answers) {
        watch_.NoteReceived(now_, kSmall);
      }
      watch_.HandleTimeout(now_);
      Answer(false);
    }
  }

  /// Answers a question over the relay, and directly by a keepalive.
  void Answer(bool sends_keepalive) {
    const auto query = watch_.PollQuery();
    if (!query) {
      return;
    }
    ++questions_;
    watch_.HandleReport(now_, {.nonce = query->nonce,
                               .received = received_,
                               .received_data = received_,
                               .received_large = received_large_,
                               .large_idle = now_ - large_received_at_});
    if (sends_keepalive) {
      watch_.NoteReceived(now_, 32);
    }
  }

  Instant now_{};
  PathWatch watch_;
  uint64_t received_ = 0;
  uint64_t received_large_ = 0;
  Instant large_received_at_{};
  int questions_ = 0;
};

TEST_F(PathWatchTest, AGoodPathIsTrustedAndSeldomAskedAbout) {
  Run(seconds(120), true, true);
  EXPECT_EQ(watch_.trust(), Trust::kTrusted);
  EXPECT_LE(questions_, 13);
  EXPECT_EQ(watch_.loss(), 0.0);
}

TEST_F(PathWatchTest, SilenceIsDoubtedWithin300MsAndBrokenWithin1200) {
  Run(seconds(1), true, true);
  Run(milliseconds(300), false, false);
  EXPECT_EQ(watch_.trust(), Trust::kDoubted);
  EXPECT_TRUE(watch_.PollBeganToDoubt());
  EXPECT_FALSE(watch_.PollBeganToDoubt());
  Run(milliseconds(900), false, false);
  EXPECT_EQ(watch_.trust(), Trust::kBroken);
}

TEST_F(PathWatchTest, IsBrokenThoughThePeerIsHeard) {
  Run(seconds(1), true, true);
  for (int i = 0; i < 8 && watch_.trust() != Trust::kBroken; ++i) {
    watch_.HandleQuery(now_, {.nonce = 1, .is_doubt = true});
    Run(milliseconds(250), false, true);
  }
  EXPECT_EQ(watch_.trust(), Trust::kBroken);
}

TEST_F(PathWatchTest, IsBrokenForLargeDatagramsAlone) {
  Run(seconds(1), true, true);
  for (int i = 0; i < 400; ++i) {
    Run(milliseconds(10), true, true);
    Run(milliseconds(10), false, true, kLargeSize);
    if (watch_.trust() == Trust::kBroken) {
      return;
    }
  }
  FAIL();
}

TEST_F(PathWatchTest, AFewLossesAreForgiven) {
  Run(seconds(1), true, true, kLargeSize);
  Run(milliseconds(30), false, true, kLargeSize);
  Run(seconds(5), true, true, kLargeSize);
  EXPECT_EQ(watch_.trust(), Trust::kTrusted);
}

TEST_F(PathWatchTest, AConversationThatStandsStillIsDoubted) {
  Run(seconds(1), true, true);
  for (const int pause : {200, 400, 800}) {  // as TCP does
    watch_.NoteSent(now_, kSmall);
    for (const Instant end = now_ + milliseconds(pause); now_ < end;
         now_ += milliseconds(10)) {
      watch_.HandleTimeout(now_);
      Answer(true);
    }
  }
  EXPECT_EQ(watch_.trust(), Trust::kDoubted);
}

TEST_F(PathWatchTest, TheEndOfAFlowIsAskedAboutOnce) {
  for (const bool is_answered : {true, false}) {
    questions_ = 0;
    for (int i = 0; i < 20; ++i) {
      watch_.NoteReceived(now_, kLargeSize);
    }
    for (int i = 0; i < 50; ++i, now_ += milliseconds(10)) {
      watch_.HandleTimeout(now_);
      if (is_answered) {
        Answer(true);
      }
    }
    EXPECT_EQ(watch_.trust(), is_answered ? Trust::kTrusted : Trust::kDoubted);
    EXPECT_EQ(questions_, is_answered ? 1 : 0);
  }
}

TEST_F(PathWatchTest, MeasuresLoss) {
  for (int i = 0; i < 3000; ++i) {
    Run(milliseconds(10), i % 10 != 0, true);
  }
  ASSERT_TRUE(watch_.loss().has_value());
  EXPECT_NEAR(*watch_.loss(), 0.1, 0.02);
  EXPECT_EQ(watch_.trust(), Trust::kTrusted);
}

TEST_F(PathWatchTest, ABrokenPathIsAvoidedUntilItsRetry) {
  Run(seconds(2), false, false);
  ASSERT_EQ(watch_.trust(), Trust::kBroken);
  watch_.HandlePath(now_, Path(2));
  EXPECT_EQ(watch_.trust(), Trust::kTrusted);
  watch_.HandlePath(now_, Path(1));
  EXPECT_EQ(watch_.trust(), Trust::kBroken);
  Run(seconds(16), true, true);
  EXPECT_EQ(watch_.trust(), Trust::kTrusted);
}

TEST_F(PathWatchTest, WithoutReportsThereIsNoVerdict) {
  for (int i = 0; i < 400; ++i) {
    watch_.NoteSent(now_, kSmall);
    watch_.HandleTimeout(now_);
    (void)watch_.PollQuery();
    EXPECT_NE(watch_.trust(), Trust::kBroken);
    now_ += milliseconds(10);
  }
}

TEST_F(PathWatchTest, APeerThatDoubtsGetsTheRelayToo) {
  watch_.HandleQuery(now_, {.nonce = 1, .is_doubt = false});
  EXPECT_FALSE(watch_.needs_relay(now_));
  watch_.HandleQuery(now_, {.nonce = 2, .is_doubt = true});
  EXPECT_TRUE(watch_.needs_relay(now_));
  EXPECT_FALSE(watch_.needs_relay(now_ + seconds(1)));
}

TEST_F(PathWatchTest, IgnoresReportsOfOldQuestions) {
  Run(milliseconds(300), false, false);
  ASSERT_EQ(watch_.trust(), Trust::kDoubted);
  watch_.NoteReceived(now_, kSmall);
  for (uint32_t nonce = 100; nonce < 110; ++nonce) {
    watch_.HandleReport(now_, {.nonce = nonce,
                               .received = 100 * nonce,
                               .received_data = 100 * nonce});
  }
  EXPECT_EQ(watch_.trust(), Trust::kDoubted);
}

/// A lossless path and a relay of other delays: bursts that one way carries
/// while the other carries the question are no losses.
class Overtaking : public testing::Test {
 protected:
  struct Ways {
    Duration direct;  ///< one way
    Duration relay;
    Duration burst_interval;
    size_t burst;
    size_t size = 1400;
  };

  /// Lets time pass by milliseconds, with bursts both ways; yields how long the
  /// path was not trusted.
  Duration Run(const Ways& ways, Duration length) {
    PathWatch watch;
    watch.HandleRtt(2 * ways.direct);
    watch.HandlePath(now_, Path(1));
    Duration doubted{};
    for (const Instant end = now_ + length; now_ < end;
         now_ += milliseconds(1)) {
      if ((now_ - Instant{}) % ways.burst_interval < milliseconds(1)) {
        for (size_t i = 0; i < ways.burst; ++i) {
          watch.NoteSent(now_, ways.size);
          there_.push_back(now_ + ways.direct);
          here_.push_back(now_ + ways.direct);
        }
      }
      for (; !there_.empty() && there_.front() <= now_; there_.pop_front()) {
        ++received_;
        received_at_ = now_;
      }
      for (; !here_.empty() && here_.front() <= now_; here_.pop_front()) {
        watch.NoteReceived(now_, ways.size);
      }
      watch.HandleTimeout(now_);
      Ask(watch, ways);
      EXPECT_NE(watch.trust(), Trust::kBroken);
      doubted += watch.trust() == Trust::kTrusted ? Duration{}
                                                  : Duration(milliseconds(1));
    }
    return doubted;
  }

 private:
  void Ask(PathWatch& watch, const Ways& ways) {
    if (const auto query = watch.PollQuery()) {
      watch.NoteSent(now_, 32);
      keepalives_.push_back(now_ + ways.direct);
      queries_.emplace_back(now_ + ways.relay, *query);
    }
    for (; !keepalives_.empty() && keepalives_.front() <= now_;
         keepalives_.pop_front()) {
      ++received_keepalives_;
      watch.NoteReceived(now_, 32);
    }
    for (; !queries_.empty() && queries_.front().first <= now_;
         queries_.pop_front()) {
      reports_.emplace_back(
          now_ + ways.relay,
          PathReport{.nonce = queries_.front().second.nonce,
                     .received = received_ + received_keepalives_,
                     .received_data = received_,
                     .received_large = received_,
                     .large_idle = now_ - received_at_});
    }
    for (; !reports_.empty() && reports_.front().first <= now_;
         reports_.pop_front()) {
      watch.HandleReport(now_, reports_.front().second);
    }
  }

  Instant now_{};
  std::deque<Instant> there_;
  std::deque<Instant> here_;
  std::deque<Instant> keepalives_;
  std::deque<std::pair<Instant, PathQuery>> queries_;
  std::deque<std::pair<Instant, PathReport>> reports_;
  uint64_t received_ = 0;
  uint64_t received_keepalives_ = 0;
  Instant received_at_{};
};

TEST_F(Overtaking, NoWayBreaksAPathWithoutLoss) {
  for (const Duration direct : {milliseconds(5), milliseconds(50),
                                milliseconds(150), milliseconds(300)}) {
    for (const Duration relay :
         {milliseconds(1), milliseconds(40), milliseconds(250)}) {
      for (const Duration interval :
           {milliseconds(20), milliseconds(330), milliseconds(1100)}) {
        for (const size_t burst : {size_t{1}, size_t{10}, size_t{60}}) {
          SCOPED_TRACE(testing::Message()
                       << direct / milliseconds(1) << " ms, relay "
                       << relay / milliseconds(1) << " ms, " << burst
                       << " each " << interval / milliseconds(1) << " ms");
          const Duration doubted = Run({.direct = direct,
                                        .relay = relay,
                                        .burst_interval = interval,
                                        .burst = burst},
                                       seconds(30));
          EXPECT_LT(doubted, seconds(3));
        }
      }
    }
  }
}

}  // namespace
}  // namespace natkit::mesh
