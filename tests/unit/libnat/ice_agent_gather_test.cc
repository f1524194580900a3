// Server-reflexive candidates.

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <vector>

#include "ice_agent_lab.h"
#include "natkit/nat/stun_message_builder.h"

namespace natkit::ice {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Endpoint kServer{.address = IpAddress::V4(203, 0, 113, 1),
                           .port = 3478};
constexpr Endpoint kMapped{.address = IpAddress::V4(198, 51, 100, 9),
                           .port = 4242};

AgentConfig WithServer() {
  AgentConfig config;
  config.stun_servers = {kServer, *Endpoint::Parse("[2001:db8::1]:3478")};
  return config;
}

std::vector<uint8_t> PlainAnswer(const AgentTransmit& request,
                                 const Endpoint& mapped) {
  std::array<uint8_t, 128> buffer{};
  stun::MessageBuilder builder(buffer, stun::kBindingSuccess,
                               stun::Message::Parse(request.payload)->id());
  builder.Add<stun::attr::XorMappedAddress>(mapped);
  const auto message = *builder.Finish();
  return {message.begin(), message.end()};
}

TEST(AgentGather, AsksServersOfTheBasesFamilyOnTheRfcSchedule) {
  AgentLab lab(WithServer());
  (void)lab.agent.AddHostBase(lab.now, kBase);
  lab.agent.SetLocalEndOfCandidates(lab.now);
  lab.Advance(milliseconds(39499));
  std::vector<Duration> at;
  for (const Sent& request : lab.TakeRequests()) {
    EXPECT_EQ(request.transmit.to, kServer);
    at.push_back(request.at - Instant{});
  }
  EXPECT_EQ(at, (std::vector<Duration>{milliseconds(0), milliseconds(500),
                                       milliseconds(1500), milliseconds(3500),
                                       milliseconds(7500), milliseconds(15500),
                                       milliseconds(31500)}));
  EXPECT_TRUE(lab.EventsOf<GatheringDoneEvent>().empty());
  lab.Advance(milliseconds(1));
  EXPECT_EQ(lab.EventsOf<GatheringDoneEvent>().size(), 1U);
}

TEST(AgentGather, RaisesTheReflexiveCandidateThenTheEnd) {
  AgentLab lab(WithServer());
  (void)lab.agent.AddHostBase(lab.now, kBase);
  lab.agent.SetLocalEndOfCandidates(lab.now);
  lab.Drain();
  const auto requests = lab.TakeRequests();
  EXPECT_TRUE(lab.Deliver(PlainAnswer(requests[0].transmit, kMapped), kServer));
  ASSERT_EQ(lab.events.size(), 3U);
  const auto locals = lab.EventsOf<LocalCandidateEvent>();
  ASSERT_EQ(locals.size(), 2U);
  EXPECT_EQ(locals[1].candidate.type, CandidateType::kServerReflexive);
  EXPECT_EQ(locals[1].candidate.endpoint, kMapped);
  EXPECT_EQ(locals[1].candidate.base, kBase);
  EXPECT_EQ(locals[1].candidate.priority, 1694498815U);
  EXPECT_TRUE(std::holds_alternative<GatheringDoneEvent>(lab.events[2]));
  EXPECT_EQ(lab.agent.local_candidates().size(), 2U);
}

TEST(AgentGather, IgnoresAnswersFromElsewhere) {
  AgentLab lab(WithServer());
  (void)lab.agent.AddHostBase(lab.now, kBase);
  lab.Drain();
  const auto requests = lab.TakeRequests();
  EXPECT_TRUE(lab.Deliver(PlainAnswer(requests[0].transmit, kMapped), kRemote));
  EXPECT_EQ(lab.EventsOf<LocalCandidateEvent>().size(), 1U);
  EXPECT_EQ(lab.agent.counters().dropped_asymmetric, 1U);
}

TEST(AgentGather, AMappingEqualToTheBaseAddsNothing) {
  AgentLab lab(WithServer());
  (void)lab.agent.AddHostBase(lab.now, kBase);
  lab.Drain();
  const auto requests = lab.TakeRequests();
  lab.Deliver(PlainAnswer(requests[0].transmit, kBase), kServer);
  EXPECT_EQ(lab.agent.local_candidates().size(), 1U);
}

TEST(AgentGather, TakesReflexiveCandidatesLearntElsewhere) {
  AgentLab lab(AgentConfig{});
  EXPECT_EQ(
      lab.agent.AddReflexiveCandidate(lab.now, kMapped, kBase).error().code,
      Errc::kNotFound);
  (void)lab.agent.AddHostBase(lab.now, kBase);
  EXPECT_TRUE(lab.agent.AddReflexiveCandidate(lab.now, kMapped, kBase));
  EXPECT_EQ(
      lab.agent.AddReflexiveCandidate(lab.now, kMapped, kBase).error().code,
      Errc::kAlreadyExists);
  lab.Drain();
  EXPECT_EQ(lab.EventsOf<LocalCandidateEvent>().size(), 2U);
}

TEST(AgentGather, PacesRequestsAndChecksTogether) {
  AgentLab lab(WithServer());
  lab.SetUp();
  (void)lab.agent.AddHostBase(lab.now, kBase2);
  lab.Advance(milliseconds(200));
  std::vector<Duration> at;
  for (const Sent& request : lab.TakeRequests()) {
    at.push_back(request.at - Instant{});
  }
  EXPECT_EQ(at, (std::vector<Duration>{milliseconds(0), milliseconds(50),
                                       milliseconds(100), milliseconds(150)}));
}

TEST(AgentGather, RestartAsksAgain) {
  AgentLab lab(WithServer());
  (void)lab.agent.AddHostBase(lab.now, kBase);
  lab.Drain();
  lab.Deliver(PlainAnswer(lab.TakeRequests()[0].transmit, kMapped), kServer);
  lab.now += seconds(1);
  lab.agent.Restart(lab.now);
  lab.Drain();
  EXPECT_EQ(lab.TakeRequests().size(), 1U);
}

}  // namespace
}  // namespace natkit::ice
