// Consent freshness (RFC 7675), failover and restarts of one agent.

#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "ice_agent_lab.h"

namespace natkit::ice {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(AgentConsent, ChecksTheSelectedPairWithANewIdEachTime) {
  AgentLab lab(AgentConfig{});
  lab.SetUp();
  lab.AnswerAll(seconds(1));
  ASSERT_TRUE(lab.agent.selected());
  lab.Advance(seconds(29));
  std::set<stun::TransactionId> ids;
  Instant last{};
  const auto requests = lab.TakeRequests();
  for (const Sent& request : requests) {
    ids.insert(stun::Message::Parse(request.transmit.payload)->id());
    EXPECT_GE(request.at - last, seconds(4));
    last = request.at;
    EXPECT_FALSE(lab.Read(request).use_candidate);
  }
  EXPECT_EQ(ids.size(), requests.size());
  EXPECT_GE(ids.size(), 4U);
}

TEST(AgentConsent, ExpiresThirtySecondsAfterTheLastAnswer) {
  AgentLab lab(AgentConfig{});
  lab.SetUp();
  lab.AnswerAll(milliseconds(50));
  ASSERT_TRUE(lab.agent.selected());
  lab.Advance(milliseconds(29949));
  EXPECT_TRUE(lab.agent.selected());
  EXPECT_TRUE(lab.agent.is_suspect());
  lab.Advance(milliseconds(51));
  EXPECT_FALSE(lab.agent.selected());
  EXPECT_EQ(lab.agent.state(), AgentState::kDisconnected);
  lab.TakeRequests();
  lab.Advance(seconds(60));
  EXPECT_TRUE(lab.TakeRequests().empty());
}

TEST(AgentConsent, OnlyAnswersCountNotChecksOfThePeer) {
  AgentLab lab(AgentConfig::Mesh(Role::kControlling));
  lab.SetUp();
  lab.AnswerAll(milliseconds(100));
  ASSERT_TRUE(lab.agent.selected());
  for (int i = 0; i < 30; ++i) {
    lab.Check(lab.Request());
    lab.Advance(milliseconds(100));
  }
  EXPECT_FALSE(lab.agent.selected());
}

TEST(AgentConsent, StaysWhileAnswersCome) {
  AgentLab lab(AgentConfig::Mesh(Role::kControlling));
  lab.SetUp();
  lab.AnswerAll(std::chrono::minutes(10));
  EXPECT_TRUE(lab.agent.selected());
  EXPECT_TRUE(lab.EventsOf<SuspectEvent>().empty());
  EXPECT_GE(lab.agent.counters().consent_checks_sent, 480U);
  EXPECT_LE(lab.agent.counters().consent_checks_sent, 760U);
}

TEST(AgentConsent, SuspicionComesEarlyAndGoesWithAnAnswer) {
  AgentLab lab(AgentConfig::Mesh(Role::kControlling));
  lab.SetUp();
  lab.AnswerAll(milliseconds(100));
  lab.Advance(milliseconds(1900));
  EXPECT_TRUE(lab.agent.is_suspect());
  EXPECT_TRUE(lab.agent.selected());
  lab.Answer(lab.TakeRequests().back().transmit);
  EXPECT_FALSE(lab.agent.is_suspect());
  const auto events = lab.EventsOf<SuspectEvent>();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_TRUE(events[0].is_suspect);
  EXPECT_FALSE(events[1].is_suspect);
}

TEST(AgentConsent, FailsOverToAnotherPairWithinTwoSeconds) {
  AgentLab lab(AgentConfig::Mesh(Role::kControlling));
  lab.SetUp(20);
  lab.AddRemote(kRemote2, 10);
  lab.AnswerAll(seconds(1));
  ASSERT_EQ(lab.agent.selected()->remote, kRemote);
  lab.silent = kRemote;
  lab.AnswerAll(seconds(2));
  ASSERT_TRUE(lab.agent.selected());
  EXPECT_EQ(lab.agent.selected()->remote, kRemote2);
  // And does not go back to the dead one.
  lab.AnswerAll(seconds(20));
  EXPECT_EQ(lab.agent.selected()->remote, kRemote2);
  // But does once it works again.
  lab.silent.reset();
  lab.AnswerAll(seconds(40));
  EXPECT_EQ(lab.agent.selected()->remote, kRemote);
}

TEST(AgentConsent, TriesAgainAfterAnOutage) {
  AgentLab lab(AgentConfig::Mesh(Role::kControlling));
  lab.SetUp();
  lab.AnswerAll(seconds(1));
  lab.silent = kRemote;
  lab.AnswerAll(seconds(5));
  EXPECT_EQ(lab.agent.state(), AgentState::kDisconnected);
  lab.silent.reset();
  lab.AnswerAll(seconds(2));
  EXPECT_EQ(lab.agent.state(), AgentState::kConnected);
}

TEST(AgentConsent, ControllingRepeatsItsNominationForTheOtherSide) {
  AgentLab lab(AgentConfig::Mesh(Role::kControlling));
  lab.SetUp();
  lab.AnswerAll(milliseconds(100));
  lab.Advance(milliseconds(1300));
  const auto requests = lab.TakeRequests();
  ASSERT_FALSE(requests.empty());
  EXPECT_EQ(lab.Read(requests[0]).nomination, 1U);
}

TEST(AgentRestart, KeepsDataOnTheOldPairUntilANewOneIsSelected) {
  AgentLab lab(AgentConfig::Mesh(Role::kControlling));
  lab.SetUp();
  lab.AnswerAll(seconds(1));
  const std::string old_ufrag = lab.agent.local_credentials().ufrag;
  const Credentials old_local = lab.agent.local_credentials();
  lab.events.clear();
  lab.agent.Restart(lab.now);
  lab.Drain();
  EXPECT_NE(lab.agent.local_credentials().ufrag, old_ufrag);
  EXPECT_EQ(lab.EventsOf<LocalCandidateEvent>().size(), 1U);
  lab.AnswerAll(seconds(20));
  ASSERT_TRUE(lab.agent.selected());
  EXPECT_TRUE(lab.EventsOf<SelectedPairEvent>().empty());

  // Old checks are answered meanwhile.
  CheckRequest old = lab.Request();
  old.username = old_ufrag + ":peer";
  EXPECT_TRUE(lab.Deliver(BuildCheck(old, AgentLab::KeyOf(old_local))));
  EXPECT_EQ(lab.TakeResponses().size(), 1U);

  // The old credentials, signalled again, are not a new session.
  (void)lab.agent.SetRemoteCredentials(lab.now, lab.peer);
  lab.peer = {.ufrag = "next", .password = "nextpasswordnextpassword"};
  EXPECT_TRUE(lab.agent.SetRemoteCredentials(lab.now, lab.peer));
  EXPECT_TRUE(lab.EventsOf<RestartedEvent>().empty());
  lab.AddRemote(kRemote2, 10);
  lab.AnswerAll(seconds(1));
  ASSERT_EQ(lab.agent.selected()->remote, kRemote2);
  const auto changes = lab.EventsOf<SelectedPairEvent>();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_TRUE(changes[0].pair);

  // After the linger time the old session is gone.
  lab.AnswerAll(seconds(4));
  EXPECT_FALSE(lab.Deliver(BuildCheck(old, AgentLab::KeyOf(old_local))));
}

TEST(AgentRestart, FollowsARestartOfTheOtherSide) {
  AgentLab lab(AgentConfig::Mesh(Role::kControlled));
  lab.SetUp();
  const std::string old_ufrag = lab.agent.local_credentials().ufrag;
  lab.Drain();
  lab.events.clear();
  EXPECT_TRUE(lab.agent.SetRemoteCredentials(
      lab.now, {.ufrag = "next", .password = "nextpasswordnextpassword"}));
  lab.Drain();
  EXPECT_NE(lab.agent.local_credentials().ufrag, old_ufrag);
  ASSERT_EQ(lab.events.size(), 3U);
  EXPECT_TRUE(std::holds_alternative<RestartedEvent>(lab.events[0]));
  EXPECT_TRUE(std::holds_alternative<LocalCandidateEvent>(lab.events[1]));
}

TEST(AgentRestart, TwiceInARowKeepsThePairThatCarriesData) {
  AgentLab lab(AgentConfig::Mesh(Role::kControlling));
  lab.SetUp();
  lab.AnswerAll(seconds(1));
  lab.agent.Restart(lab.now);
  lab.agent.Restart(lab.now);
  lab.AnswerAll(seconds(10));
  EXPECT_TRUE(lab.agent.selected());
}

TEST(AgentRestart, TheOldPairStillNeedsConsent) {
  AgentLab lab(AgentConfig::Mesh(Role::kControlling));
  lab.SetUp();
  lab.AnswerAll(seconds(1));
  lab.agent.Restart(lab.now);
  lab.Advance(seconds(4));
  EXPECT_FALSE(lab.agent.selected());
  EXPECT_EQ(lab.agent.state(), AgentState::kDisconnected);
}

TEST(AgentRestart, ComesToRestWhenANominationWasUnderWay) {
  AgentLab lab(AgentConfig{});
  lab.SetUp();
  lab.Answer(lab.TakeRequests()[0].transmit);
  lab.now += seconds(5);
  lab.agent.HandleTimeout(lab.now);  // sends the nomination
  lab.agent.Restart(lab.now);
  lab.Drain();
  ASSERT_TRUE(lab.agent.NextTimeout());
  EXPECT_GT(*lab.agent.NextTimeout(), lab.now);
}

TEST(AgentRestart, RefusesBadCredentialsWithoutEffect) {
  AgentLab lab(AgentConfig{});
  lab.SetUp();
  const std::string ufrag = lab.agent.local_credentials().ufrag;
  EXPECT_EQ(
      lab.agent
          .SetRemoteCredentials(lab.now, {.ufrag = "abcd", .password = "short"})
          .error()
          .code,
      Errc::kBadCredentials);
  EXPECT_EQ(lab.agent.local_credentials().ufrag, ufrag);
}

}  // namespace
}  // namespace natkit::ice
