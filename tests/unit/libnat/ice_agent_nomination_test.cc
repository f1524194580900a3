// Which pair is selected, and when.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "ice_agent_lab.h"

namespace natkit::ice {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

AgentConfig Regular(Role role) {
  AgentConfig config;
  config.role = role;
  return config;
}

TEST(AgentNomination, RegularNominatesTheOnlyPairAtOnce) {
  AgentLab lab(Regular(Role::kControlling));
  lab.SetUp();
  lab.Answer(lab.TakeRequests()[0].transmit);
  EXPECT_FALSE(lab.agent.selected());
  lab.Advance(milliseconds(50));
  const auto nomination = lab.TakeRequests();
  ASSERT_EQ(nomination.size(), 1U);
  EXPECT_TRUE(lab.Read(nomination[0]).use_candidate);
  EXPECT_FALSE(lab.Read(nomination[0]).nomination);
  lab.Answer(nomination[0].transmit);
  ASSERT_TRUE(lab.agent.selected());
  EXPECT_EQ(lab.agent.selected()->remote, kRemote);
  EXPECT_EQ(lab.agent.selected()->local_base, kBase);
  EXPECT_EQ(lab.EventsOf<SelectedPairEvent>().size(), 1U);
}

TEST(AgentNomination, RegularWaitsForBetterPairsButNotForLong) {
  AgentLab lab(Regular(Role::kControlling));
  lab.SetUp(10);
  lab.AddRemote(kRemote2, 20);  // better, and never answers
  lab.silent = kRemote2;
  // The answer comes at once; 50 ms of waiting, Ta until the nomination.
  lab.AnswerAll(milliseconds(49));
  EXPECT_FALSE(lab.agent.selected());
  lab.AnswerAll(milliseconds(52));
  ASSERT_TRUE(lab.agent.selected());
  EXPECT_EQ(lab.agent.selected()->remote, kRemote);
}

TEST(AgentNomination, RegularWaitsForBetterPairsAsLongAsARoundTrip) {
  constexpr auto kRtt = milliseconds(200);
  for (const auto limit : {milliseconds(500), milliseconds(150)}) {
    const auto wait = std::min(kRtt, limit);
    AgentConfig config = Regular(Role::kControlling);
    config.nomination_wait = limit;
    AgentLab lab(config);
    lab.SetUp(10);
    lab.AddRemote(kRemote2, 20);
    lab.Advance(milliseconds(50));
    const auto requests = lab.TakeRequests();
    const auto worse = std::ranges::find(
        requests, kRemote, [](const Sent& s) { return s.transmit.to; });
    ASSERT_NE(worse, requests.end());
    lab.Advance(kRtt - (lab.now - worse->at));
    lab.Answer(worse->transmit);
    (void)lab.TakeRequests();
    const auto is_nominating = [&] {
      return std::ranges::any_of(lab.TakeRequests(), [&](const Sent& sent) {
        return lab.Read(sent).use_candidate;
      });
    };
    lab.Advance(wait - milliseconds(1));
    EXPECT_FALSE(is_nominating());
    lab.Advance(milliseconds(51));
    EXPECT_TRUE(is_nominating());
  }
}

TEST(AgentNomination, RegularNominatesOncePerSession) {
  AgentLab lab(Regular(Role::kControlling));
  lab.SetUp(10);
  lab.AnswerAll(seconds(1));
  ASSERT_TRUE(lab.agent.selected());
  lab.AddRemote(kRemote2, 20);
  lab.AnswerAll(seconds(3));
  EXPECT_EQ(lab.agent.selected()->remote, kRemote);
  EXPECT_EQ(lab.EventsOf<SelectedPairEvent>().size(), 1U);
}

TEST(AgentNomination, ContinuousMovesToABetterPairAndCountsUp) {
  AgentLab lab(AgentConfig::Mesh(Role::kControlling));
  lab.SetUp(10);
  lab.AnswerAll(milliseconds(100));
  ASSERT_TRUE(lab.agent.selected());
  lab.AddRemote(kRemote2, 20);
  lab.Advance(milliseconds(20));
  lab.Answer(lab.TakeRequests().back().transmit);
  lab.Advance(milliseconds(20));
  const auto nomination = lab.TakeRequests();
  ASSERT_EQ(nomination.size(), 1U);
  EXPECT_EQ(lab.Read(nomination[0]).nomination, 2U);
  EXPECT_EQ(lab.agent.selected()->remote, kRemote);
  lab.Answer(nomination[0].transmit);
  EXPECT_EQ(lab.agent.selected()->remote, kRemote2);
}

TEST(AgentNomination, ContinuousStaysWithTheBetterPair) {
  AgentLab lab(AgentConfig::Mesh(Role::kControlling));
  lab.SetUp(20);
  lab.AnswerAll(milliseconds(100));
  lab.AddRemote(kRemote2, 10);
  lab.AnswerAll(seconds(20));
  EXPECT_EQ(lab.agent.selected()->remote, kRemote);
  EXPECT_EQ(lab.EventsOf<SelectedPairEvent>().size(), 1U);
}

TEST(AgentNomination, ControlledWaitsForItsOwnCheck) {
  AgentLab lab(Regular(Role::kControlled));
  lab.SetUp();
  const auto own = lab.TakeRequests();
  CheckRequest request = lab.Request();
  request.use_candidate = true;
  lab.Check(request);
  EXPECT_FALSE(lab.agent.selected());
  lab.Answer(own[0].transmit);
  EXPECT_TRUE(lab.agent.selected());
}

TEST(AgentNomination, ControlledDoesNotSelectWithoutANomination) {
  AgentLab lab(Regular(Role::kControlled));
  lab.SetUp();
  lab.Check(lab.Request());
  lab.AnswerAll(seconds(5));
  EXPECT_FALSE(lab.agent.selected());
  EXPECT_EQ(lab.agent.state(), AgentState::kChecking);
}

TEST(AgentNomination, ControlledFollowsTheHighestNominationWhateverTheOrder) {
  AgentLab lab(AgentConfig::Mesh(Role::kControlled));
  lab.SetUp(20);
  lab.AddRemote(kRemote2, 10);
  lab.AnswerAll(milliseconds(100));
  CheckRequest request = lab.Request();
  request.use_candidate = true;
  request.nomination = 5;
  lab.Check(request, kRemote2);
  EXPECT_EQ(lab.agent.selected()->remote, kRemote2);
  request = lab.Request();
  request.use_candidate = true;
  request.nomination = 4;  // delayed on its way
  lab.Check(request, kRemote);
  EXPECT_EQ(lab.agent.selected()->remote, kRemote2);
  request = lab.Request();
  request.use_candidate = true;
  request.nomination = 6;
  lab.Check(request, kRemote);
  EXPECT_EQ(lab.agent.selected()->remote, kRemote);
}

TEST(AgentNomination, ControlledFollowsAggressiveNominationToTheBestPair) {
  AgentLab lab(Regular(Role::kControlled));
  lab.SetUp(20);
  lab.AddRemote(kRemote2, 10);
  lab.AnswerAll(milliseconds(300));
  for (const Endpoint& from : {kRemote2, kRemote, kRemote2}) {
    CheckRequest request = lab.Request();
    request.use_candidate = true;
    lab.Check(request, from);
  }
  EXPECT_EQ(lab.agent.selected()->remote, kRemote);
}

TEST(AgentNomination, ANominationThatIsNotAnsweredFailsItsPair) {
  AgentLab lab(AgentConfig::Mesh(Role::kControlling));
  lab.SetUp(20);
  lab.AddRemote(kRemote2, 10);
  lab.Advance(milliseconds(20));
  for (const Sent& request : lab.TakeRequests()) {
    lab.Answer(request.transmit);
  }
  lab.silent = kRemote;
  lab.AnswerAll(seconds(12));
  ASSERT_TRUE(lab.agent.selected());
  EXPECT_EQ(lab.agent.selected()->remote, kRemote2);
}

TEST(AgentNomination, RemovingTheBaseMovesToTheNextBestPair) {
  AgentLab lab(AgentConfig::Mesh(Role::kControlling));
  lab.SetUp();
  (void)lab.agent.AddHostBase(lab.now, kBase2);
  lab.Drain();
  lab.AnswerAll(seconds(1));
  ASSERT_EQ(lab.agent.selected()->local_base, kBase);
  lab.agent.RemoveHostBase(lab.now, kBase);
  lab.Drain();
  EXPECT_FALSE(lab.agent.selected());
  lab.AnswerAll(seconds(1));
  ASSERT_TRUE(lab.agent.selected());
  EXPECT_EQ(lab.agent.selected()->local_base, kBase2);
  const auto changes = lab.EventsOf<SelectedPairEvent>();
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_FALSE(changes[1].pair);
}

TEST(AgentNomination, MeasuresTheRoundTripTime) {
  AgentLab lab(AgentConfig::Mesh(Role::kControlling));
  lab.SetUp();
  for (int i = 0; i < 2; ++i) {
    const auto requests = lab.TakeRequests();
    ASSERT_EQ(requests.size(), 1U);
    lab.now += milliseconds(30);
    lab.Answer(requests[0].transmit);
  }
  EXPECT_EQ(lab.agent.selected()->rtt, milliseconds(30));
  EXPECT_EQ(lab.agent.selected()->local_mapped, kBase);
}

}  // namespace
}  // namespace natkit::ice
