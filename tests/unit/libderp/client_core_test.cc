#include "natkit/derp/client_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relay_world.h"

namespace natkit::derp {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr std::string_view kSwitching =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\n\r\n";

// A client whose server is the test.
class Client {
 public:
  explicit Client(ClientConfig config = {.private_key = ClientPrivate(),
                                         .host = "derp.example"})
      : core(std::move(config), rng_) {}

  Bytes Written() {
    Bytes bytes(1 << 20);
    bytes.resize(core.PollTransmit(now, bytes));
    return bytes;
  }

  std::vector<std::pair<FrameType, Bytes>> WrittenFrames() {
    return FramesOf(Written());
  }

  void Receive(ByteView bytes) {
    core.HandleBytes(now, bytes);
    record.Take(core);
  }

  void Receive(FrameType type, ByteView payload) {
    Bytes frame;
    AppendFrame(type, payload, frame);
    Receive(frame);
  }

  void ReceiveServerInfo(std::string_view json = R"({"version":2})") {
    Bytes payload;
    (void)AppendSealedBox(AsBytes(json), ClientPublic(), ServerPrivate(), rng_,
                          payload)
        .value();
    Receive(FrameType::kServerInfo, payload);
  }

  // Logs in; what was written is forgotten.
  void LogIn(std::string_view json = R"({"version":2})") {
    core.Start(now, ServerPublic());
    ReceiveServerInfo(json);
    Written();
  }

  void Advance(Duration span) {
    now += span;
    core.HandleTimeout(now);
    record.Take(core);
  }

  Instant now{1h};
  ClientRecord record;

 private:
  SeededRng rng_{3};

 public:
  ClientCore core;
};

TEST(ClientCore, SendsTheRequestAndWaitsForThe101AndServerKey) {
  Client client;
  client.core.Start(client.now);
  EXPECT_EQ(AsText(client.Written()),
            "GET /derp HTTP/1.1\r\nHost: derp.example\r\n"
            "User-Agent: natkit\r\nConnection: Upgrade\r\n"
            "Upgrade: DERP\r\n\r\n");
  client.Receive(AsBytes(kSwitching));
  EXPECT_THAT(client.Written(), IsEmpty());
  Bytes key;
  AppendServerKey(ServerPublic(), key);
  client.Receive(key);
  const auto frames = client.WrittenFrames();
  ASSERT_THAT(frames, SizeIs(1));
  EXPECT_EQ(frames[0].first, FrameType::kClientInfo);
  const ByteView payload = frames[0].second;
  EXPECT_EQ(ToHex(payload.first(kKeySize)), kClientPublicHex);
  const auto json =
      OpenSealedBox(payload.subspan(kKeySize), ClientPublic(), ServerPrivate());
  EXPECT_EQ(AsText(json.value()), R"({"version":2,"CanAckPings":true})");
  EXPECT_FALSE(client.record.connected);
  client.ReceiveServerInfo();
  ASSERT_TRUE(client.record.connected);
  EXPECT_EQ(client.record.connected->server_key, ServerPublic());
}

TEST(ClientCore, ClientInfoMatchesTheVector) {
  CountingRng rng(0x80);
  ClientCore core({.private_key = ClientPrivate(), .host = "x"}, rng);
  core.Start({}, ServerPublic());
  Bytes written(4096);
  written.resize(core.PollTransmit({}, written));
  const std::string hex = ToHex(written);
  EXPECT_TRUE(hex.ends_with(
      "020000006864b101b1d0be5a8704bd078f9895001fc03e8e9f9522f188dd128d9846d484"
      "66808182838485868788898a8b8c8d8e8f9091929394959697fa729a1425ff782e8912aa"
      "f092423a55a0dbfc2e43e308cae5993c0f03876e005694c738d753b2839724c7656a92f4"
      "a9"))
      << hex;
}

TEST(ClientCore, FastStartSendsEverythingAtOnce) {
  Client client({.private_key = ClientPrivate(),
                 .host = "derp.example",
                 .ideal_node = "1a\r\nX: y"});
  client.core.Start(client.now, ServerPublic());
  ASSERT_TRUE(client.core.SendPacket(client.now, PublicKeyOf(1), Bytes{5}));
  const Bytes written = client.Written();
  const std::string_view head =
      "GET /derp HTTP/1.1\r\nHost: derp.example\r\n"
      "User-Agent: natkit\r\nConnection: Upgrade\r\n"
      "Derp-Fast-Start: 1\r\nIdeal-Node: 1aX:y\r\nUpgrade: DERP\r\n\r\n";
  ASSERT_TRUE(AsText(written).starts_with(head)) << AsText(written);
  const auto frames = FramesOf(ByteView(written).subspan(head.size()));
  ASSERT_THAT(frames, SizeIs(2));
  EXPECT_EQ(frames[0].first, FrameType::kClientInfo);
  EXPECT_EQ(frames[1].first, FrameType::kSendPacket);
}

TEST(ClientCore, FastStartIgnoresServerKey) {
  Client client;
  client.core.Start(client.now, ServerPublic());
  Bytes key;
  AppendServerKey(PublicKeyOf(7), key);
  client.Receive(key);
  client.ReceiveServerInfo();
  EXPECT_TRUE(client.record.connected);
}

TEST(ClientCore, ToleratesA101WithOtherHeadersAndALongServerKey) {
  for (const std::string_view head :
       {"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 101 whatever\r\nDerp-Public-Key: nodekey:zz\r\n\r\n"}) {
    Client client;
    client.core.Start(client.now);
    Bytes stream = ToBytes(head);
    Bytes key;
    AppendServerKey(ServerPublic(), key);
    Bytes payload(key.begin() + kFrameHeaderSize, key.end());
    payload.resize(1024);
    AppendFrame(FrameType::kServerKey, payload, stream);
    client.Receive(stream);
    client.ReceiveServerInfo();
    EXPECT_TRUE(client.record.connected) << head;
  }
}

TEST(ClientCore, AnythingButA101IsRefusal) {
  const std::pair<std::string_view, int> cases[] = {
      {"HTTP/1.1 426 Upgrade Required\r\n\r\nDERP requires", 426},
      {"HTTP/1.1 200 OK\r\n\r\n", 200},
      {"SSH-2.0-OpenSSH_9.2\r\n\r\n", 0},
  };
  for (const auto& [answer, status] : cases) {
    Client client;
    client.core.Start(client.now);
    client.Receive(AsBytes(answer));
    ASSERT_TRUE(client.record.closed) << answer;
    EXPECT_EQ(client.record.closed->reason, ClientCloseReason::kUpgradeRefused);
    EXPECT_EQ(client.record.closed->http_status, status);
  }
}

TEST(ClientCore, BrokenLoginsAreProtocolErrors) {
  Bytes wrong_magic;
  AppendServerKey(ServerPublic(), wrong_magic);
  wrong_magic[kFrameHeaderSize] ^= 1;
  Bytes not_server_key;
  AppendFrame(FrameType::kHealth, {}, not_server_key);
  for (const Bytes& frame : {wrong_magic, not_server_key}) {
    Client client;
    client.core.Start(client.now);
    client.Receive(AsBytes(kSwitching));
    client.Receive(frame);
    ASSERT_TRUE(client.record.closed);
    EXPECT_EQ(client.record.closed->reason, ClientCloseReason::kProtocolError);
  }
}

TEST(ClientCore, ServerInfoMustOpenAndParse) {
  Client wrong_box;
  wrong_box.core.Start(wrong_box.now, PublicKeyOf(7));
  wrong_box.ReceiveServerInfo();
  ASSERT_TRUE(wrong_box.record.closed);
  EXPECT_EQ(wrong_box.record.closed->error, Errc::kBadBox);
  Client bad_json;
  bad_json.core.Start(bad_json.now, ServerPublic());
  bad_json.ReceiveServerInfo("{");
  ASSERT_TRUE(bad_json.record.closed);
  EXPECT_EQ(bad_json.record.closed->error, Errc::kBadJson);
}

TEST(ClientCore, GivesUpALoginAfterTenSeconds) {
  Client client;
  client.core.Start(client.now);
  EXPECT_EQ(client.core.NextTimeout(), client.now + 10s);
  client.Advance(10s - 1ns);
  EXPECT_FALSE(client.record.closed);
  client.Advance(1ns);
  ASSERT_TRUE(client.record.closed);
  EXPECT_EQ(client.record.closed->reason, ClientCloseReason::kLoginTimeout);
  EXPECT_FALSE(client.core.NextTimeout());
}

TEST(ClientCore, GivesUpAfter120SecondsWithoutAFrame) {
  Client client;
  client.LogIn();
  client.Advance(119s);
  client.Receive(FrameType::kKeepAlive, {});
  client.Advance(119s);
  client.Receive(FrameType{0x7f}, Bytes(3));
  client.Advance(120s - 1ns);
  EXPECT_FALSE(client.record.closed);
  client.Advance(1ns);
  ASSERT_TRUE(client.record.closed);
  EXPECT_EQ(client.record.closed->reason, ClientCloseReason::kReadTimeout);
}

TEST(ClientCore, ToleratesFramesOfOlderAndNewerServers) {
  Client client;
  client.LogIn();
  client.Receive(FrameType::kPeerGone, PublicKeyOf(1).bytes);
  client.Receive(FrameType::kPeerGone, Bytes(31));
  for (const size_t size : {32U, 50U, 51U, 60U}) {
    Bytes payload(size);
    std::ranges::copy(PublicKeyOf(1).bytes, payload.begin());
    client.Receive(FrameType::kPeerPresent, payload);
  }
  client.Receive(FrameType{0x42}, Bytes(100000));
  client.Receive(FrameType::kRecvPacket, Bytes(31));
  client.Receive(FrameType::kPing, Bytes(7));
  client.Receive(FrameType::kRestarting, Bytes(4));
  EXPECT_THAT(client.record.gone, ElementsAre(PeerGone{PublicKeyOf(1)}));
  EXPECT_THAT(client.record.present, SizeIs(4));
  EXPECT_THAT(client.record.packets, IsEmpty());
  EXPECT_FALSE(client.record.closed);
  EXPECT_EQ(client.core.counters().unknown_frames, 5U);
}

TEST(ClientCore, YieldsPacketsHowTheyCameInOneRead) {
  Client client;
  client.LogIn();
  Bytes stream;
  for (uint8_t i = 0; i < 50; ++i) {
    Bytes payload = ToBytes(PublicKeyOf(1).bytes);
    payload.insert(payload.end(), i, i);
    AppendFrame(FrameType::kRecvPacket, payload, stream);
  }
  client.Receive(stream);
  ASSERT_THAT(client.record.packets, SizeIs(50));
  for (uint8_t i = 0; i < 50; ++i) {
    EXPECT_EQ(client.record.packets[i], std::pair(PublicKeyOf(1), Bytes(i, i)));
  }
}

TEST(ClientCore, BoundsWhatAnOwnerDoesNotPoll) {
  Client client;
  client.LogIn();
  Bytes frame;
  AppendFrame(FrameType::kRecvPacket, Bytes(32 + 65536), frame);
  for (int i = 0; i < 100; ++i) {
    client.core.HandleBytes(client.now, frame);
  }
  EXPECT_EQ(client.core.counters().dropped_received, 100U - 64U);
  client.record.Take(client.core);
  client.Receive(frame);
  EXPECT_EQ(client.core.counters().dropped_received, 100U - 64U);
}

TEST(ClientCore, DropsTheOldestOfMoreThan32WaitingPackets) {
  Client client;
  client.LogIn();
  for (uint8_t i = 0; i < 40; ++i) {
    ASSERT_TRUE(client.core.SendPacket(client.now, PublicKeyOf(1), Bytes{i}));
  }
  const auto frames = client.WrittenFrames();
  ASSERT_THAT(frames, SizeIs(32));
  EXPECT_EQ(frames.front().second.back(), 8);
  EXPECT_EQ(frames.back().second.back(), 39);
  EXPECT_EQ(client.core.counters().dropped_oldest, 8U);
  EXPECT_EQ(client.core.counters().packets_sent, 32U);
}

TEST(ClientCore, WritesTheSameStreamInPiecesOfAnySize) {
  Client whole;
  whole.LogIn();
  Client pieces;
  pieces.LogIn();
  Bytes stream;
  for (Client* const client : {&whole, &pieces}) {
    client->core.NotePreferred(HomeRegion::kYes);
    for (uint8_t i = 0; i < 5; ++i) {
      ASSERT_TRUE(client->core.SendPacket(client->now, PublicKeyOf(1),
                                          Bytes(size_t{i} * 20, i)));
    }
  }
  while (pieces.core.has_output()) {
    Bytes piece(7);
    piece.resize(pieces.core.PollTransmit(pieces.now, piece));
    ASSERT_FALSE(piece.empty());
    stream.insert(stream.end(), piece.begin(), piece.end());
  }
  EXPECT_EQ(stream, whole.Written());
}

TEST(ClientCore, DropsWhatExceedsTheServersTokenBucket) {
  Client client;
  client.LogIn(R"({"version":2,"TokenBucketBytesPerSecond":1000,)"
               R"("TokenBucketBytesBurst":1037})");
  const auto send = [&client](size_t size) {
    return client.core.SendPacket(client.now, PublicKeyOf(1), Bytes(size));
  };
  EXPECT_TRUE(send(1000));
  EXPECT_EQ(send(0).error().code, Errc::kLimitExceeded);
  client.now += 37ms;
  EXPECT_TRUE(send(0));
  EXPECT_EQ(send(0).error().code, Errc::kLimitExceeded);
  client.now += 1h;
  EXPECT_EQ(send(1001).error().code, Errc::kLimitExceeded);
  EXPECT_EQ(client.core.counters().dropped_by_rate, 3U);
  EXPECT_THAT(client.WrittenFrames(), SizeIs(2));
}

TEST(ClientCore, AZeroRateMeansNoLimit) {
  Client client;
  client.LogIn(R"({"TokenBucketBytesPerSecond":0,"TokenBucketBytesBurst":1})");
  EXPECT_TRUE(client.core.SendPacket(client.now, PublicKeyOf(1), Bytes(60000)));
}

TEST(ClientCore, AnswersPingsAndShowsHealthAndRestarting) {
  Client client;
  client.LogIn();
  client.Receive(Hex("12000000080102030405060708"));
  EXPECT_EQ(client.Written(), Hex("13000000080102030405060708"));
  client.Receive(Hex("1400000003424144"));
  client.Receive(Hex("1400000000"));
  client.Receive(Hex("15000000080000000100000002"));
  EXPECT_THAT(client.record.health, ElementsAre("BAD", ""));
  EXPECT_THAT(client.record.restarting, ElementsAre(Restarting{1ms, 2ms}));
}

TEST(ClientCore, BoundsThePongsThatWait) {
  Client client;
  client.LogIn();
  for (int i = 0; i < 1000; ++i) {
    client.Receive(FrameType::kPing, Bytes(8));
  }
  EXPECT_THAT(client.WrittenFrames(), SizeIs(16));
}

TEST(ClientCore, MeasuresTheRoundTripOfItsPing) {
  Client client;
  client.LogIn();
  client.core.Ping(client.now);
  const auto frames = client.WrittenFrames();
  ASSERT_THAT(frames, SizeIs(1));
  client.now += 42ms;
  client.Receive(FrameType::kPong, Bytes(8));  // not ours
  EXPECT_THAT(client.record.pongs, IsEmpty());
  client.Receive(FrameType::kPong, frames[0].second);
  client.Receive(FrameType::kPong, frames[0].second);
  EXPECT_THAT(client.record.pongs, ElementsAre(Duration(42ms)));
  client.Advance(10s);
  EXPECT_EQ(client.record.ping_timeouts, 0);
}

TEST(ClientCore, ReportsAPingThatIsNotAnswered) {
  Client client;
  client.LogIn();
  client.core.Ping(client.now);
  EXPECT_EQ(client.core.NextTimeout(), client.now + 5s);
  client.Advance(5s);
  EXPECT_EQ(client.record.ping_timeouts, 1);
  EXPECT_FALSE(client.record.closed);
}

TEST(ClientCore, NotesPreferenceOnlyWhenItChanges) {
  Client client;
  client.core.NotePreferred(HomeRegion::kYes);
  client.core.Start(client.now, ServerPublic());
  const Bytes flight = client.Written();
  EXPECT_TRUE(ToHex(flight).ends_with("070000000101"));
  client.core.NotePreferred(HomeRegion::kYes);
  EXPECT_FALSE(client.core.has_output());
  client.core.NotePreferred(HomeRegion::kNo);
  EXPECT_EQ(client.Written(), Hex("070000000100"));
}

TEST(ClientCore, SendingNeedsAStartedOpenConnection) {
  Client client;
  EXPECT_EQ(client.core.SendPacket(client.now, PublicKeyOf(1), {}).error().code,
            Errc::kInvalidState);
  client.LogIn();
  client.core.HandleClosed(client.now);
  EXPECT_EQ(client.core.SendPacket(client.now, PublicKeyOf(1), {}).error().code,
            Errc::kClosed);
  client.record.Take(client.core);
  ASSERT_TRUE(client.record.closed);
  EXPECT_EQ(client.record.closed->reason, ClientCloseReason::kStreamClosed);
  EXPECT_THAT(client.Written(), IsEmpty());
}

}  // namespace
}  // namespace natkit::derp
