// What strangers' datagrams do to a node: nothing, at a cost that does not
// depend on how many peers it has.

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "mesh_two_nodes.h"
#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_message_builder.h"

namespace natkit::mesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr sim::NatBehavior kFullCone = {
    .mapping = sim::Dependence::kEndpointIndependent,
    .filtering = sim::Dependence::kEndpointIndependent};
constexpr uint32_t kFlood = 5000;

/// A STUN message of no session, from anywhere; every second claims to come
/// from `server`.
class Forger {
 public:
  explicit Forger(Endpoint local) : local_(local) {}

  void AppendTo(PacketBatch& batch) {
    std::array<uint8_t, 128> buffer{};
    const auto id = stun::TransactionId::Generate(rng_);
    const bool is_request = rng_.Below(2) == 0;
    stun::MessageBuilder builder(
        buffer, is_request ? stun::kBindingRequest : stun::kBindingSuccess, id);
    if (is_request) {
      builder.Add<stun::attr::Username>(std::to_string(rng_.NextU32()) + ":x");
    } else {
      builder.Add<stun::attr::XorMappedAddress>(RandomEndpoint());
    }
    builder.AddFingerprint();
    batch.AppendCopy(
        *builder.Finish(),
        {.remote = rng_.Below(2) == 0 ? TwoNodes::servers()[rng_.Below(2)]
                                      : RandomEndpoint(),
         .local = local_});
  }

 private:
  Endpoint RandomEndpoint() {
    const auto low = static_cast<uint8_t>(rng_.Below(256));
    const auto port = static_cast<uint16_t>(1 + rng_.Below(65535));
    return {.address = IpAddress::V4(198, 18, 0, low), .port = port};
  }

  SeededRng rng_{99};
  Endpoint local_;
};

TEST(MeshFlood, ForgedStunLeavesADirectPathAlone) {
  TwoNodes nodes(kFullCone, kFullCone, 1);
  nodes.StartBoth();
  nodes.Exchange(seconds(3));
  ASSERT_TRUE(nodes.a.IsDirectTo("b"));
  const Path path = nodes.a.PathTo("b");
  const auto reflexive = nodes.a.node().Snapshot().reflexive;
  const size_t events = nodes.a.events().size();
  Forger forger(*Endpoint::Parse("192.168.1.2:4000"));
  const uint16_t before = nodes.last_sent();
  for (int i = 0; i < 100; ++i) {
    PacketBatch batch;
    for (uint32_t j = 0; j < kFlood / 100; ++j) {
      forger.AppendTo(batch);
    }
    nodes.a.node().HandleUdp(nodes.world().now(), batch);
    nodes.Exchange(milliseconds(20));
  }
  nodes.world().Run(seconds(1));
  EXPECT_EQ(nodes.lost(before), 0U);
  EXPECT_EQ(nodes.a.PathTo("b").remote, path.remote);
  EXPECT_EQ(nodes.a.node().Snapshot().reflexive, reflexive);
  EXPECT_EQ(nodes.a.events().size(), events);
  EXPECT_GE(nodes.a.node().counters().dropped_foreign_stun, kFlood);
}

/// Strangers' WireGuard is not counted as what peers sent.
TEST(MeshFlood, JunkIsNotCountedAsReceived) {
  TwoNodes nodes(kFullCone, kFullCone, 1);
  nodes.StartBoth();
  nodes.Exchange(seconds(3));
  const uint64_t before = nodes.a.node().counters().received_direct;
  EXPECT_GT(before, 0U);
  PacketBatch batch;
  std::vector<uint8_t> junk(64);
  junk[0] = 4;  // transport data
  for (uint16_t i = 0; i < 100; ++i) {
    batch.AppendCopy(junk, {.remote = {IpAddress::V4(198, 18, 0, 1), i},
                            .local = *Endpoint::Parse("192.168.1.2:4000")});
  }
  nodes.a.node().HandleUdp(nodes.world().now(), batch);
  EXPECT_EQ(nodes.a.node().counters().received_direct, before);
}

/// A node that looks for a direct path to each of `peers` peers.
class ManyPeers {
 public:
  explicit ManyPeers(int peers) {
    MeshFile mesh;
    mesh.relays.push_back({.name = "eu", .host = "eu"});
    const StaticPrivateKey own = GeneratePrivateKey(rng_);
    AddNode(mesh, "self", DerivePublicKey(own), 0);
    for (int i = 1; i <= peers; ++i) {
      AddNode(mesh, "p" + std::to_string(i),
              DerivePublicKey(GeneratePrivateKey(rng_)), i);
    }
    auto node = Node::Create(
        {.mesh = mesh, .name = "self", .private_key = own.Clone()}, rng_);
    NATKIT_CHECK(node.has_value());
    node_ = std::move(*node);
    node_->SetLocalEndpoints(now_, {*Endpoint::Parse("192.168.1.2:4000")});
    node_->Start(now_);
    PacketBatch packets;
    for (int i = 1; i <= peers; ++i) {
      packets.AppendCopy(BuildEchoRequest({.source = AddressOf(0),
                                           .destination = AddressOf(i)}),
                         {});
    }
    node_->HandleTun(now_, packets);
    node_->udp_out().Clear();
  }

  /// How often a peer was looked at for `count` forged datagrams.
  uint64_t VisitsOf(uint32_t count) {
    const uint64_t before = node_->counters().peer_visits;
    Forger forger(*Endpoint::Parse("192.168.1.2:4000"));
    for (uint32_t i = 0; i < count; ++i) {
      PacketBatch batch;
      forger.AppendTo(batch);
      node_->HandleUdp(now_, batch);
    }
    return node_->counters().peer_visits - before;
  }

 private:
  static IpAddress AddressOf(int i) {
    return IpAddress::V4(10, 77, static_cast<uint8_t>(i / 250),
                         static_cast<uint8_t>(1 + i % 250));
  }

  static void AddNode(MeshFile& mesh, const std::string& name,
                      const PublicKey& key, int i) {
    mesh.nodes.push_back(
        {.name = name, .public_key = key, .addresses = {AddressOf(i)}});
  }

  SeededRng rng_{5};
  Instant now_{};
  std::unique_ptr<Node> node_;
};

TEST(MeshFlood, ADatagramCostsTheSameWithAThousandPeers) {
  for (const int peers : {10, 1000}) {
    EXPECT_EQ(ManyPeers(peers).VisitsOf(kFlood), 0U) << peers;
  }
}

}  // namespace
}  // namespace natkit::mesh
