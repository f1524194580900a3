// Node keys that change under traffic (mesh.md 4.4).

#include <gtest/gtest.h>

#include "mesh_dynamic_nodes.h"

namespace natkit::mesh {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

/// Packets of both directions that a handshake and what is under way may cost,
/// at one each way every 10 ms and up to 240 ms there and back.
constexpr size_t kOneHandshake = 60;

struct Case {
  bool is_direct;
  double loss;
};

class MeshRotation : public ::testing::TestWithParam<Case> {
 protected:
  static DynamicNodes& Connect(DynamicNodes& nodes) {
    NATKIT_CHECK(nodes.TellA() && nodes.TellB());
    nodes.Exchange(seconds(4));
    NATKIT_CHECK(nodes.a.IsDirectTo("b") == GetParam().is_direct);
    nodes.world().network().SetLoss(GetParam().loss);
    return nodes;
  }

  static const sim::NatBehavior& Nat() {
    return GetParam().is_direct ? kHomeNat : kSymmetricNat;
  }

  /// What the link itself loses of both directions in that many seconds.
  static size_t LinkLoss(size_t length) {
    return static_cast<size_t>(GetParam().loss * 400 *
                               static_cast<double>(length));
  }

  SeededRng rng_{77};
};

TEST_P(MeshRotation, CostsNothingButWhatALossyLinkCosts) {
  DynamicNodes nodes(11, /*has_relays=*/true, Nat());
  Connect(nodes);
  StaticPrivateKey next = GeneratePrivateKey(rng_);
  const uint16_t since = nodes.last_sent();
  nodes.next_a = DerivePublicKey(next);
  ASSERT_TRUE(nodes.TellB());
  nodes.Exchange(seconds(2));
  nodes.world().Run(std::chrono::milliseconds(500));
  EXPECT_LE(nodes.lost(since), LinkLoss(2)) << "announced";
  nodes.a.Rotate(std::move(next));
  nodes.Exchange(seconds(4));
  EXPECT_EQ(nodes.b.CountEvents<PeerKeyChanged>(), 1U);
  nodes.key_a = *nodes.next_a;
  nodes.next_a.reset();
  ASSERT_TRUE(nodes.TellB());
  nodes.a.Do([](Node& node, Instant now) {
    node.RetirePrivateKey(now);
    return true;
  });
  nodes.Exchange(seconds(4));
  nodes.world().Run(seconds(1));
  const size_t lost = nodes.lost(since);
  EXPECT_LE(lost, GetParam().loss > 0 ? kOneHandshake + LinkLoss(10) : 0);
  RecordProperty("lost", static_cast<int>(lost));
  EXPECT_EQ(nodes.a.IsDirectTo("b"), GetParam().is_direct);
}

INSTANTIATE_TEST_SUITE_P(
    Paths, MeshRotation,
    ::testing::Values(Case{true, 0}, Case{false, 0}, Case{true, 0.02}),
    [](const auto& each) {
      return std::string(each.param.is_direct ? "Direct" : "Relayed") +
             (each.param.loss > 0 ? "WithLoss" : "");
    });

TEST(MeshRotationSim, APeerThatLearnsTheNextKeyLateIsReachedThen) {
  DynamicNodes nodes(12);
  SeededRng rng(78);
  ASSERT_TRUE(nodes.TellA());
  ASSERT_TRUE(nodes.TellB());
  nodes.Exchange(seconds(3));
  StaticPrivateKey next = GeneratePrivateKey(rng);
  const PublicKey key = DerivePublicKey(next);
  nodes.a.Rotate(std::move(next));
  nodes.Exchange(seconds(3));
  nodes.key_a = key;
  ASSERT_TRUE(nodes.TellB());
  nodes.Exchange(seconds(2));
  const uint16_t since = nodes.last_sent();
  nodes.Exchange(seconds(2));
  nodes.world().Run(seconds(1));
  EXPECT_EQ(nodes.lost(since), 0U);
}

TEST(MeshRotationSim, APeerThatLacksTheNextKeyLosesNothingMeanwhile) {
  DynamicNodes nodes(19);
  SeededRng rng(83);
  ASSERT_TRUE(nodes.TellA());
  ASSERT_TRUE(nodes.TellB());
  nodes.Exchange(seconds(3));
  const uint16_t since = nodes.last_sent();
  StaticPrivateKey next = GeneratePrivateKey(rng);
  nodes.next_a = DerivePublicKey(next);
  nodes.a.Rotate(std::move(next));
  nodes.Exchange(seconds(30));
  nodes.world().Run(seconds(1));
  EXPECT_EQ(nodes.lost(since), 0U);
  ASSERT_TRUE(nodes.TellB());
  nodes.Exchange(seconds(2));
  nodes.key_a = *nodes.next_a;
  nodes.next_a.reset();
  ASSERT_TRUE(nodes.TellB());
  nodes.Exchange(seconds(4));
  nodes.world().Run(seconds(1));
  EXPECT_LE(nodes.lost(since), kOneHandshake);
}

TEST(MeshRotationSim, AnAbortBeforeTheSwitchChangesNothing) {
  DynamicNodes nodes(13);
  SeededRng rng(79);
  ASSERT_TRUE(nodes.TellA());
  ASSERT_TRUE(nodes.TellB());
  nodes.Exchange(seconds(3));
  const uint16_t since = nodes.last_sent();
  nodes.next_a = DerivePublicKey(GeneratePrivateKey(rng));
  ASSERT_TRUE(nodes.TellB());
  nodes.Exchange(seconds(1));
  nodes.next_a.reset();
  ASSERT_TRUE(nodes.TellB());
  nodes.Exchange(seconds(1));
  nodes.world().Run(seconds(1));
  EXPECT_EQ(nodes.lost(since), 0U);
  EXPECT_EQ(nodes.b.CountEvents<PeerKeyChanged>(), 0U);
}

TEST(MeshRotationSim, TheOldKeyEndsByItselfAfterThreeMinutes) {
  DynamicNodes nodes(14);
  SeededRng rng(80);
  ASSERT_TRUE(nodes.TellA());
  ASSERT_TRUE(nodes.TellB());
  nodes.Exchange(seconds(3));
  StaticPrivateKey next = GeneratePrivateKey(rng);
  nodes.next_a = DerivePublicKey(next);
  ASSERT_TRUE(nodes.TellB());
  nodes.a.Rotate(std::move(next));
  nodes.Exchange(seconds(2));
  nodes.world().Run(minutes(4));
  const uint16_t since = nodes.last_sent();
  nodes.Exchange(seconds(2));
  nodes.world().Run(seconds(1));
  EXPECT_EQ(nodes.lost(since), 0U);
  nodes.key_a = *nodes.next_a;
  nodes.next_a.reset();
  ASSERT_TRUE(nodes.TellB());
  nodes.Exchange(seconds(2));
  nodes.world().Run(seconds(1));
  EXPECT_EQ(nodes.lost(since), 0U);
}

TEST(MeshRotationSim, AKeyThatHasEndedNeverGetsThePrefixesBack) {
  DynamicNodes nodes(15);
  SeededRng rng(81);
  const StaticPrivateKey first = GeneratePrivateKey(rng);
  nodes.a.Rotate(first.Clone());
  nodes.key_a = DerivePublicKey(first);
  ASSERT_TRUE(nodes.TellA());
  ASSERT_TRUE(nodes.TellB());
  nodes.Exchange(seconds(3));
  StaticPrivateKey next = GeneratePrivateKey(rng);
  nodes.next_a = DerivePublicKey(next);
  ASSERT_TRUE(nodes.TellB());
  nodes.a.Rotate(std::move(next));
  nodes.Exchange(seconds(2));
  ASSERT_EQ(nodes.b.CountEvents<PeerKeyChanged>(), 1U);
  nodes.world().Run(minutes(4));  // the entry of the first key is gone
  // The server has not heard of the switch: its map names both keys again. And
  // somebody has got hold of the old one.
  ASSERT_TRUE(nodes.TellB());
  nodes.a.Rotate(first.Clone());
  nodes.Exchange(seconds(2));
  EXPECT_EQ(nodes.b.CountEvents<PeerKeyChanged>(), 1U);
}

TEST(MeshRotationSim, NeedsASignallingKeyOfItsOwn) {
  TwoNodes nodes(kHomeNat, kHomeNat, 15);
  nodes.StartBoth();
  SeededRng rng(81);
  EXPECT_EQ(nodes.a.node()
                .SetPrivateKey(nodes.world().now(), GeneratePrivateKey(rng))
                .error()
                .code,
            Errc::kInvalidState);
}

TEST(MeshRotationSim, BothKeysChangeAgainAndAgain) {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    DynamicNodes nodes(seed);
    SeededRng rng(seed);
    ASSERT_TRUE(nodes.TellA());
    ASSERT_TRUE(nodes.TellB());
    nodes.Exchange(seconds(2));
    for (int round = 0; round < 8; ++round) {
      const bool is_a = rng.Below(2) == 0;
      StaticPrivateKey next = GeneratePrivateKey(rng);
      const PublicKey key = DerivePublicKey(next);
      const auto tell = [&] { return is_a ? nodes.TellB() : nodes.TellA(); };
      if (rng.Below(3) > 0) {
        (is_a ? nodes.next_a : nodes.next_b) = key;
        ASSERT_TRUE(tell());
      }
      (is_a ? nodes.a : nodes.b).Rotate(std::move(next));
      nodes.Exchange(std::chrono::milliseconds(10 * rng.Below(200)));
      (is_a ? nodes.next_a : nodes.next_b).reset();
      (is_a ? nodes.key_a : nodes.key_b) = key;
      ASSERT_TRUE(tell());
      nodes.Exchange(std::chrono::milliseconds(10 * rng.Below(100)));
    }
    nodes.Exchange(seconds(8));
    const uint16_t since = nodes.last_sent();
    nodes.Exchange(seconds(2));
    nodes.world().Run(seconds(1));
    EXPECT_EQ(nodes.lost(since), 0U) << "seed " << seed;
  }
}

/// Has one key, for whoever is asked for, and notes who that was.
class OneKey final : public PresharedKeyProvider {
 public:
  explicit OneKey(uint8_t byte) { Become(byte); }

  void Become(uint8_t byte) {
    std::array<uint8_t, PresharedKey::kSize> bytes{};
    bytes.fill(byte);
    key_ = PresharedKey(bytes);
  }

  [[nodiscard]] std::optional<PresharedKey> FindPresharedKey(
      const PublicKey& peer) override {
    asked.push_back(peer);
    return key_.Clone();
  }

  std::vector<PublicKey> asked;

 private:
  PresharedKey key_;
};

TEST(MeshRotationSim, ThePairsPresharedKeyGoesOnWithTheNextKey) {
  const auto of_a = std::make_shared<OneKey>(7);
  const auto of_b = std::make_shared<OneKey>(7);
  DynamicNodes nodes(16, true, kHomeNat, {}, {.of_a = of_a, .of_b = of_b});
  SeededRng rng(82);
  ASSERT_TRUE(nodes.TellA());
  ASSERT_TRUE(nodes.TellB());
  nodes.Exchange(seconds(3));
  StaticPrivateKey next = GeneratePrivateKey(rng);
  nodes.next_a = DerivePublicKey(next);
  ASSERT_TRUE(nodes.TellB());
  nodes.a.Rotate(std::move(next));
  nodes.Exchange(seconds(2));
  EXPECT_EQ(nodes.b.CountEvents<PeerKeyChanged>(), 1U);
  const uint16_t since = nodes.last_sent();
  nodes.Exchange(seconds(2));
  nodes.world().Run(seconds(1));
  EXPECT_EQ(nodes.lost(since), 0U);
  const PublicKey signalling = *nodes.DescribeA().signalling_key;
  EXPECT_EQ(of_b->asked, (std::vector<PublicKey>{signalling, signalling}));
  EXPECT_EQ(of_a->asked.size(), 1U);
}

/// Both begin at once, here and at each renewal of the session.
TEST(MeshRotationSim, HandshakesThatCrossCostNothing) {
  DynamicNodes nodes(20);
  ASSERT_TRUE(nodes.TellA());
  ASSERT_TRUE(nodes.TellB());
  nodes.Exchange(seconds(3));
  const uint16_t since = nodes.last_sent();
  nodes.Exchange(minutes(5));
  nodes.world().Run(seconds(1));
  EXPECT_EQ(nodes.lost(since), 0U);
}

TEST(MeshRotationSim, WithoutTheSamePresharedKeyNothingPasses) {
  DynamicNodes nodes(17, true, kHomeNat, {},
                     {.of_a = std::make_shared<OneKey>(7), .of_b = nullptr});
  ASSERT_TRUE(nodes.TellA());
  ASSERT_TRUE(nodes.TellB());
  nodes.Exchange(seconds(3));
  EXPECT_TRUE(nodes.a.arrived().empty());
  EXPECT_TRUE(nodes.b.arrived().empty());
}

/// A key may be exchanged while packets flow: it takes effect with the next
/// handshake.
TEST(MeshRotationSim, APresharedKeyThatOnlyOneSideLearnsWaitsForTheOther) {
  const auto of_a = std::make_shared<OneKey>(7);
  DynamicNodes nodes(18, true, kHomeNat, {}, {.of_a = of_a, .of_b = of_a});
  ASSERT_TRUE(nodes.TellA());
  ASSERT_TRUE(nodes.TellB());
  nodes.Exchange(seconds(3));
  of_a->Become(9);
  ASSERT_TRUE(nodes.TellA());
  nodes.Exchange(seconds(3));
  ASSERT_TRUE(nodes.TellB());
  nodes.Exchange(minutes(4));  // and a handshake with it
  const uint16_t since = nodes.last_sent();
  nodes.Exchange(seconds(5));
  nodes.world().Run(seconds(1));
  EXPECT_EQ(nodes.lost(since), 0U);
}

}  // namespace
}  // namespace natkit::mesh
