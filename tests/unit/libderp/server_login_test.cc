#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relay_world.h"

namespace natkit::derp {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using ::testing::ElementsAre;
using ::testing::Pair;

constexpr std::string_view kUpgradeRequest =
    "GET /derp HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\n"
    "Upgrade: DERP\r\n\r\n";
constexpr std::string_view kFastStartRequest =
    "GET /derp HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\n"
    "Derp-Fast-Start: 1\r\nUpgrade: DERP\r\n\r\n";

Bytes ServerKeyFrame() {
  Bytes frame;
  AppendServerKey(ServerPublic(), frame);
  return frame;
}

std::string ExpectedUpgradeResponse() {
  return "HTTP/1.1 101 Switching Protocols\r\n"
         "Upgrade: DERP\r\n"
         "Connection: Upgrade\r\n"
         "Derp-Version: 2\r\n"
         "Derp-Public-Key: " +
         std::string(kServerPublicHex) + "\r\n\r\n";
}

std::string SealedJson(const Bytes& payload, const StaticPrivateKey& key) {
  const auto json = OpenSealedBox(payload, ServerPublic(), key);
  return json ? std::string(AsText(*json)) : "(does not open)";
}

TEST(ServerLogin, AnswersTheUpgradeWithFiveLinesAndServerKey) {
  RelayWorld world;
  Peer& peer = world.ConnectRaw();
  world.Write(peer, AsBytes(kUpgradeRequest));

  Bytes expected = ToBytes(ExpectedUpgradeResponse());
  const Bytes key = ServerKeyFrame();
  expected.insert(expected.end(), key.begin(), key.end());
  EXPECT_EQ(AsText(peer.received), AsText(expected));
}

TEST(ServerLogin, ParsesTheClientHoweverItsBytesAreSplit) {
  Bytes stream = ToBytes(kUpgradeRequest);
  const Bytes info = RelayWorld().ClientInfoFrame(ClientPrivate(), "{}");
  stream.insert(stream.end(), info.begin(), info.end());
  AppendFrame(FrameType::kPing, Bytes(8, 7), stream);
  for (size_t split = 0; split <= stream.size(); ++split) {
    RelayWorld world;
    Peer& peer = world.ConnectRaw();
    world.Write(peer, ByteView(stream).first(split));
    world.Write(peer, ByteView(stream).subspan(split));

    const size_t head = ExpectedUpgradeResponse().size();
    ASSERT_GT(peer.received.size(), head) << "split at " << split;
    const auto frames = FramesOf(ByteView(peer.received).subspan(head));
    ASSERT_EQ(frames.size(), 3U) << "split at " << split;
    EXPECT_EQ(frames[0].first, FrameType::kServerKey);
    EXPECT_EQ(frames[1].first, FrameType::kServerInfo);
    EXPECT_EQ(SealedJson(frames[1].second, ClientPrivate()),
              R"({"version":2})");
    EXPECT_EQ(frames[2].first, FrameType::kPong);
  }
}

TEST(ServerLogin, FastStartTakesRequestLoginAndPacketInOneSegment) {
  RelayWorld world;
  Peer& other = world.Connect(9);
  Peer& peer = world.ConnectRaw();
  Bytes stream = ToBytes(kFastStartRequest);
  const Bytes info = world.ClientInfoFrame(ClientPrivate(), "{}");
  stream.insert(stream.end(), info.begin(), info.end());
  Bytes packet = ToBytes(PublicKeyOf(9).bytes);
  packet.push_back(0x77);
  AppendFrame(FrameType::kSendPacket, packet, stream);
  world.Write(peer, stream);

  const auto frames = FramesOf(peer.received);
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0].first, FrameType::kServerKey);
  EXPECT_EQ(frames[1].first, FrameType::kServerInfo);
  EXPECT_THAT(other.record.packets,
              ElementsAre(Pair(ClientPublic(), Bytes{0x77})));
}

TEST(ServerLogin, AcceptsWhatClientsMaySay) {
  for (const std::string_view json :
       {"{}", R"({"version":2,"CanAckPings":true})",
        R"({"VERSION":2,"canackpings":true,"isprober":true})",
        R"({"version":3,"Future":{"a":[1,{"b":null}]},"x":1.5})",
        R"({"version":null,"AppName":"tool"})"}) {
    RelayWorld world;
    const Peer& peer = world.ConnectRawClient(ClientPrivate(), json);
    EXPECT_EQ(peer.closed, std::nullopt) << json;
    EXPECT_EQ(world.server().counters().current_connections, 1U) << json;
  }
}

TEST(ServerLogin, RejectedClientSeesServerKeyThenTheEnd) {
  RelayWorld world;
  const Bytes good = world.ClientInfoFrame(ClientPrivate(), "{}");
  Bytes zero_key = good;
  std::fill_n(zero_key.begin() + kFrameHeaderSize, kKeySize, uint8_t{0});
  Bytes wrong_box = good;
  wrong_box.back() ^= 1;
  Bytes wrong_type = good;
  wrong_type[0] = static_cast<uint8_t>(FrameType::kSendPacket);
  Bytes small_order = good;
  std::fill_n(small_order.begin() + kFrameHeaderSize, kKeySize, uint8_t{0});
  small_order[kFrameHeaderSize] = 1;
  Bytes too_short;
  AppendFrame(FrameType::kClientInfo, Bytes(55), too_short);
  Bytes too_long;
  AppendFrame(FrameType::kClientInfo, Bytes(262145), too_long);
  const std::vector<Bytes> cases = {
      zero_key,
      wrong_box,
      wrong_type,
      small_order,
      too_short,
      too_long,
      world.ClientInfoFrame(ClientPrivate(), R"({"meshKey":""})"),
      world.ClientInfoFrame(ClientPrivate(), R"({"meshKey":"00ff"})"),
      world.ClientInfoFrame(ClientPrivate(), R"({"meshKey":null})"),
      world.ClientInfoFrame(ClientPrivate(), R"({"version":"2"})"),
      world.ClientInfoFrame(ClientPrivate(), "[]"),
      world.ClientInfoFrame(ClientPrivate(), ""),
      world.ClientInfoFrame(ClientPrivate(), "{"),
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    Peer& peer = world.ConnectRaw();
    world.Write(peer, AsBytes(kFastStartRequest));
    world.Write(peer, cases[i]);
    EXPECT_EQ(peer.received, ServerKeyFrame()) << "case " << i;
    EXPECT_EQ(peer.closed, CloseReason::kLoginRejected) << "case " << i;
  }
  EXPECT_EQ(world.server().counters().current_connections, 0U);
  EXPECT_EQ(world.server().connection_count(), 0U);
}

TEST(ServerLogin, TheLargestClientInfoPasses) {
  RelayWorld world;
  std::string json = R"({"version":2,"pad":")";
  json.append(262144 - 32 - 40 - json.size() - 2, 'x');
  json += R"("})";
  const Bytes frame = world.ClientInfoFrame(ClientPrivate(), json);
  ASSERT_EQ(frame.size(), kFrameHeaderSize + 262144);
  Peer& peer = world.ConnectRaw();
  world.Write(peer, AsBytes(kFastStartRequest));
  world.Write(peer, frame);
  EXPECT_EQ(FramesOf(peer.received).size(), 2U);
}

TEST(ServerLogin, RejectionWaitsForServerKeyToLeave) {
  RelayWorld world;
  Peer& peer = world.ConnectRaw();
  peer.reads = false;
  world.Write(peer, AsBytes(kFastStartRequest));
  world.WriteFrame(peer, FrameType::kClientInfo, Bytes(60));
  EXPECT_EQ(peer.closed, std::nullopt);
  peer.reads = true;
  world.Pump();
  EXPECT_EQ(peer.received, ServerKeyFrame());
  EXPECT_EQ(peer.closed, CloseReason::kLoginRejected);
}

TEST(ServerLogin, RejectedClientThatDoesNotReadIsClosedAllTheSame) {
  RelayWorld world;
  Peer& peer = world.ConnectRaw();
  peer.reads = false;
  world.Write(peer, AsBytes(kFastStartRequest));
  world.WriteFrame(peer, FrameType::kClientInfo, Bytes(60));
  world.Advance(3s);
  EXPECT_TRUE(peer.closed.has_value());
}

TEST(ServerLogin, ClosesALoginThatStallsForTenSeconds) {
  RelayWorld world;
  Peer& peer = world.ConnectRaw();
  world.Advance(20s);
  world.Write(peer, AsBytes(kUpgradeRequest));
  world.Advance(9999ms);
  EXPECT_EQ(peer.closed, std::nullopt);
  world.Advance(1ms);
  EXPECT_EQ(peer.closed, CloseReason::kLoginTimeout);
}

TEST(ServerLogin, ClosesAStreamThatSendsNoRequest) {
  RelayWorld world;
  Peer& peer = world.ConnectRaw();
  world.Write(peer, ToBytes("GET /derp"));
  world.Advance(29s);
  EXPECT_EQ(peer.closed, std::nullopt);
  world.Advance(1s);
  EXPECT_EQ(peer.closed, CloseReason::kHttpTimeout);
}

TEST(ServerLogin, RefusesDerpWithoutAnUpgradeAndServesTheSiteBesides) {
  RelayWorld world;
  Peer& peer = world.ConnectRaw();
  world.Write(peer, ToBytes("GET /derp/probe HTTP/1.1\r\n\r\n"
                            "HEAD /derp/latency-check HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(AsText(peer.received),
            "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\n"
            "Content-Length: 0\r\n\r\n"
            "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\n"
            "Content-Length: 0\r\n\r\n");
  peer.received.clear();
  world.Write(peer, ToBytes("GET /derp HTTP/1.1\r\n\r\n"));
  EXPECT_THAT(std::string(AsText(peer.received)),
              ::testing::AllOf(
                  ::testing::StartsWith("HTTP/1.1 426 Upgrade Required\r\n"),
                  ::testing::HasSubstr("DERP requires connection upgrade")));
  EXPECT_EQ(peer.closed, CloseReason::kHttpDone);
}

TEST(ServerLogin, WebSocketWithoutSubprotocolIsDerp) {
  RelayWorld world;
  Peer& peer = world.ConnectRaw();
  world.Write(peer,
              ToBytes("GET /derp HTTP/1.1\r\nUpgrade: WebSocket\r\n\r\n"));
  EXPECT_THAT(std::string(AsText(peer.received)),
              ::testing::StartsWith("HTTP/1.1 101 "));
}

TEST(ServerLogin, DisabledRelayServesProbesOnly) {
  ServerConfig config = RelayWorld::MakeConfig();
  config.site.relay = RelayMode::kDisabled;
  RelayWorld world(std::move(config));
  Peer& peer = world.ConnectRaw();
  world.Write(peer, ToBytes("GET /derp/probe HTTP/1.1\r\n\r\n"));
  EXPECT_THAT(std::string(AsText(peer.received)),
              ::testing::StartsWith("HTTP/1.1 200 "));
  peer.received.clear();
  world.Write(peer, AsBytes(kUpgradeRequest));
  EXPECT_THAT(std::string(AsText(peer.received)),
              ::testing::StartsWith("HTTP/1.1 404 "));
}

TEST(ServerLogin, BoundsPipelinedRequestsOfAClientThatDoesNotRead) {
  RelayWorld world;
  Peer& peer = world.ConnectRaw();
  peer.reads = false;
  const Bytes request = ToBytes("GET / HTTP/1.1\r\n\r\n");
  for (int i = 0; i < 10000 && !peer.closed; ++i) {
    world.Write(peer, request);
  }
  peer.reads = true;
  world.Pump();
  EXPECT_EQ(peer.closed, CloseReason::kBadHttp);
  EXPECT_LT(peer.received.size(), 80U * 1024);
}

TEST(ServerLogin, NotIdealClientsAreCounted) {
  RelayWorld world;
  Peer& peer = world.Connect(
      {.private_key = PrivateKeyOf(1), .host = "relay", .ideal_node = "1a"});
  EXPECT_EQ(world.server().counters().current_notideal_connections, 1U);
  world.Disconnect(peer);
  EXPECT_EQ(world.server().counters().current_notideal_connections, 0U);
}

TEST(ServerLogin, MeshKeyMakesAMeshPeer) {
  ServerConfig config = RelayWorld::MakeConfig();
  config.mesh_key.emplace();
  config.mesh_key->ExposeMutable().front() = 1;
  RelayWorld world(std::move(config));
  const std::string right = R"({"meshKey":"01)" + std::string(62, '0') + "\"}";
  const std::string wrong = R"({"meshKey":"02)" + std::string(62, '0') + "\"}";
  world.ConnectRawClient(PrivateKeyOf(1), right);
  world.ConnectRawClient(PrivateKeyOf(2), wrong);
  ASSERT_EQ(world.events.size(), 2U);
  EXPECT_TRUE(std::get<ClientRegistered>(world.events[0]).is_mesh_peer);
  EXPECT_FALSE(std::get<ClientRegistered>(world.events[1]).is_mesh_peer);
}

TEST(ServerLogin, AZeroMeshKeyNeverMatches) {
  ServerConfig config = RelayWorld::MakeConfig();
  config.mesh_key.emplace();
  RelayWorld world(std::move(config));
  const std::string json = R"({"meshKey":")" + std::string(64, '0') + "\"}";
  world.ConnectRawClient(PrivateKeyOf(1), json);
  ASSERT_EQ(world.events.size(), 1U);
  EXPECT_FALSE(std::get<ClientRegistered>(world.events[0]).is_mesh_peer);
}

}  // namespace
}  // namespace natkit::derp
