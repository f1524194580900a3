// Floods of forged STUN change nothing and cost bounded memory.

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "ice/check_message.h"
#include "ice_agent_lab.h"

namespace natkit::ice {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kFlood = 20000;

/// What a flood must not change.
struct View {
  AgentState state;
  Role role;
  std::optional<SelectedPair> selected;
  std::vector<Candidate> locals;
  bool operator==(const View&) const = default;
};

View ViewOf(const AgentLab& lab) {
  return {lab.agent.state(), lab.agent.role(), lab.agent.selected(),
          lab.agent.local_candidates()};
}

Endpoint SpoofedSource(uint32_t i) {
  return {
      .address = IpAddress::V4(192, 0, static_cast<uint8_t>(2 + i / 256 % 4),
                               static_cast<uint8_t>(i % 256)),
      .port = static_cast<uint16_t>(1024 + i % 60000)};
}

class AgentFlood : public testing::Test {
 protected:
  AgentFlood() : lab_(AgentConfig::Mesh(Role::kControlled)), rng_(7) {
    lab_.SetUp();
    lab_.Advance(seconds(2));
    base_ = lab_.agent.local_candidates().front().base;
    lab_.TakeRequests();
    lab_.events.clear();
  }

  /// Feeds one datagram; returns the bytes it made the agent send.
  size_t Feed(const Endpoint& from, ByteView datagram) {
    (void)lab_.agent.HandleDatagram(lab_.now, base_, from, datagram);
    size_t bytes = 0;
    size_t count = 0;
    while (const auto transmit = lab_.agent.PollTransmit()) {
      bytes += transmit->payload.size();
      ++count;
    }
    EXPECT_LE(count, 1U);
    return bytes;
  }

  AgentLab lab_;
  SeededRng rng_;
  Endpoint base_;
};

TEST_F(AgentFlood, ChecksWithAWrongPasswordChangeNothing) {
  const View before = ViewOf(lab_);
  const auto key = stun::IntegrityKey::ShortTerm("not the right password");
  for (uint32_t i = 0; i < kFlood; ++i) {
    const CheckRequest forged{
        .id = stun::TransactionId::Generate(rng_),
        .username = lab_.agent.local_credentials().ufrag + ":peer",
        .priority = rng_.NextU32(),
        .role = i % 2 == 0 ? Role::kControlling : Role::kControlled,
        .tiebreaker = rng_.NextU64(),
        .use_candidate = true,
        .nomination = i};
    const auto datagram = BuildCheck(forged, *key);
    // The refusal is not larger: the agent is no amplifier.
    EXPECT_LE(Feed(SpoofedSource(i), datagram), datagram.size());
  }
  EXPECT_TRUE(ViewOf(lab_) == before);
  EXPECT_EQ(lab_.agent.counters().dropped_unauthenticated, kFlood);
  EXPECT_EQ(lab_.agent.PollEvent(), std::nullopt);
}

/// Answers what is asked of `genuine` alone.
void AnswerOnly(AgentLab& lab, const Endpoint& genuine, Duration duration) {
  const Instant end = lab.now + duration;
  while (lab.now < end) {
    lab.Advance(milliseconds(20));
    for (const Sent& request : lab.TakeRequests()) {
      if (request.transmit.to == genuine) {
        lab.Answer(request.transmit);
      }
    }
  }
}

/// Gives the agent a path to kRemote.
void Connect(AgentLab& lab) {
  lab.SetUp();
  CheckRequest check = lab.Request();
  check.use_candidate = lab.agent.role() == Role::kControlled;
  lab.Check(check);
  AnswerOnly(lab, kRemote, seconds(2));
  EXPECT_TRUE(lab.agent.selected());
  lab.TakeResponses();
}

/// The peer is at kRemote2 now; the agent must follow.
void ExpectRoam(AgentLab& lab) {
  lab.AddRemote(kRemote2, kMaxLocalPreference);
  for (int i = 0; i < 100; ++i) {
    CheckRequest check = lab.Request();
    check.use_candidate = lab.agent.role() == Role::kControlled;
    lab.Check(check, kRemote2);
    AnswerOnly(lab, kRemote2, milliseconds(500));
    if (lab.agent.selected() && lab.agent.selected()->remote == kRemote2) {
      return;
    }
  }
  ADD_FAILURE() << "never roamed";
}

std::vector<AgentConfig> AllKinds() {
  return {AgentConfig::Mesh(Role::kControlled),
          AgentConfig::Mesh(Role::kControlling),
          AgentConfig{.role = Role::kControlled},
          AgentConfig{.role = Role::kControlling}};
}

/// Whoever has seen one check can send it from anywhere.
TEST(AgentReplay, CopiesOfACheckAreAnsweredAndNoMore) {
  for (const AgentConfig& config : AllKinds()) {
    AgentLab lab(config);
    Connect(lab);
    const View before = ViewOf(lab);
    CheckRequest check = lab.Request();
    check.use_candidate = config.role == Role::kControlled;
    lab.Check(check);
    lab.TakeResponses();
    const uint64_t sent = lab.agent.counters().checks_sent;
    for (uint32_t i = 0; i < kFlood; ++i) {
      lab.Check(check, SpoofedSource(i));
    }
    EXPECT_EQ(lab.TakeResponses().size(), size_t{kFlood});
    EXPECT_TRUE(ViewOf(lab) == before);
    AnswerOnly(lab, kRemote, seconds(5));
    EXPECT_EQ(lab.agent.counters().checks_sent, sent);
    EXPECT_EQ(lab.agent.counters().dropped_replayed, uint64_t{kFlood});
    EXPECT_EQ(lab.agent.selected()->remote, kRemote);
    ExpectRoam(lab);
  }
}

TEST(AgentReplay, CopiesBeforeTheCredentialsCountOnce) {
  AgentLab lab(AgentConfig{.role = Role::kControlled});
  (void)lab.agent.AddHostBase(lab.now, kBase);
  const CheckRequest check = lab.Request();
  lab.Check(check, kRemote2);
  for (uint32_t i = 0; i < 100; ++i) {
    lab.Check(check, SpoofedSource(i));
  }
  EXPECT_EQ(lab.agent.counters().dropped_over_limit, 0U);
  (void)lab.agent.SetRemoteCredentials(lab.now, lab.peer);
  lab.Advance(seconds(1));
  for (const Sent& request : lab.TakeRequests()) {
    EXPECT_EQ(request.transmit.to, kRemote2);
  }
}

/// Each check that was seen brings one more source; none of them answers.
TEST(AgentReplay, SourcesThatNeverAnswerMakeRoomForOthers) {
  for (const AgentConfig& config : AllKinds()) {
    AgentLab lab(config);
    Connect(lab);
    for (uint32_t i = 0; i < 1000; ++i) {
      lab.Check(lab.Request(), SpoofedSource(i));
      if (i % 50 == 0) {
        AnswerOnly(lab, kRemote, milliseconds(200));
      }
    }
    EXPECT_LE(lab.agent.paths().size(), 20U);
    ExpectRoam(lab);
  }
}

/// The peer's own second source, learnt from its check alone.
TEST(AgentReplay, ANewSourceIsFollowedInAFloodOfSourcesThatDoNotAnswer) {
  AgentLab lab(AgentConfig::Mesh(Role::kControlled));
  Connect(lab);
  for (uint32_t i = 0; i < 1000; ++i) {
    lab.Check(lab.Request(), SpoofedSource(i));
  }
  for (int i = 0; i < 20; ++i) {
    CheckRequest check = lab.Request();
    check.use_candidate = true;
    lab.Check(check, kRemote2);
    AnswerOnly(lab, kRemote2, milliseconds(500));
  }
  ASSERT_TRUE(lab.agent.selected());
  EXPECT_EQ(lab.agent.selected()->remote, kRemote2);
}

TEST_F(AgentFlood, ResponsesToNobodysTransactionChangeNothing) {
  const View before = ViewOf(lab_);
  const auto key = stun::IntegrityKey::ShortTerm("whatever it may be, not it");
  for (uint32_t i = 0; i < kFlood; ++i) {
    const auto id = stun::TransactionId::Generate(rng_);
    const auto datagram =
        BuildCheckSuccess(id, SpoofedSource(i), *key, Integrity::kSha1);
    EXPECT_EQ(Feed(SpoofedSource(i), datagram), 0U);
  }
  EXPECT_TRUE(ViewOf(lab_) == before);
  EXPECT_EQ(lab_.agent.PollEvent(), std::nullopt);
}

TEST_F(AgentFlood, ChecksForOthersAreNotAnsweredAtAll) {
  const View before = ViewOf(lab_);
  const auto key = stun::IntegrityKey::ShortTerm("somebody else\'s password");
  for (uint32_t i = 0; i < kFlood; ++i) {
    const CheckRequest forged{.id = stun::TransactionId::Generate(rng_),
                              .username = std::to_string(i) + ":peer"};
    EXPECT_EQ(Feed(SpoofedSource(i), BuildCheck(forged, *key)), 0U);
  }
  EXPECT_TRUE(ViewOf(lab_) == before);
}

TEST_F(AgentFlood, AnOwnerThatDoesNotDrainLosesAnswersNotMemory) {
  const auto key = stun::IntegrityKey::ShortTerm("not the right password");
  for (uint32_t i = 0; i < kFlood; ++i) {
    const CheckRequest forged{
        .id = stun::TransactionId::Generate(rng_),
        .username = lab_.agent.local_credentials().ufrag + ":peer"};
    (void)lab_.agent.HandleDatagram(lab_.now, base_, SpoofedSource(i),
                                    BuildCheck(forged, *key));
  }
  size_t queued = 0;
  while (lab_.agent.PollTransmit()) {
    ++queued;
  }
  EXPECT_LE(queued, 512U);
  EXPECT_GT(lab_.agent.counters().dropped_over_limit, 0U);
}

}  // namespace
}  // namespace natkit::ice
