#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relay_world.h"

namespace natkit::derp {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using ::testing::ElementsAre;
using ::testing::Pair;

Bytes Pattern(size_t size) {
  Bytes data(size);
  for (size_t i = 0; i < size; ++i) {
    data[i] = static_cast<uint8_t>(i * 7);
  }
  return data;
}

TEST(EndToEnd, ClientsLogInWithAndWithoutFastStart) {
  RelayWorld world;
  const Peer& slow = world.Connect(1);
  const Peer& fast = world.Connect(
      {.private_key = PrivateKeyOf(2), .host = "relay"}, ServerPublic());
  for (const Peer* const peer : {&slow, &fast}) {
    ASSERT_TRUE(peer->record.connected);
    EXPECT_EQ(peer->record.connected->server_key, ServerPublic());
    EXPECT_EQ(peer->record.connected->info.version, 2);
    EXPECT_TRUE(peer->core->is_connected());
  }
  EXPECT_EQ(world.server().counters().accepts, 2U);
  EXPECT_EQ(world.server().counters().clients_local, 2U);
}

TEST(EndToEnd, PacketsArriveIntactHoweverTheStreamsAreCut) {
  for (const size_t chunk :
       {1U, 2U, 3U, 5U, 7U, 36U, 37U, 38U, 64U, 1000U, 0U}) {
    RelayWorld world;
    world.set_chunk(chunk);
    Peer& a = world.Connect(1);
    Peer& b = world.Connect({.private_key = PrivateKeyOf(2), .host = "relay"},
                            ServerPublic());
    world.Send(a, PublicKeyOf(2), Pattern(1420));
    world.Send(b, PublicKeyOf(1), Pattern(33));
    world.Send(b, PublicKeyOf(1), DiscoPacket(5));
    EXPECT_THAT(b.record.packets,
                ElementsAre(Pair(PublicKeyOf(1), Pattern(1420))))
        << "chunk " << chunk;
    EXPECT_THAT(a.record.packets,
                ElementsAre(Pair(PublicKeyOf(2), Pattern(33)),
                            Pair(PublicKeyOf(2), DiscoPacket(5))))
        << "chunk " << chunk;
  }
}

TEST(EndToEnd, EmptyAndLargestPacketsArrive) {
  RelayWorld world;
  Peer& a = world.Connect(1);
  Peer& b = world.Connect(2);
  for (const size_t size : {size_t{0}, size_t{1}, kMaxPacketSize}) {
    b.record.packets.clear();
    world.Send(a, PublicKeyOf(2), Pattern(size));
    EXPECT_THAT(b.record.packets,
                ElementsAre(Pair(PublicKeyOf(1), Pattern(size))));
  }
  EXPECT_EQ(
      a.core
          ->SendPacket(world.now(), PublicKeyOf(2), Pattern(kMaxPacketSize + 1))
          .error()
          .code,
      Errc::kFrameTooLarge);
}

TEST(EndToEnd, AClientMaySendToItself) {
  RelayWorld world;
  Peer& a = world.Connect(1);
  world.Send(a, PublicKeyOf(1), Pattern(10));
  EXPECT_THAT(a.record.packets, ElementsAre(Pair(PublicKeyOf(1), Pattern(10))));
  world.Disconnect(a);
  EXPECT_EQ(world.server().connection_count(), 0U);
}

TEST(EndToEnd, FastStartPacketsLeaveInTheFirstFlight) {
  RelayWorld world;
  const Peer& b = world.Connect(2);
  SeededRng rng(4);
  ClientCore a({.private_key = PrivateKeyOf(1), .host = "relay"}, rng);
  a.Start(world.now(), ServerPublic());
  ASSERT_TRUE(a.SendPacket(world.now(), PublicKeyOf(2), Pattern(9)));
  Bytes flight(4096);
  flight.resize(a.PollTransmit(world.now(), flight));
  Peer& raw = world.ConnectRaw();
  world.Write(raw, flight);
  EXPECT_THAT(b.record.packets, ElementsAre(Pair(PublicKeyOf(1), Pattern(9))));
}

TEST(EndToEnd, PingsAreAnsweredInBothDirections) {
  RelayWorld world;
  Peer& a = world.Connect(1);
  a.core->Ping(world.now());
  world.Pump();
  EXPECT_THAT(a.record.pongs, ElementsAre(Duration::zero()));
  EXPECT_EQ(world.server().counters().got_ping, 1U);
  EXPECT_EQ(world.server().counters().sent_pong, 1U);
}

TEST(EndToEnd, AnIdleConnectionLivesOnKeepAlives) {
  RelayWorld world;
  Peer& a = world.Connect(1);
  world.Advance(10min);
  EXPECT_FALSE(a.record.closed);
  EXPECT_TRUE(a.core->is_connected());
  EXPECT_GT(*a.core->last_frame_time(), world.now() - 66s);
}

TEST(EndToEnd, PreferredRegionsAreCountedAsHomes) {
  RelayWorld world;
  Peer& a = world.Connect(1);
  a.core->NotePreferred(HomeRegion::kYes);
  a.core->NotePreferred(HomeRegion::kYes);
  world.Pump();
  const ServerCounters& counters = world.server().counters();
  EXPECT_EQ(counters.current_home_connections, 1U);
  EXPECT_EQ(counters.home_moves_in, 0U);
  world.Advance(6s);
  a.core->NotePreferred(HomeRegion::kNo);
  world.Pump();
  EXPECT_EQ(counters.current_home_connections, 0U);
  EXPECT_EQ(counters.home_moves_out, 1U);
  a.core->NotePreferred(HomeRegion::kYes);
  world.Pump();
  EXPECT_EQ(counters.home_moves_in, 1U);
  world.Disconnect(a);
  EXPECT_EQ(counters.current_home_connections, 0U);
}

TEST(EndToEnd, RestartIsAnnouncedToEveryClient) {
  RelayWorld world;
  Peer& a = world.Connect(1);
  Peer& b = world.Connect(2);
  world.server().AnnounceRestart(world.now(), {1s, 30s});
  world.Pump();
  EXPECT_THAT(a.record.restarting, ElementsAre(Restarting{1s, 30s}));
  EXPECT_THAT(b.record.restarting, ElementsAre(Restarting{1s, 30s}));
}

TEST(EndToEnd, ClosePeerClosesAllConnectionsOfAKey) {
  RelayWorld world;
  Peer& a = world.Connect(1);
  Peer& again = world.Connect(1);
  Peer& b = world.Connect(2);
  world.server().ClosePeer(world.now(), PublicKeyOf(1));
  world.Pump();
  EXPECT_EQ(a.closed, CloseReason::kClosedByPeer);
  EXPECT_EQ(again.closed, CloseReason::kClosedByPeer);
  EXPECT_EQ(b.closed, std::nullopt);
  ASSERT_TRUE(a.record.closed);
  EXPECT_EQ(a.record.closed->reason, ClientCloseReason::kStreamClosed);
}

}  // namespace
}  // namespace natkit::derp
