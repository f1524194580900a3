#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "ice/consent.h"
#include "natkit/base/rng.h"

namespace natkit::ice {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Action = Consent::Action;

struct Due {
  Action action;
  Duration at;
};

/// Runs without answers until consent expires.
std::vector<Due> RunUnanswered(Consent& consent, Rng& rng) {
  std::vector<Due> out;
  Instant now{};
  while (out.empty() || out.back().action != Action::kExpired) {
    now = consent.NextTimeout();
    for (auto action = consent.Advance(now, rng); action != Action::kNone;
         action = consent.Advance(now, rng)) {
      out.push_back({.action = action, .at = now - Instant{}});
    }
  }
  return out;
}

TEST(Consent, ChecksEveryFourToSixSecondsAndExpiresAfterThirty) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SeededRng rng(seed);
    Consent consent(AgentConfig{}, rng, Instant{});
    const auto trace = RunUnanswered(consent, rng);
    Duration last{};
    for (const Due& due : trace) {
      if (due.action == Action::kSendCheck) {
        EXPECT_GE(due.at - last, seconds(4));
        EXPECT_LE(due.at - last, seconds(6));
        last = due.at;
      } else if (due.action == Action::kSuspect) {
        EXPECT_EQ(due.at, seconds(12));
      }
    }
    EXPECT_EQ(trace.back().at, seconds(30));
    EXPECT_EQ(consent.NextTimeout(), Instant::max());
  }
}

TEST(Consent, UsesItsWholeJitterRange) {
  Duration shortest = seconds(100);
  Duration longest{};
  for (uint64_t seed = 0; seed < 300; ++seed) {
    SeededRng rng(seed);
    const Consent consent(AgentConfig{}, rng, Instant{});
    shortest = std::min(shortest, consent.NextTimeout() - Instant{});
    longest = std::max(longest, consent.NextTimeout() - Instant{});
  }
  EXPECT_LT(shortest, milliseconds(4050));
  EXPECT_GT(longest, milliseconds(5950));
}

TEST(Consent, ProbesFastOnceAnAnswerIsMissing) {
  SeededRng rng(1);
  Consent consent(AgentConfig::Mesh(Role::kControlling), rng, Instant{});
  const auto trace = RunUnanswered(consent, rng);
  std::vector<Duration> sent;
  for (const Due& due : trace) {
    if (due.action == Action::kSendCheck) {
      sent.push_back(due.at);
    } else if (due.action == Action::kSuspect) {
      EXPECT_EQ(due.at, milliseconds(1800));
      EXPECT_GE(sent.size(), 3U);  // one or two losses are not suspicious
    }
  }
  EXPECT_GE(sent.front(), milliseconds(800));
  EXPECT_LE(sent.front(), milliseconds(1200));
  for (size_t i = 1; i < sent.size(); ++i) {
    EXPECT_EQ(sent[i] - sent[i - 1], milliseconds(250));
  }
  EXPECT_EQ(trace.back().at, seconds(3));
}

TEST(Consent, AnAnswerClearsSuspicionAndStartsOver) {
  SeededRng rng(1);
  Consent consent(AgentConfig::Mesh(Role::kControlling), rng, Instant{});
  Instant now = Instant{} + milliseconds(1800);
  while (consent.Advance(now, rng) != Action::kNone) {
  }
  EXPECT_TRUE(consent.is_suspect());
  consent.OnResponse(now, rng);
  EXPECT_FALSE(consent.is_suspect());
  EXPECT_EQ(consent.Advance(now + milliseconds(700), rng), Action::kNone);
  now += milliseconds(3000);
  std::vector<Action> actions;
  for (auto action = consent.Advance(now, rng); action != Action::kNone;
       action = consent.Advance(now, rng)) {
    actions.push_back(action);
  }
  EXPECT_EQ(actions, (std::vector<Action>{Action::kExpired}));
}

TEST(Consent, AnEarlyOrRepeatedCallIsHarmless) {
  SeededRng rng(1);
  Consent consent(AgentConfig{}, rng, Instant{});
  EXPECT_EQ(consent.Advance(Instant{}, rng), Action::kNone);
  EXPECT_EQ(consent.Advance(Instant{} + seconds(6), rng), Action::kSendCheck);
  EXPECT_EQ(consent.Advance(Instant{} + seconds(6), rng), Action::kNone);
}

}  // namespace
}  // namespace natkit::ice
