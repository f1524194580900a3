#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "relay_world.h"

namespace natkit::derp {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

uint64_t Dropped(RelayWorld& world, DropReason reason, PacketKind kind) {
  return world.server().counters().packets_dropped[static_cast<size_t>(reason)]
                                                  [static_cast<size_t>(kind)];
}

std::vector<uint8_t> Marks(const ClientRecord& record) {
  std::vector<uint8_t> marks;
  for (const auto& [source, data] : record.packets) {
    marks.push_back(data.back());
  }
  return marks;
}

Bytes SendPacketPayload(const PublicKey& to, ByteView data) {
  Bytes payload = ToBytes(to.bytes);
  payload.insert(payload.end(), data.begin(), data.end());
  return payload;
}

TEST(ServerRelay, OversizedPacketsCloseTheSenderAndUnknownFramesDoNot) {
  RelayWorld world;
  Peer& a = world.ConnectRawClient(PrivateKeyOf(1));
  const Peer& b = world.Connect(2);
  world.WriteFrame(a, FrameType{0x7f}, Bytes(1 << 20));
  world.WriteFrame(a, FrameType::kSendPacket,
                   SendPacketPayload(PublicKeyOf(2), Bytes(65536, 3)));
  EXPECT_THAT(b.record.packets,
              ElementsAre(Pair(PublicKeyOf(1), Bytes(65536, 3))));
  EXPECT_EQ(world.server().counters().unknown_frames, 1U);
  EXPECT_EQ(a.closed, std::nullopt);
  world.WriteFrame(a, FrameType::kSendPacket,
                   SendPacketPayload(PublicKeyOf(2), Bytes(65537)));
  EXPECT_EQ(a.closed, CloseReason::kBadFrame);
}

TEST(ServerRelay, KeepsTheNewest32PacketsOfEachKindForASlowReader) {
  RelayWorld world;
  Peer& a = world.Connect(1);
  Peer& b = world.Connect(2);
  b.reads = false;
  for (uint8_t i = 0; i < 40; ++i) {
    world.Send(a, PublicKeyOf(2), Bytes{i});
  }
  world.Send(a, PublicKeyOf(2), DiscoPacket(200));
  b.reads = true;
  world.Pump();

  std::vector<uint8_t> expected = {200};  // overtakes what waits longer
  for (uint8_t i = 8; i < 40; ++i) {
    expected.push_back(i);
  }
  EXPECT_EQ(Marks(b.record), expected);
  EXPECT_EQ(Dropped(world, DropReason::kQueueHead, PacketKind::kOther), 8U);
  EXPECT_EQ(Dropped(world, DropReason::kQueueHead, PacketKind::kDisco), 0U);
  EXPECT_EQ(world.server().counters().queued_bytes, 0U);
}

// Sends 100 packets of `from` in one piece, and returns how many steps of input
// they took.
int SendBurst(RelayWorld& world, const Peer& from, const PublicKey& to) {
  Bytes burst;
  for (uint8_t i = 0; i < 100; ++i) {
    AppendFrame(FrameType::kSendPacket, SendPacketPayload(to, Bytes{i}), burst);
  }
  int steps = 0;
  for (ByteView rest = burst; !rest.empty(); ++steps) {
    rest = rest.subspan(
        world.server().HandleSomeBytes(world.now(), from.id, rest));
    world.Pump();
  }
  return steps;
}

TEST(ServerRelay, ABurstLosesNothingForAReaderThatKeepsUp) {
  RelayWorld world;
  const Peer& a = world.Connect(1);
  const Peer& b = world.Connect(2);
  EXPECT_EQ(SendBurst(world, a, PublicKeyOf(2)), 4);
  std::vector<uint8_t> expected(100);
  std::iota(expected.begin(), expected.end(), uint8_t{0});
  EXPECT_EQ(Marks(b.record), expected);
}

TEST(ServerRelay, ABurstWaitsNoMoreThanOnceForASlowReader) {
  RelayWorld world;
  const Peer& a = world.Connect(1);
  Peer& b = world.Connect(2);
  b.reads = false;
  EXPECT_EQ(SendBurst(world, a, PublicKeyOf(2)), 2);
  EXPECT_EQ(SendBurst(world, a, PublicKeyOf(2)), 1);
  b.reads = true;
  world.Pump();
  EXPECT_EQ(Marks(b.record).size(), 32U);
  EXPECT_EQ(Dropped(world, DropReason::kQueueHead, PacketKind::kOther), 168U);
}

TEST(ServerRelay, DiscoGoesFirstButDoesNotStarveData) {
  RelayWorld world;
  Peer& a = world.Connect(1);
  Peer& b = world.Connect(2);
  b.reads = false;
  world.Send(a, PublicKeyOf(2), Bytes{100});
  world.Send(a, PublicKeyOf(2), Bytes{101});
  for (uint8_t i = 0; i < 10; ++i) {
    world.Send(a, PublicKeyOf(2), DiscoPacket(i));
  }
  b.reads = true;
  world.Pump();
  EXPECT_EQ(Marks(b.record),
            (std::vector<uint8_t>{0, 1, 2, 3, 100, 4, 5, 6, 7, 101, 8, 9}));
}

TEST(ServerRelay, QueueMemoryIsBoundedOverAllConnections) {
  ServerConfig config = RelayWorld::MakeConfig();
  config.max_queued_bytes = size_t{10} * 2048;
  RelayWorld world(std::move(config));
  Peer& a = world.Connect(1);
  Peer& b = world.Connect(2);
  b.reads = false;
  for (uint8_t i = 0; i < 12; ++i) {
    world.Send(a, PublicKeyOf(2), Bytes{i});
  }
  EXPECT_EQ(Dropped(world, DropReason::kQueueTail, PacketKind::kOther), 2U);
  EXPECT_EQ(world.server().counters().queued_bytes, 20480U);
}

TEST(ServerRelay, ClosesAReaderThatStallsForTwoSeconds) {
  RelayWorld world;
  Peer& a = world.Connect(1);
  Peer& b = world.Connect(2);
  b.reads = false;
  world.Send(a, PublicKeyOf(2), Bytes{1});
  world.Advance(1999ms);
  EXPECT_EQ(b.closed, std::nullopt);
  world.Advance(1ms);
  EXPECT_EQ(b.closed, CloseReason::kWriteTimeout);
  EXPECT_EQ(world.server().counters().sclient_write_timeouts, 1U);
  EXPECT_EQ(Dropped(world, DropReason::kGoneDisconnected, PacketKind::kOther),
            1U);
}

TEST(ServerRelay, AReaderThatMakesProgressIsNotStalled) {
  RelayWorld world;
  Peer& a = world.Connect(1);
  Peer& b = world.Connect(2);
  b.reads = false;
  world.Send(a, PublicKeyOf(2), Bytes(100));
  Bytes buffer(10);
  for (int i = 0; i < 5; ++i) {
    world.Advance(1500ms);
    ASSERT_EQ(world.server().PollTransmit(world.now(), b.id, buffer), 10U);
  }
  EXPECT_EQ(b.closed, std::nullopt);
  world.Advance(2s);
  EXPECT_EQ(b.closed, CloseReason::kWriteTimeout);
}

TEST(ServerRelay, AMeshPeerMayStallForThirtySeconds) {
  ServerConfig config = RelayWorld::MakeConfig();
  config.mesh_key.emplace();
  config.mesh_key->ExposeMutable().front() = 1;
  RelayWorld world(std::move(config));
  Peer& a = world.Connect(1);
  Peer& b = world.ConnectRawClient(
      PrivateKeyOf(2), R"({"meshKey":"01)" + std::string(62, '0') + "\"}");
  b.reads = false;
  world.Send(a, PublicKeyOf(2), Bytes{1});
  world.Advance(29999ms);
  EXPECT_EQ(b.closed, std::nullopt);
  world.Advance(1ms);
  EXPECT_EQ(b.closed, CloseReason::kWriteTimeout);
}

TEST(ServerRelay, AZeroWriteTimeoutMeansNone) {
  ServerConfig config = RelayWorld::MakeConfig();
  config.write_timeout = Duration::zero();
  RelayWorld world(std::move(config));
  Peer& a = world.Connect(1);
  Peer& b = world.Connect(2);
  b.reads = false;
  world.Send(a, PublicKeyOf(2), Bytes{1});
  world.Advance(20s);
  EXPECT_EQ(b.closed, std::nullopt);
}

TEST(ServerRelay, SaysNotHereOnlyForDiscoAndAtALimitedRate) {
  RelayWorld world;
  Peer& a = world.Connect(1);
  world.Send(a, PublicKeyOf(9), Bytes(80));
  EXPECT_THAT(a.record.gone, IsEmpty());
  for (uint8_t i = 0; i < 10; ++i) {
    world.Send(a, PublicKeyOf(9), DiscoPacket(i));
  }
  const PeerGone not_here{PublicKeyOf(9), PeerGoneReason::kNotHere};
  EXPECT_THAT(a.record.gone, ElementsAre(not_here, not_here, not_here));
  a.record.gone.clear();
  for (int i = 0; i < 40; ++i) {
    world.Advance(250ms);
    world.Send(a, PublicKeyOf(9), DiscoPacket(1));
  }
  EXPECT_THAT(a.record.gone, SizeIs(10));
  EXPECT_EQ(Dropped(world, DropReason::kUnknownDest, PacketKind::kDisco), 50U);
  EXPECT_EQ(Dropped(world, DropReason::kUnknownDest, PacketKind::kOther), 1U);
  EXPECT_EQ(world.server().counters().peer_gone_not_here_frames, 13U);
}

TEST(ServerRelay, MaySayNotHereForAnyPayload) {
  ServerConfig config = RelayWorld::MakeConfig();
  config.not_here_policy = NotHerePolicy::kAnyPayload;
  RelayWorld world(std::move(config));
  Peer& a = world.Connect(1);
  world.Send(a, PublicKeyOf(9), Bytes(3));
  EXPECT_THAT(a.record.gone,
              ElementsAre(PeerGone{PublicKeyOf(9), PeerGoneReason::kNotHere}));
}

TEST(ServerRelay, TellsReceiversOnceThatASenderLeft) {
  RelayWorld world;
  Peer& a = world.Connect(1);
  Peer& b = world.Connect(2);
  const Peer& c = world.Connect(3);
  world.Send(a, PublicKeyOf(2), Bytes{1});
  world.Send(a, PublicKeyOf(2), Bytes{2});
  world.Disconnect(a);
  EXPECT_THAT(b.record.gone, ElementsAre(PeerGone{PublicKeyOf(1)}));
  EXPECT_THAT(c.record.gone, IsEmpty());
  EXPECT_EQ(world.server().counters().peer_gone_disconnected_frames, 1U);
}

TEST(ServerRelay, TellsAgainWhenThePeerReturnsAndLeavesAgain) {
  RelayWorld world;
  const Peer& b = world.Connect(2);
  for (int i = 1; i <= 3; ++i) {
    Peer& a = world.Connect(1);
    world.Send(a, PublicKeyOf(2), Bytes{1});
    world.Disconnect(a);
    EXPECT_THAT(b.record.gone, SizeIs(i));
  }
}

TEST(ServerRelay, IsNotGoneBeforeTheLastDuplicateIs) {
  RelayWorld world;
  Peer& a1 = world.Connect(1);
  Peer& b = world.Connect(2);
  world.Send(a1, PublicKeyOf(2), Bytes{1});
  Peer& a2 = world.Connect(1);
  world.Disconnect(a1);
  EXPECT_THAT(b.record.gone, IsEmpty());
  world.Disconnect(a2);
  EXPECT_THAT(b.record.gone, ElementsAre(PeerGone{PublicKeyOf(1)}));
}

TEST(ServerRelay, SaysGoneAfterThePacketsThatStillWaited) {
  for (const bool heard_before : {false, true}) {
    RelayWorld world;
    Peer& a = world.Connect(1);
    Peer& b = world.ConnectRawClient(PrivateKeyOf(2));
    if (heard_before) {
      world.Send(a, PublicKeyOf(2), Bytes{0});
      b.received.clear();
    }
    b.reads = false;
    world.Send(a, PublicKeyOf(2), Bytes{1});
    world.Send(a, PublicKeyOf(2), Bytes{2});
    world.Disconnect(a);
    b.reads = true;
    world.Pump();
    const auto frames = FramesOf(b.received);
    ASSERT_THAT(frames, SizeIs(3)) << heard_before;
    EXPECT_EQ(frames[0].first, FrameType::kRecvPacket);
    EXPECT_EQ(frames[1].first, FrameType::kRecvPacket);
    EXPECT_EQ(frames[2].first, FrameType::kPeerGone);
  }
}

TEST(ServerRelay, PingLengthIsBoundedAndTheFirstEightBytesReturn) {
  for (const size_t size : {size_t{8}, size_t{9}, size_t{1000}}) {
    RelayWorld world;
    Peer& a = world.ConnectRawClient(PrivateKeyOf(1));
    Bytes ping(size, 0xee);
    std::copy_n(Hex("0102030405060708").begin(), 8, ping.begin());
    world.WriteFrame(a, FrameType::kPing, ping);
    EXPECT_EQ(a.received, Hex("13000000080102030405060708"));
  }
  for (const size_t size : {size_t{7}, size_t{1001}}) {
    RelayWorld world;
    Peer& a = world.ConnectRawClient(PrivateKeyOf(1));
    world.WriteFrame(a, FrameType::kPing, Bytes(size));
    EXPECT_EQ(a.closed, CloseReason::kBadFrame);
  }
}

TEST(ServerRelay, KeepsOnePongWaiting) {
  RelayWorld world;
  Peer& a = world.ConnectRawClient(PrivateKeyOf(1));
  a.reads = false;
  for (int i = 0; i < 100; ++i) {
    world.WriteFrame(a, FrameType::kPing, Bytes(8, 1));
  }
  a.reads = true;
  world.Pump();
  EXPECT_THAT(FramesOf(a.received), SizeIs(1));
  EXPECT_EQ(a.closed, std::nullopt);
  EXPECT_EQ(world.server().counters().got_ping, 100U);
}

TEST(ServerRelay, SendsKeepAliveEverySixtyToSixtyFiveSeconds) {
  RelayWorld world;
  Peer& a = world.ConnectRawClient(PrivateKeyOf(1));
  world.Advance(60s - 1ns);
  EXPECT_THAT(a.received, IsEmpty());
  world.Advance(5s);
  EXPECT_EQ(a.received, Hex("0600000000"));
}

TEST(ServerRelay, PrivilegedFramesCloseAnOrdinaryClient) {
  const std::pair<FrameType, size_t> frames[] = {
      {FrameType::kForwardPacket, 64},
      {FrameType::kWatchConns, 0},
      {FrameType::kClosePeer, 32},
  };
  for (const auto& [type, size] : frames) {
    RelayWorld world;
    Peer& a = world.ConnectRawClient(PrivateKeyOf(1));
    world.WriteFrame(a, type, Bytes(size));
    EXPECT_EQ(a.closed, CloseReason::kForbiddenFrame);
  }
}

TEST(ServerRelay, FramesThatOnlyServersSendAreSkipped) {
  RelayWorld world;
  Peer& a = world.ConnectRawClient(PrivateKeyOf(1));
  for (const int type : {0x01, 0x02, 0x03, 0x05, 0x06, 0x08, 0x13, 0x14}) {
    world.WriteFrame(a, static_cast<FrameType>(type), Bytes(3));
  }
  EXPECT_EQ(a.closed, std::nullopt);
}

TEST(ServerRelay, CountsPacketsAndBytesOfData) {
  RelayWorld world;
  Peer& a = world.Connect(1);
  world.Connect(2);
  world.Send(a, PublicKeyOf(2), Bytes(100));
  world.Send(a, PublicKeyOf(2), DiscoPacket(1, 70));
  world.Send(a, PublicKeyOf(9), Bytes(5));
  const ServerCounters& counters = world.server().counters();
  EXPECT_EQ(counters.packets_received, 3U);
  EXPECT_EQ(counters.bytes_received, 175U);
  EXPECT_EQ(counters.packets_sent, 2U);
  EXPECT_EQ(counters.bytes_sent, 170U);
  EXPECT_THAT(counters.packets_received_kind, ElementsAre(1U, 2U));
}

TEST(ServerRelay, ReportsAReadyConnectionOnceUntilItIsDrained) {
  SeededRng rng(1);
  ServerCore server(RelayWorld::MakeConfig(), rng);
  const ConnectionId id{7};
  const Instant now{};
  server.Accept(now, id, {});
  EXPECT_FALSE(server.PollReady());
  server.HandleBytes(now, id, ToBytes("GET /derp/probe HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(server.PollReady(), id);
  EXPECT_FALSE(server.PollReady());
  server.HandleBytes(now, id, ToBytes("GET /derp/probe HTTP/1.1\r\n\r\n"));
  EXPECT_FALSE(server.PollReady());
  Bytes buffer(4096);
  EXPECT_GT(server.PollTransmit(now, id, buffer), 0U);
  EXPECT_FALSE(server.has_output(id));
  server.HandleBytes(now, id, ToBytes("GET /derp/probe HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(server.PollReady(), id);
}

TEST(ServerRelay, IgnoresUnknownConnections) {
  SeededRng rng(1);
  ServerCore server(RelayWorld::MakeConfig(), rng);
  const ConnectionId id{7};
  Bytes buffer(16);
  server.HandleBytes({}, id, buffer);
  server.HandleClosed({}, id);
  EXPECT_EQ(server.PollTransmit({}, id, buffer), 0U);
  EXPECT_FALSE(server.PollEvent());
  EXPECT_FALSE(server.NextTimeout());
}

}  // namespace
}  // namespace natkit::derp
