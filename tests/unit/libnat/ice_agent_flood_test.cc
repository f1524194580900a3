// Floods of forged STUN change nothing and cost bounded memory.

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "ice/check_message.h"
#include "ice_agent_lab.h"

namespace natkit::ice {
namespace {

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
