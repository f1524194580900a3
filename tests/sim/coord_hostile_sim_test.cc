// What hostile, broken and slow nodes do to the coordination server.
#include <gtest/gtest.h>

#include "coord_world.h"

namespace natkit::mesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// A node that says what the test wants, on connections of its own.
class RawNode {
 public:
  RawNode(CoordWorld& world, ConnectionId id)
      : world_(world),
        id_(id),
        machine_(MachineIdentity::Generate(world.rng())),
        node_key_(GeneratePrivateKey(world.rng())),
        signalling_key_(GeneratePrivateKey(world.rng())) {
    world_.rng().Fill(challenge_.exporter);
  }

  void Open(const IpAddress& source = IpAddress::V4(192, 0, 2, 7)) {
    world_.server->HandleOpen(world_.Time(), id_, challenge_.exporter, source);
    Read();
  }

  void Write(ByteView bytes) {
    world_.server->HandleBytes(world_.Time(), id_, bytes);
  }

  void Say(const ControlMessage& message) { Write(EncodeFrame(message)); }

  /// Commits, and takes what the server has for us.
  std::vector<ControlMessage> Read() {
    EXPECT_TRUE(world_.server->Settle(world_.Time()));
    std::vector<uint8_t> bytes(65536);
    while (const size_t size =
               world_.server->PollBytes(world_.Time(), id_, bytes)) {
      reader_.Append(ByteView(bytes).first(size));
    }
    std::vector<ControlMessage> messages;
    for (auto body = reader_.Next(); body && *body; body = reader_.Next()) {
      messages.push_back(*DecodeMessage(**body));
      if (const auto* asked = std::get_if<Challenge>(&messages.back())) {
        challenge_.nonce = asked->nonce;
        challenge_.ephemeral_key = asked->ephemeral_key;
      }
    }
    return messages;
  }

  [[nodiscard]] Authenticate Answer(const std::string& auth_key) const {
    const NodeKeys keys{.machine_key = machine_.key(),
                        .node_key = DerivePublicKey(node_key_),
                        .signalling_key = DerivePublicKey(signalling_key_)};
    const auto transcript = AuthTranscript(challenge_, keys);
    return {
        .keys = keys,
        .signature = machine_.Sign(transcript),
        .node_proof = ProveKey(ProofRole::kNodeKey, node_key_,
                               challenge_.ephemeral_key, transcript),
        .signalling_proof = ProveKey(ProofRole::kSignallingKey, signalling_key_,
                                     challenge_.ephemeral_key, transcript),
        .auth_key = auth_key,
        .host_name = "raw"};
  }

  std::vector<ControlMessage> Join(const std::string& auth_key) {
    Open();
    Write(std::array<uint8_t, 1>{kControlVersion});
    Say(Answer(auth_key));
    return Read();
  }

  [[nodiscard]] NodeId node() const {
    const NodeRecord* record = world_.registry->FindByMachine(machine_.key());
    return record == nullptr ? 0 : record->id;
  }

  void Close() { world_.server->HandleClosed(world_.Time(), id_); }

  [[nodiscard]] ConnectionId id() const { return id_; }

 private:
  CoordWorld& world_;
  ConnectionId id_;
  MachineIdentity machine_;
  StaticPrivateKey node_key_;
  StaticPrivateKey signalling_key_;
  AuthChallenge challenge_;
  FrameReader reader_{kMaxControlFrame};
};

std::optional<GoodbyeReason> ReasonIn(
    const std::vector<ControlMessage>& messages) {
  for (const ControlMessage& message : messages) {
    if (const auto* goodbye = std::get_if<Goodbye>(&message)) {
      return goodbye->reason;
    }
  }
  return std::nullopt;
}

TagPolicy::Rule Everybody() {
  return {.id = 1, .from = "*", .to = "*", .port = 80};
}

TEST(HostileNode, AnAnswerIsWorthNothingOnAnotherConnection) {
  CoordWorld world(1);
  const std::string key = world.MakeKey({"tag:x"});
  RawNode first(world, 1001);
  first.Open();
  const Authenticate recorded = first.Answer(key);
  RawNode second(world, 1002);
  second.Open();
  second.Write(std::array<uint8_t, 1>{kControlVersion});
  second.Say(recorded);
  EXPECT_EQ(ReasonIn(second.Read()), GoodbyeReason::kRefused);
  EXPECT_EQ(first.node(), 0U);
}

TEST(HostileNode, EachProofIsNeeded) {
  for (int part = 0; part < 3; ++part) {
    CoordWorld world(2);
    RawNode node(world, 1001);
    node.Open();
    Authenticate answer = node.Answer(world.MakeKey({"tag:x"}));
    (part == 0   ? answer.signature[5]
     : part == 1 ? answer.node_proof[5]
                 : answer.signalling_proof[5]) ^= 1;
    node.Write(std::array<uint8_t, 1>{kControlVersion});
    node.Say(answer);
    EXPECT_EQ(ReasonIn(node.Read()), GoodbyeReason::kRefused) << part;
    EXPECT_EQ(node.node(), 0U) << part;
  }
}

TEST(HostileNode, NothingButAnAnswerIsHeardBeforeTheAnswer) {
  CoordWorld world(3);
  const std::vector<ControlMessage> early = {
      NodeReport{}, MapAck{},    MapRequest{},    RelayedSignal{.peer = 1},
      Rotation{},   Heartbeat{}, mesh::Logout{},  Challenge{},
      Admission{},  MapUpdate{}, UnknownMessage{}};
  ConnectionId id = 1000;
  for (const ControlMessage& message : early) {
    RawNode node(world, ++id);
    node.Open(IpAddress::V4(192, 0, 2, static_cast<uint8_t>(id % 200)));
    node.Write(std::array<uint8_t, 1>{kControlVersion});
    node.Say(message);
    EXPECT_EQ(ReasonIn(node.Read()), GoodbyeReason::kProtocol)
        << message.index();
  }
}

TEST(HostileNode, AFrameCutAnywhereIsTakenWhenItIsWhole) {
  for (size_t cut = 0;; ++cut) {
    CoordWorld world(4);
    RawNode node(world, 1001);
    node.Open();
    std::vector<uint8_t> bytes = {kControlVersion};
    const auto frame = EncodeFrame(node.Answer(world.MakeKey({"tag:x"})));
    bytes.insert(bytes.end(), frame.begin(), frame.end());
    if (cut > bytes.size()) {
      return;
    }
    node.Write(ByteView(bytes).first(cut));
    EXPECT_EQ(node.node() != 0, cut == bytes.size());
    node.Write(ByteView(bytes).subspan(cut));
    EXPECT_NE(node.node(), 0U) << cut;
  }
}

TEST(HostileNode, AStrangerMaySendNoMoreThanALogin) {
  CoordWorld world(5);
  RawNode node(world, 1001);
  node.Open();
  // A node's longest frame, announced by a stranger.
  node.Write(std::array<uint8_t, 5>{kControlVersion, 0, 1, 0, 0});
  EXPECT_EQ(ReasonIn(node.Read()), GoodbyeReason::kProtocol);
}

TEST(HostileNode, TenThousandSilentConnectionsAreBounded) {
  CoordWorld world(6);
  constexpr ConnectionId kMany = 10'000;
  for (ConnectionId id = 1; id <= kMany; ++id) {
    const auto source = IpAddress::V4(192, 0, 2, static_cast<uint8_t>(id % 16));
    world.server->HandleOpen(world.Time(), id, {}, source);
  }
  EXPECT_EQ(world.server->counters().unproven, 4096U);
  EXPECT_EQ(world.server->counters().refused_connections, kMany - 4096);
  // Nor does it help to be thrown out: until they are closed they count.
  for (ConnectionId id = 1; id <= kMany; ++id) {
    world.server->HandleBytes(world.Time(), id, std::array<uint8_t, 1>{99});
  }
  EXPECT_EQ(world.server->counters().unproven, 4096U);
  world.Run(minutes(1));
  EXPECT_EQ(world.server->counters().unproven, 0U);
}

TEST(HostileNode, StrangersOfOneAddressLeaveRoomForOthers) {
  CoordWorld world(6);
  const auto open_from = [&](ConnectionId first, const char* text) {
    for (ConnectionId id = first; id < first + 2000; ++id) {
      world.server->HandleOpen(world.Time(), id, {}, *IpAddress::Parse(text));
    }
    return world.server->counters().unproven;
  };
  EXPECT_EQ(open_from(10'000, "192.0.2.1"), 1024U);
  EXPECT_EQ(open_from(20'000, "2001:db8:0:1::1"), 2048U);
  // Another address of the same subscriber.
  EXPECT_EQ(open_from(30'000, "2001:db8:0:1:ffff::2"), 2048U);
  EXPECT_EQ(open_from(40'000, "2001:db8:0:2::1"), 3072U);
  RawNode node(world, 1001);
  node.Open();
  EXPECT_EQ(world.server->counters().unproven, 3073U);
}

/// Behind one NAT: twenty times as many as may be unproven at once.
/// CoordWorld's nodes all have one address.
TEST(Restart, OfManyMoreNodesOfOneAddressThanMayWaitAtOnceConverges) {
  constexpr size_t kNodes = 320;
  CoordWorld world(8, {.max_unproven_per_source = 16});
  const std::string key = world.MakeKey({"tag:x"});
  for (size_t i = 0; i < kNodes; ++i) {
    world.Add("n" + std::to_string(i), key);
  }
  const auto count_admitted = [&world] {
    return static_cast<size_t>(std::ranges::count_if(
        world.hosts,
        [](const auto& entry) { return entry.second.client->is_admitted(); }));
  };
  // All come in one moment.
  world.Run(milliseconds(500), 4096);
  EXPECT_LT(count_admitted(), kNodes);
  EXPECT_GT(world.server->counters().refused_connections, kNodes / 2);
  world.Run(seconds(10), 4096);
  EXPECT_EQ(count_admitted(), kNodes);
  // Who was refused waited before it came again.
  const CoordinatorCounters joined = world.server->counters();
  EXPECT_LE(joined.connections + joined.refused_connections, 3 * kNodes);
  EXPECT_EQ(joined.unproven, 0U);
  // All lose their streams in one moment, too, and spread their return.
  world.Boot();
  world.Run(seconds(10), 4096);
  EXPECT_EQ(count_admitted(), kNodes);
  EXPECT_LT(world.server->counters().refused_connections, kNodes / 10);
}

TEST(HostileNode, AnUpdateCannotBeAcknowledgedBeforeItIsSent) {
  CoordWorld world(7);
  world.SetPolicy({Everybody()});
  RawNode node(world, 1001);
  uint64_t epoch = 0;
  const auto joined = node.Join(world.MakeKey({"tag:x"}));
  for (const ControlMessage& message : joined) {
    if (const auto* update = std::get_if<MapUpdate>(&message)) {
      epoch = update->epoch;
    }
  }
  ASSERT_NE(epoch, 0U);
  node.Say(MapAck{.epoch = epoch, .sequence = 1'000'000});
  EXPECT_EQ(ReasonIn(node.Read()), GoodbyeReason::kProtocol);
}

TEST(HostileNode, AMapCannotBeAskedForInALoop) {
  CoordWorld world(8);
  world.SetPolicy({Everybody()});
  RawNode node(world, 1001);
  (void)node.Join(world.MakeKey({"tag:x"}));
  const uint64_t before = world.server->counters().snapshots;
  for (int i = 0; i < 1000; ++i) {
    node.Say(MapRequest{ResyncCause::kDigest});
  }
  EXPECT_EQ(ReasonIn(node.Read()), GoodbyeReason::kOverloaded);
  EXPECT_LE(world.server->counters().snapshots, before + 5);
}

TEST(HostileNode, AFloodOfReportsIsMergedAndTheLastOneCounts) {
  CoordWorld world(9);
  world.SetPolicy({Everybody()});
  RawNode node(world, 1001);
  (void)node.Join(world.MakeKey({"tag:router"}));
  const uint64_t events = *world.store.LastEventSequence();
  for (int i = 0; i < 1000; ++i) {
    node.Say(NodeReport{
        .routes = std::vector<IpPrefix>{*IpPrefix::Make(
            IpAddress::V4(10, static_cast<uint8_t>(i % 250), 0, 0), 16)}});
    (void)node.Read();
  }
  EXPECT_LE(*world.store.LastEventSequence(), events + 10);
  world.Run(seconds(5));
  EXPECT_LE(*world.store.LastEventSequence(), events + 11);
  const NodeRecord* record = world.registry->FindNode(node.node());
  ASSERT_EQ(record->advertised.size(), 1U);
  EXPECT_EQ(record->advertised[0].ToString(), "10.249.0.0/16");
}

TEST(HostileNode, ANodeThatAsksAndNeverReadsIsClosed) {
  CoordWorld world(10);
  RawNode node(world, 1001);
  (void)node.Join(world.MakeKey({"tag:x"}));
  for (int i = 0; i < 200'000; ++i) {
    node.Say(Heartbeat{.nonce = 1});
  }
  EXPECT_EQ(world.server->counters().streams, 0U);
  EXPECT_LT(world.server->counters().frames_out, 100'000U);
}

TEST(HostileNode, SignalsGoOnlyToThoseWhoSeeUsAndNotTooMany) {
  CoordWorld world(11);
  world.SetPolicy({{.id = 1, .from = "tag:a", .to = "tag:b", .port = 1}});
  RawNode a(world, 1001);
  RawNode b(world, 1002);
  RawNode c(world, 1003);
  (void)a.Join(world.MakeKey({"tag:a"}));
  (void)b.Join(world.MakeKey({"tag:b"}));
  (void)c.Join(world.MakeKey({"tag:c"}));
  c.Say(RelayedSignal{.peer = b.node(), .sealed = {1}});
  EXPECT_EQ(world.server->counters().dropped_signals, 1U);
  for (int i = 0; i < 1000; ++i) {
    a.Say(RelayedSignal{.peer = b.node(), .sealed = {1}});
  }
  EXPECT_EQ(world.server->counters().signals, 200U);
}

TEST(SlowNode, OneThatDoesNotAcknowledgeIsReported) {
  CoordWorld world(12);
  world.SetPolicy({Everybody()});
  const std::string key = world.MakeKey({"tag:x"});
  RawNode slow(world, 1001);
  (void)slow.Join(key);
  world.Add("b", key);
  world.Run(seconds(1));
  (void)slow.Read();
  ASSERT_TRUE(
      world.registry->Delete(world.Time().wall, "test", world.IdOf("b")));
  world.Run(milliseconds(4900));
  EXPECT_EQ(world.server->counters().late_acknowledgements, 0U);
  world.Run(milliseconds(200));
  EXPECT_EQ(world.server->counters().late_acknowledgements, 1U);
  size_t notices = 0;
  while (const auto notice = world.server->PollNotice()) {
    if (notice->kind == CoordinatorNotice::Kind::kLateAcknowledgement) {
      ++notices;
      EXPECT_EQ(notice->text, "raw");
    }
  }
  EXPECT_EQ(notices, 1U);
}

TEST(FailingStore, HoldsBackWhatFollowsFromTheChange) {
  CoordWorld world(13);
  world.SetPolicy({Everybody()});
  const std::string key = world.MakeKey({"tag:x"});
  RawNode node(world, 1001);
  node.Open();
  world.store.FailWrites(Errc::kStoreFull);
  node.Write(std::array<uint8_t, 1>{kControlVersion});
  node.Say(node.Answer(key));
  EXPECT_FALSE(world.server->Settle(world.Time()));
  EXPECT_TRUE(world.registry->has_uncommitted());
  EXPECT_TRUE(world.server->TakeWritable().empty());
  std::array<uint8_t, 100> bytes{};
  EXPECT_EQ(world.server->PollBytes(world.Time(), node.id(), bytes), 0U);

  world.store.FailWrites(std::nullopt);
  const auto messages = node.Read();
  ASSERT_FALSE(messages.empty());
  EXPECT_TRUE(std::holds_alternative<Admission>(messages[0]));
  world.Boot();
  EXPECT_NE(node.node(), 0U);
}

TEST(Restart, WithRandomEventsAndFailingWritesAlwaysEndsInStep) {
  for (uint64_t seed = 1; seed <= 1000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    CoordWorld world(seed);
    SeededRng rng(seed * 31);
    world.SetPolicy({Everybody()});
    const std::string key = world.MakeKey({"tag:x"});
    world.Run(seconds(0));
    for (int step = 0; step < 20; ++step) {
      switch (rng.Below(6)) {
        case 0:
          world.Add("n" + std::to_string(step), key);
          break;
        case 1:
          world.store.FailWrites(rng.Below(2) == 0
                                     ? std::optional(Errc::kStoreFull)
                                     : std::nullopt);
          break;
        case 2:
          world.Boot();
          break;
        case 3:
          if (!world.registry->nodes().empty()) {
            (void)world.registry->Rename(world.Time().wall, "test",
                                         world.registry->nodes().begin()->first,
                                         "r" + std::to_string(step));
          }
          break;
        default:
          world.Run(milliseconds(rng.Below(3000)), 1 + rng.Below(900));
      }
    }
    world.store.FailWrites(std::nullopt);
    world.Run(minutes(3));
    EXPECT_EQ(world.server->counters().protocol_errors, 0U);
    for (const auto& [name, host] : world.hosts) {
      const NodeId id = world.IdOf(name);
      ASSERT_NE(id, 0U) << name;
      EXPECT_TRUE(host.client->is_admitted()) << name;
      ASSERT_NE(host.client->map(), nullptr) << name;
      EXPECT_EQ(host.client->map()->map(), world.Expected(id)) << name;
    }
  }
}

}  // namespace
}  // namespace natkit::mesh
