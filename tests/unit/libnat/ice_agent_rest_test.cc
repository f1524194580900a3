// A selected pair without data: no consent checks, keepalives only.

#include <gtest/gtest.h>

#include <chrono>

#include "ice_agent_lab.h"
#include "natkit/nat/keepalive_policy.h"

namespace natkit::ice {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

nat::KeepalivePolicy PolicyFor(nat::PowerMode power,
                               std::optional<Duration> lifetime) {
  nat::NatTraits traits;
  traits.assured_lifetime = lifetime;
  nat::KeepalivePolicy policy;
  policy.SetPower(power);
  policy.SetTraits(traits);
  return policy;
}

AgentConfig Resting(Role role) {
  AgentConfig config = AgentConfig::Mesh(role);
  config.rest_after = seconds(15);
  return config;
}

/// Connected, and without data since.
AgentLab Rested(const nat::KeepalivePolicy& policy) {
  AgentConfig config = Resting(Role::kControlling);
  config.keepalive = policy;
  AgentLab lab(config);
  lab.has_data = false;
  lab.SetUp();
  lab.AnswerAll(seconds(20));
  return lab;
}

TEST(AgentRest, BeginsFifteenSecondsAfterTheLastData) {
  AgentLab lab = Rested({});
  EXPECT_TRUE(lab.agent.is_resting());
  EXPECT_EQ(lab.agent.counters().rests, 1U);
  lab.agent.NoteData(lab.now);
  EXPECT_FALSE(lab.agent.is_resting());
  lab.AnswerAll(seconds(14));
  EXPECT_FALSE(lab.agent.is_resting());
  lab.AnswerAll(seconds(3));
  EXPECT_TRUE(lab.agent.is_resting());
  EXPECT_EQ(lab.agent.counters().rests, 2U);
}

TEST(AgentRest, TheDefaultsOfTheRfcNeverRest) {
  AgentLab lab(AgentConfig{});
  lab.has_data = false;
  lab.SetUp();
  lab.AnswerAll(hours(1));
  EXPECT_FALSE(lab.agent.is_resting());
  EXPECT_GT(lab.agent.counters().consent_checks_sent, 600U);
}

TEST(AgentRest, KeepalivesFollowTheMeasuredLifetime) {
  struct Case {
    nat::PowerMode power;
    std::optional<Duration> lifetime;
    Duration interval;
  };

  using enum nat::PowerMode;
  for (const Case& c :
       {Case{kMains, {}, seconds(15)}, Case{kMains, seconds(300), seconds(25)},
        Case{kBattery, seconds(30), seconds(19)},
        Case{kBattery, seconds(120), seconds(91)},
        Case{kBattery, seconds(300), seconds(110)}}) {
    AgentLab lab = Rested(PolicyFor(c.power, c.lifetime));
    const uint64_t before = lab.agent.counters().keepalives_sent;
    const uint64_t consent = lab.agent.counters().consent_checks_sent;
    lab.AnswerAll(hours(1));
    const auto sent =
        static_cast<int64_t>(lab.agent.counters().keepalives_sent - before);
    EXPECT_LE(sent, hours(1) / (c.interval * 9 / 10));
    EXPECT_GE(sent, hours(1) / (c.interval * 11 / 10) - 1);
    EXPECT_EQ(lab.agent.counters().consent_checks_sent, consent);
    EXPECT_EQ(lab.agent.state(), AgentState::kConnected);
  }
}

TEST(AgentRest, ChecksOfTheOtherSideServeAsKeepalives) {
  AgentLab lab = Rested({});  // every 15 s
  const uint64_t before = lab.agent.counters().keepalives_sent;
  for (int i = 0; i < 60; ++i) {
    (void)lab.Check(lab.Request());
    lab.AnswerAll(seconds(10));
  }
  EXPECT_EQ(lab.agent.counters().keepalives_sent, before);
}

TEST(AgentRest, AnIdlePhoneSendsNothingAndAsksBeforeItTrusts) {
  AgentLab lab = Rested(PolicyFor(nat::PowerMode::kMobileIdle, seconds(120)));
  (void)lab.TakeRequests();
  lab.AnswerAll(hours(8));
  EXPECT_TRUE(lab.TakeRequests().empty());
  EXPECT_EQ(lab.agent.NextTimeout(), std::nullopt);
  EXPECT_FALSE(lab.agent.is_suspect());

  lab.agent.NoteData(lab.now);
  lab.Drain();
  EXPECT_TRUE(lab.agent.is_suspect());
  const auto checks = lab.TakeRequests();
  ASSERT_EQ(checks.size(), 1U);
  lab.now += milliseconds(40);
  lab.Answer(checks[0].transmit);
  EXPECT_FALSE(lab.agent.is_suspect());
  EXPECT_EQ(lab.EventsOf<SuspectEvent>().size(), 2U);
  EXPECT_EQ(lab.agent.state(), AgentState::kConnected);
}

TEST(AgentRest, APathThatDiedMeanwhileIsGivenUpSoonAfterTraffic) {
  AgentLab lab = Rested(PolicyFor(nat::PowerMode::kMobileIdle, {}));
  lab.AnswerAll(hours(1));
  lab.agent.NoteData(lab.now);
  lab.Advance(milliseconds(3100));
  EXPECT_EQ(lab.agent.state(), AgentState::kDisconnected);
}

TEST(AgentRest, TrafficSoonAfterAnAnswerRaisesNoDoubt) {
  AgentLab lab = Rested({});
  while (lab.agent.counters().keepalives_sent == 0) {
    lab.AnswerAll(seconds(1));
  }
  lab.agent.NoteData(lab.now);
  EXPECT_FALSE(lab.agent.is_suspect());
}

TEST(AgentRest, ASilentPathIsLostAndThenAskedForTwiceAsOften) {
  AgentLab lab = Rested(PolicyFor(nat::PowerMode::kBattery, seconds(120)));
  lab.AnswerAll(seconds(200));
  EXPECT_EQ(lab.agent.keepalive().Interval(true), seconds(91));
  lab.Advance(seconds(110));  // one keepalive and its four repetitions
  EXPECT_EQ(lab.agent.state(), AgentState::kDisconnected);
  lab.AnswerAll(seconds(40));
  EXPECT_EQ(lab.agent.state(), AgentState::kConnected);
  const auto interval = lab.agent.keepalive().Interval(true);
  EXPECT_GE(interval, Duration(seconds(91)) * 9 / 20);
  EXPECT_LE(interval, Duration(seconds(91)) * 11 / 20);
}

TEST(AgentRest, OneLostKeepaliveIsNoLoss) {
  AgentLab lab = Rested({});
  (void)lab.TakeRequests();
  lab.Advance(seconds(14));
  lab.Advance(milliseconds(2600));  // the first of them may be out by now
  lab.AnswerAll(seconds(60));
  EXPECT_EQ(lab.agent.state(), AgentState::kConnected);
  EXPECT_EQ(lab.agent.keepalive().Interval(true), seconds(15));
}

/// Rested, with a keepalive that waits for its answer.
struct Asked {
  Asked() : lab(Rested({})) {
    (void)lab.TakeRequests();
    while (requests.empty()) {
      lab.Advance(seconds(1));
      requests = lab.TakeRequests();
    }
  }

  AgentLab lab;
  std::vector<Sent> requests;
};

TEST(AgentRest, AnErrorToAKeepaliveIsLookedInto) {
  Asked asked;
  AgentLab& lab = asked.lab;
  lab.AnswerError(asked.requests[0].transmit, stun::ErrorCode::kBadRequest);
  lab.Advance(milliseconds(3100));  // as with any consent that ends
  EXPECT_EQ(lab.agent.state(), AgentState::kDisconnected);
}

TEST(AgentRest, AfterOneStrayAnswerKeepalivesGoOn) {
  Asked asked;
  AgentLab& lab = asked.lab;
  const AgentTransmit& request = asked.requests[0].transmit;
  const auto id = stun::Message::Parse(request.payload)->id();
  lab.Deliver(
      BuildCheckSuccess(id, kBase, AgentLab::KeyOf(lab.peer), Integrity::kSha1),
      kRemote2);
  lab.AnswerAll(seconds(60));
  EXPECT_EQ(lab.agent.state(), AgentState::kConnected);
  EXPECT_TRUE(lab.agent.is_resting());
  const uint64_t before = lab.agent.counters().keepalives_sent;
  lab.AnswerAll(seconds(60));
  EXPECT_GE(lab.agent.counters().keepalives_sent, before + 3);
}

TEST(AgentRest, ARestartMeanwhileEndsNoKeepalive) {
  Asked asked;
  AgentLab& lab = asked.lab;
  lab.agent.Restart(lab.now);
  lab.Drain();
  lab.AnswerAll(seconds(60));  // by the peer of before; a new one never comes
  EXPECT_EQ(lab.agent.state(), AgentState::kConnected);
  lab.Advance(seconds(30));
  EXPECT_EQ(lab.agent.state(), AgentState::kDisconnected);
}

TEST(AgentRest, ForgedChecksAndAnswersChangeNothing) {
  Asked asked;  // for a keepalive, whose ID a forger on the path sees
  AgentLab& lab = asked.lab;
  const auto next = lab.agent.NextTimeout();
  const size_t remotes = lab.agent.paths().size();
  const auto wrong =
      AgentLab::KeyOf({.ufrag = "x", .password = "wrongpasswordwrongpassword"});
  const auto id =
      stun::Message::Parse(asked.requests[0].transmit.payload)->id();
  for (uint16_t i = 1; i <= 1000; ++i) {
    const Endpoint from{IpAddress::V4(198, 51, 100, 7), i};
    (void)lab.Deliver(BuildCheck(lab.Request(), wrong), from);
    (void)lab.Deliver(BuildCheckSuccess(id, from, wrong, Integrity::kSha1));
    (void)lab.Deliver(BuildCheckError(id,
                                      {.code = stun::ErrorCode::kBadRequest,
                                       .unknown = {},
                                       .integrity = Integrity::kSha1},
                                      wrong));
  }
  EXPECT_TRUE(lab.agent.is_resting());
  EXPECT_EQ(lab.agent.NextTimeout(), next);
  EXPECT_EQ(lab.agent.paths().size(), remotes);
  EXPECT_EQ(lab.agent.keepalive().Interval(true), seconds(15));
  lab.Answer(asked.requests[0].transmit);
  EXPECT_TRUE(lab.agent.is_resting());
  lab.AnswerAll(seconds(60));
  EXPECT_EQ(lab.agent.state(), AgentState::kConnected);
}

TEST(AgentRest, ANewPolicyCountsAtOnce) {
  AgentLab lab = Rested(PolicyFor(nat::PowerMode::kMobileIdle, {}));
  EXPECT_EQ(lab.agent.NextTimeout(), std::nullopt);
  lab.agent.SetKeepalive(lab.now, {});
  ASSERT_TRUE(lab.agent.NextTimeout());
  EXPECT_LE(*lab.agent.NextTimeout(), lab.now + milliseconds(16500));
  const uint64_t before = lab.agent.counters().keepalives_sent;
  lab.AnswerAll(seconds(17));
  EXPECT_EQ(lab.agent.counters().keepalives_sent, before + 1);
}

TEST(AgentRest, OtherPairsAreNotProbedMeanwhile) {
  AgentLab lab(Resting(Role::kControlling));
  lab.has_data = false;
  lab.SetUp(20);
  lab.AddRemote(kRemote2, 10);
  lab.AnswerAll(seconds(30));
  ASSERT_EQ(lab.agent.paths().size(), 2U);
  const uint64_t before = lab.agent.counters().probes_sent;
  lab.AnswerAll(hours(1));
  EXPECT_EQ(lab.agent.counters().probes_sent, before);
  lab.agent.NoteData(lab.now);
  lab.has_data = true;
  lab.AnswerAll(seconds(12));
  EXPECT_GT(lab.agent.counters().probes_sent, before);
}

}  // namespace
}  // namespace natkit::ice
