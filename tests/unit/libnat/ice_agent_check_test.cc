// How an agent checks pairs and answers checks.

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "ice_agent_lab.h"

namespace natkit::ice {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

AgentConfig Rfc(Role role = Role::kControlling) {
  AgentConfig config;
  config.role = role;
  return config;
}

TEST(AgentCheck, FollowsTheRfcScheduleAndFailsAfterPatience) {
  AgentLab lab(Rfc());
  lab.SetUp();
  lab.agent.SetLocalEndOfCandidates(lab.now);
  lab.agent.SetRemoteEndOfCandidates(lab.now);
  lab.Advance(milliseconds(39499));
  std::vector<Duration> at;
  for (const Sent& request : lab.TakeRequests()) {
    at.push_back(request.at - Instant{});
  }
  EXPECT_EQ(at, (std::vector<Duration>{milliseconds(0), milliseconds(500),
                                       milliseconds(1500), milliseconds(3500),
                                       milliseconds(7500), milliseconds(15500),
                                       milliseconds(31500)}));
  EXPECT_EQ(lab.agent.state(), AgentState::kChecking);
  lab.Advance(milliseconds(1));
  EXPECT_EQ(lab.agent.state(), AgentState::kFailed);
  EXPECT_EQ(lab.agent.NextTimeout(), std::nullopt);
}

TEST(AgentCheck, DoesNotFailWhileCandidatesMayCome) {
  AgentLab lab(Rfc());
  lab.SetUp();
  lab.agent.SetLocalEndOfCandidates(lab.now);
  lab.Advance(seconds(60));
  EXPECT_EQ(lab.agent.state(), AgentState::kChecking);
  lab.agent.SetRemoteEndOfCandidates(lab.now);
  lab.Drain();
  EXPECT_EQ(lab.agent.state(), AgentState::kFailed);
}

TEST(AgentCheck, RecoversFromFailureWhenThePeerComesThrough) {
  AgentLab lab(Rfc());
  lab.SetUp();
  lab.agent.SetLocalEndOfCandidates(lab.now);
  lab.agent.SetRemoteEndOfCandidates(lab.now);
  lab.Advance(seconds(60));
  ASSERT_EQ(lab.agent.state(), AgentState::kFailed);
  lab.TakeRequests();
  EXPECT_TRUE(lab.Check(lab.Request()));
  lab.AnswerAll(seconds(2));
  EXPECT_EQ(lab.agent.state(), AgentState::kConnected);
}

TEST(AgentCheck, ChecksAHintBeforeEverythingElse) {
  AgentConfig config = Rfc();
  config.freezing = false;
  AgentLab lab(config);
  lab.SetUp();
  lab.AddRemote(kRemote2, 100);
  lab.TakeRequests();  // the first pair; the second waits for its turn
  const Endpoint hint{.address = IpAddress::V4(192, 0, 2, 3), .port = 6001};
  ASSERT_TRUE(lab.agent.AddRemoteEndpointHint(lab.now, hint));
  EXPECT_TRUE(lab.agent.AddRemoteEndpointHint(lab.now, hint));
  lab.Advance(milliseconds(100));
  const auto requests = lab.TakeRequests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].transmit.to, hint);
  EXPECT_EQ(requests[1].transmit.to, kRemote2);
  EXPECT_TRUE(lab.Answer(requests[0].transmit));
  lab.AnswerAll(seconds(1));
  EXPECT_EQ(lab.agent.state(), AgentState::kConnected);
}

TEST(AgentCheck, RefusesAHintThatIsNoAddress) {
  AgentLab lab(Rfc());
  lab.SetUp();
  const auto refused = lab.agent.AddRemoteEndpointHint(
      lab.now, {.address = IpAddress::V4(224, 0, 0, 1), .port = 6001});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kBadCandidate);
}

TEST(AgentCheck, CarriesWhatRfc8445Wants) {
  for (const Role role : {Role::kControlling, Role::kControlled}) {
    AgentLab lab(Rfc(role));
    lab.SetUp();
    const auto requests = lab.TakeRequests();
    ASSERT_EQ(requests.size(), 1U);
    const auto message = *stun::Message::Parse(requests[0].transmit.payload);
    EXPECT_TRUE(message.has_fingerprint());
    EXPECT_EQ(*message.Get<stun::attr::Username>(),
              "peer:" + lab.agent.local_credentials().ufrag);
    const IncomingCheck check = lab.Read(requests[0]);
    EXPECT_EQ(check.priority, 1862270975U);
    EXPECT_EQ(check.controlling.has_value(), role == Role::kControlling);
    EXPECT_EQ(check.controlled.has_value(), role == Role::kControlled);
    EXPECT_FALSE(check.use_candidate);
    EXPECT_EQ(requests[0].transmit.from_base, kBase);
    EXPECT_EQ(requests[0].transmit.to, kRemote);
  }
}

TEST(AgentCheck, PacesNewChecksByTa) {
  AgentLab lab(Rfc());
  lab.SetUp(10);
  for (uint16_t i = 0; i < 4; ++i) {
    lab.AddRemote(
        {.address = kRemote.address, .port = static_cast<uint16_t>(7000 + i)},
        static_cast<uint16_t>(20 + i));
  }
  lab.Advance(milliseconds(400));
  std::vector<std::pair<Duration, uint16_t>> trace;
  for (const Sent& request : lab.TakeRequests()) {
    trace.emplace_back(request.at - Instant{}, request.transmit.to.port);
  }
  EXPECT_EQ(trace, (std::vector<std::pair<Duration, uint16_t>>{
                       {milliseconds(0), 6000},
                       {milliseconds(50), 7003},
                       {milliseconds(100), 7002},
                       {milliseconds(150), 7001},
                       {milliseconds(200), 7000}}));
}

TEST(AgentCheck, AnswersWithTheSourceAddressAndChecksBack) {
  AgentLab lab(Rfc(Role::kControlled));
  (void)lab.agent.AddHostBase(lab.now, kBase);
  (void)lab.agent.SetRemoteCredentials(lab.now, lab.peer);
  ASSERT_TRUE(lab.Check(lab.Request(), kRemote2));
  const auto responses = lab.TakeResponses();
  ASSERT_EQ(responses.size(), 1U);
  const auto message = *stun::Message::Parse(responses[0].transmit.payload);
  EXPECT_EQ(*message.GetXorMappedAddress(), kRemote2);
  EXPECT_TRUE(message.has_fingerprint());
  EXPECT_TRUE(stun::VerifyIntegrity(
      message, AgentLab::KeyOf(lab.agent.local_credentials())));
  // The unknown source became a peer-reflexive candidate.
  const auto requests = lab.TakeRequests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].transmit.to, kRemote2);
}

TEST(AgentCheck, LeavesOtherDatagramsAlone) {
  AgentLab lab(Rfc());
  lab.SetUp();
  lab.TakeRequests();
  const AgentCounters before = lab.agent.counters();
  CheckRequest other = lab.Request();
  other.username = "someone:peer";
  EXPECT_FALSE(lab.Check(other));
  CheckRequest prefix = lab.Request();
  prefix.username = "x" + prefix.username;
  EXPECT_FALSE(lab.Check(prefix));
  EXPECT_FALSE(lab.Deliver({}));
  EXPECT_FALSE(lab.Deliver({4, 0, 0, 0, 1, 2, 3, 4}));
  EXPECT_FALSE(lab.Deliver(BuildCheckSuccess(
      {}, kBase, AgentLab::KeyOf(lab.peer), Integrity::kSha1)));
  EXPECT_EQ(lab.agent.counters(), before);
  EXPECT_TRUE(lab.sent.empty());
}

TEST(AgentCheck, RefusesUnauthenticatedChecksWithoutEffect) {
  AgentLab lab(Rfc(Role::kControlled));
  (void)lab.agent.AddHostBase(lab.now, kBase);
  (void)lab.agent.SetRemoteCredentials(lab.now, lab.peer);
  EXPECT_TRUE(
      lab.Deliver(BuildCheck(lab.Request(), AgentLab::KeyOf(lab.peer))));
  const auto responses = lab.TakeResponses();
  ASSERT_EQ(responses.size(), 1U);
  EXPECT_EQ(AgentLab::ErrorOf(responses[0]), stun::ErrorCode::kUnauthenticated);
  lab.Advance(seconds(1));
  EXPECT_TRUE(lab.TakeRequests().empty());
  EXPECT_EQ(lab.agent.counters().dropped_unauthenticated, 1U);
}

TEST(AgentCheck, DropsForgedResponses) {
  AgentLab lab(Rfc());
  lab.SetUp();
  const auto requests = lab.TakeRequests();
  const auto id = stun::Message::Parse(requests[0].transmit.payload)->id();
  EXPECT_TRUE(lab.Deliver(BuildCheckSuccess(
      id, kBase, AgentLab::KeyOf(lab.agent.local_credentials()),
      Integrity::kSha1)));
  EXPECT_TRUE(
      lab.Deliver(BuildCheckError(id, {.code = stun::ErrorCode::kRoleConflict},
                                  AgentLab::KeyOf(lab.peer))));
  EXPECT_EQ(lab.agent.counters().dropped_unauthenticated, 2U);
  EXPECT_EQ(lab.agent.role(), Role::kControlling);
  // The true answer still counts.
  lab.Answer(requests[0].transmit);
  EXPECT_EQ(lab.agent.counters().responses_accepted, 1U);
}

TEST(AgentCheck, FailsAPairWhoseAnswerComesFromElsewhere) {
  AgentLab lab(Rfc());
  lab.SetUp();
  const auto requests = lab.TakeRequests();
  const auto id = stun::Message::Parse(requests[0].transmit.payload)->id();
  EXPECT_TRUE(lab.Deliver(
      BuildCheckSuccess(id, kBase, AgentLab::KeyOf(lab.peer), Integrity::kSha1),
      kRemote2));
  EXPECT_EQ(lab.agent.counters().dropped_asymmetric, 1U);
  lab.AnswerAll(seconds(5));
  EXPECT_FALSE(lab.agent.selected());
}

TEST(AgentCheck, AnswersEarlyChecksAndRemembersThem) {
  AgentLab lab(Rfc(Role::kControlled));
  (void)lab.agent.AddHostBase(lab.now, kBase);
  EXPECT_TRUE(lab.Check(lab.Request(), kRemote2));
  EXPECT_EQ(lab.TakeResponses().size(), 1U);
  lab.Advance(seconds(5));
  EXPECT_TRUE(lab.TakeRequests().empty());
  (void)lab.agent.SetRemoteCredentials(lab.now, lab.peer);
  lab.Drain();
  const auto requests = lab.TakeRequests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].transmit.to, kRemote2);
}

TEST(AgentCheck, BoundsEarlyChecksRemotesAndPairs) {
  AgentConfig config = Rfc(Role::kControlled);
  config.max_early_checks = 4;
  config.max_remote_candidates = 6;
  config.max_pairs = 5;
  AgentLab lab(config);
  (void)lab.agent.AddHostBase(lab.now, kBase);
  for (uint16_t i = 0; i < 100; ++i) {
    lab.Check(lab.Request(), {.address = kRemote.address,
                              .port = static_cast<uint16_t>(1000 + i)});
  }
  EXPECT_EQ(lab.agent.counters().dropped_over_limit, 96U);
  (void)lab.agent.SetRemoteCredentials(lab.now, lab.peer);
  for (uint16_t i = 0; i < 100; ++i) {
    lab.Check(lab.Request(), {.address = kRemote2.address,
                              .port = static_cast<uint16_t>(2000 + i)});
  }
  EXPECT_GE(lab.agent.counters().dropped_over_limit, 96U);
  EXPECT_LE(lab.agent.paths().size(), 5U);
  lab.TakeResponses();
  lab.Advance(milliseconds(400));
  EXPECT_LE(lab.TakeRequests().size(), 9U);  // one in 50 ms, whoever asks
}

TEST(AgentCheck, ATriggeredCheckOvertakesTheSchedule) {
  AgentLab lab(Rfc());
  lab.SetUp();
  lab.Advance(milliseconds(700));
  lab.TakeRequests();
  // The next retransmit would be at 1500 ms.
  lab.Check(lab.Request());
  const auto requests = lab.TakeRequests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].at - Instant{}, milliseconds(700));
}

TEST(AgentCheck, AcceptsAnAnswerToACancelledCheck) {
  AgentLab lab(Rfc());
  lab.SetUp();
  const auto first = lab.TakeRequests();
  lab.Advance(milliseconds(60));
  lab.Check(lab.Request());
  EXPECT_EQ(lab.TakeRequests().size(), 1U);
  lab.Answer(first[0].transmit);
  lab.AnswerAll(milliseconds(200));
  EXPECT_TRUE(lab.agent.selected());
}

TEST(AgentCheck, LearnsOnCandidatesThatTrickleIn) {
  AgentLab lab(Rfc());
  (void)lab.agent.SetRemoteCredentials(lab.now, lab.peer);
  lab.AddRemote(kRemote, 100);
  EXPECT_EQ(lab.agent.state(), AgentState::kNew);
  (void)lab.agent.AddHostBase(lab.now, kBase);
  lab.Drain();
  EXPECT_EQ(lab.agent.state(), AgentState::kChecking);
  EXPECT_EQ(lab.TakeRequests().size(), 1U);
  lab.Advance(seconds(1));
  lab.TakeRequests();
  (void)lab.agent.AddHostBase(lab.now, kBase2);
  lab.Drain();
  const auto requests = lab.TakeRequests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].transmit.from_base, kBase2);
}

TEST(AgentCheck, NextTimeoutIsNotLateWhileOutputsAreQueued) {
  AgentLab lab(Rfc());
  lab.now += seconds(9);
  (void)lab.agent.AddHostBase(lab.now, kBase);
  ASSERT_TRUE(lab.agent.NextTimeout());
  EXPECT_LE(*lab.agent.NextTimeout(), lab.now);
  lab.Drain();
  EXPECT_EQ(lab.agent.NextTimeout(), std::nullopt);
}

TEST(AgentCheck, IsDeterministic) {
  std::vector<std::vector<uint8_t>> first;
  for (int run = 0; run < 2; ++run) {
    AgentLab lab(Rfc(), 42);
    lab.SetUp();
    lab.Advance(seconds(20));
    std::vector<std::vector<uint8_t>> payloads;
    for (const Sent& request : lab.TakeRequests()) {
      payloads.push_back(request.transmit.payload);
    }
    if (run == 0) {
      first = payloads;
    } else {
      EXPECT_EQ(payloads, first);
    }
  }
}

}  // namespace
}  // namespace natkit::ice
