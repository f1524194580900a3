#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relay_world.h"

namespace natkit::derp {
namespace {

using namespace testing;
using ::testing::IsEmpty;
using ::testing::SizeIs;

ServerConfig FightersConfig() {
  ServerConfig config = RelayWorld::MakeConfig();
  config.duplicate_policy = DuplicatePolicy::kDisableFighters;
  return config;
}

// Which of `peers` receives a packet from `sender`; -1 if none.
int Receiver(RelayWorld& world, Peer& sender, const std::vector<Peer*>& peers) {
  world.Send(sender, PublicKeyOf(1), Bytes{1});
  int receiver = -1;
  for (size_t i = 0; i < peers.size(); ++i) {
    if (!peers[i]->record.packets.empty()) {
      EXPECT_EQ(receiver, -1) << "two receivers";
      receiver = static_cast<int>(i);
    }
    peers[i]->record.packets.clear();
  }
  return receiver;
}

// Any frame will do.
void Speak(RelayWorld& world, Peer& peer) {
  peer.core->Ping(world.now());
  world.Pump();
}

TEST(ServerDuplicates, TheLastLoginReceivesUntilAnotherSpeaks) {
  RelayWorld world;
  Peer& sender = world.Connect(9);
  Peer& a = world.Connect(1);
  Peer& b = world.Connect(1);
  EXPECT_EQ(Receiver(world, sender, {&a, &b}), 1);
  Speak(world, a);
  EXPECT_EQ(Receiver(world, sender, {&a, &b}), 0);
  Speak(world, b);
  EXPECT_EQ(Receiver(world, sender, {&a, &b}), 1);
}

TEST(ServerDuplicates, AnUnknownFrameIsSpeakingToo) {
  RelayWorld world;
  Peer& sender = world.Connect(9);
  Peer& a = world.ConnectRawClient(PrivateKeyOf(1));
  Peer& b = world.Connect(1);
  world.WriteFrame(a, FrameType{0x7f}, Bytes(1));
  EXPECT_EQ(Receiver(world, sender, {&b}), -1);
  EXPECT_THAT(FramesOf(a.received), SizeIs(1));
}

TEST(ServerDuplicates, TheSurvivorReceivesAgain) {
  RelayWorld world;
  Peer& sender = world.Connect(9);
  Peer& a = world.Connect(1);
  Peer& b = world.Connect(1);
  world.Disconnect(b);
  EXPECT_EQ(Receiver(world, sender, {&a}), 0);
  const ServerCounters& counters = world.server().counters();
  EXPECT_EQ(counters.current_dup_client_keys, 0U);
  EXPECT_EQ(counters.current_dup_client_conns, 0U);
  EXPECT_EQ(counters.total_dup_client_conns, 1U);
  EXPECT_EQ(counters.clients_local, 2U);
}

TEST(ServerDuplicates, OfThreeTheLatestToSpeakFollowsTheActiveOne) {
  RelayWorld world;
  Peer& sender = world.Connect(9);
  Peer& a = world.Connect(1);
  Peer& b = world.Connect(1);
  Peer& c = world.Connect(1);
  const ServerCounters& counters = world.server().counters();
  EXPECT_EQ(counters.current_dup_client_keys, 1U);
  EXPECT_EQ(counters.current_dup_client_conns, 3U);
  Speak(world, b);
  Speak(world, a);
  Speak(world, c);
  EXPECT_EQ(Receiver(world, sender, {&a, &b, &c}), 2);
  world.Disconnect(c);
  EXPECT_EQ(Receiver(world, sender, {&a, &b}), 0);
  EXPECT_EQ(counters.current_dup_client_conns, 2U);
}

TEST(ServerDuplicates, FightersAreDisabledUntilOneIsLeft) {
  RelayWorld world(FightersConfig());
  Peer& sender = world.Connect(9);
  Peer& a = world.Connect(1);
  Peer& b = world.Connect(1);
  Speak(world, b);
  EXPECT_EQ(Receiver(world, sender, {&a, &b}), 1);
  Speak(world, a);  // spoke before b did: they take turns
  EXPECT_EQ(Receiver(world, sender, {&a, &b}), -1);
  Speak(world, b);
  EXPECT_EQ(Receiver(world, sender, {&a, &b}), -1);
  const auto& row =
      world.server()
          .counters()
          .packets_dropped[static_cast<size_t>(DropReason::kDupClient)];
  EXPECT_EQ(row[static_cast<size_t>(PacketKind::kOther)], 2U);
  EXPECT_THAT(sender.record.gone, IsEmpty());
  world.Disconnect(b);
  EXPECT_EQ(Receiver(world, sender, {&a}), 0);
}

TEST(ServerDuplicates, ThreeThatSpeakInTurnOnceDoNotFight) {
  RelayWorld world(FightersConfig());
  Peer& sender = world.Connect(9);
  Peer& a = world.Connect(1);
  Peer& b = world.Connect(1);
  Peer& c = world.Connect(1);
  Speak(world, c);
  Speak(world, c);
  EXPECT_EQ(Receiver(world, sender, {&a, &b, &c}), 2);
  Speak(world, b);  // not in the history yet
  EXPECT_EQ(Receiver(world, sender, {&a, &b, &c}), 2);
  Speak(world, c);  // in the history, and b spoke since
  EXPECT_EQ(Receiver(world, sender, {&a, &b, &c}), -1);
}

TEST(ServerDuplicates, ClosesTheOldestBeyondTheLimit) {
  ServerConfig config = RelayWorld::MakeConfig();
  config.max_connections_per_key = 2;
  RelayWorld world(std::move(config));
  Peer& a = world.Connect(1);
  Peer& b = world.Connect(1);
  Peer& c = world.Connect(1);
  EXPECT_EQ(a.closed, CloseReason::kTooManyDuplicates);
  EXPECT_EQ(b.closed, std::nullopt);
  EXPECT_TRUE(c.core->is_connected());
  EXPECT_EQ(world.server().counters().current_connections, 2U);
}

TEST(ServerDuplicates, EventsTellWhenTheLastOneLeaves) {
  RelayWorld world;
  Peer& a = world.Connect(1);
  Peer& b = world.Connect(1);
  world.events.clear();
  world.Disconnect(a);
  world.Disconnect(b);
  ASSERT_THAT(world.events, SizeIs(2));
  EXPECT_FALSE(std::get<ClientGone>(world.events[0]).was_last);
  EXPECT_TRUE(std::get<ClientGone>(world.events[1]).was_last);
}

}  // namespace
}  // namespace natkit::derp
