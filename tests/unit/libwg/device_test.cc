#include "natkit/wg/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "device/device_testing.h"
#include "wg_net.h"

namespace natkit::wg {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::MakeIpv4;
using testing::MakeIpv6;
using testing::WgNet;

PresharedKey Psk(uint8_t byte) {
  PresharedKey psk;
  psk.ExposeMutable()[0] = byte;
  return psk;
}

TEST(Device, HandshakesAndCarriesDataBothWays) {
  WgNet net(2);
  const PeerId b_at_a = net.Introduce(0, 1);
  const PeerId a_at_b = net.Introduce(1, 0);
  net.SendData(0, 1, 100);
  net.Run(40ms);
  EXPECT_THAT(net.node(0).Events<HandshakeCompleted>(),
              ElementsAre(HandshakeCompleted{b_at_a, Role::kInitiator}));
  EXPECT_THAT(net.node(1).Events<HandshakeCompleted>(),
              ElementsAre(HandshakeCompleted{a_at_b, Role::kResponder}));
  net.SendData(1, 0, 1420);
  net.Run(40ms);
  EXPECT_THAT(net.node(1).received,
              ElementsAre(MakeIpv4(net.node(0).inner, net.node(1).inner, 100)));
  EXPECT_THAT(
      net.node(0).received,
      ElementsAre(MakeIpv4(net.node(1).inner, net.node(0).inner, 1420)));
}

TEST(Device, PadsTo16BytesButNotBeyondTheMtu) {
  WgNet net(2);
  net.Introduce(0, 1);
  net.Introduce(1, 0);
  net.SendData(0, 1, 20);
  net.Run(40ms);
  net.ClearLog();
  for (const size_t size : {33U, 48U, 1409U, 1420U, 1500U}) {
    net.SendData(0, 1, size);
  }
  std::vector<size_t> sizes;
  for (const auto& datagram : net.log()) {
    sizes.push_back(datagram.bytes.size());
  }
  EXPECT_THAT(sizes,
              ElementsAre(48 + 32, 48 + 32, 1420 + 32, 1420 + 32, 1500 + 32));
  net.Run(20ms);
  EXPECT_EQ(net.node(1).received.size(), 6U);
  EXPECT_EQ(net.node(1).received[1].size(), 33U);
}

TEST(Device, TheResponderSendsNothingBeforeTheInitiatorConfirmed) {
  WgNet net(2);
  net.Introduce(0, 1);
  const PeerId a_at_b = net.Introduce(1, 0);
  net.set_filter([](WgNet::Datagram& d) { return d.type() != 4; });
  net.SendData(0, 1);
  net.Run(40ms);
  EXPECT_FALSE(net.node(1).device.GetPeer(a_at_b)->has_session);
  net.SendData(1, 0);
  net.Run(40ms);
  EXPECT_TRUE(net.SentAt(1, 4).empty());
  net.set_filter(nullptr);
  net.SendData(0, 1);
  net.Run(40ms);
  EXPECT_TRUE(net.node(1).device.GetPeer(a_at_b)->has_session);
  EXPECT_EQ(net.node(0).received.size(), 1U) << "the staged packet";
}

TEST(Device, APresharedKeyOnOneSideOnlyMakesNoSession) {
  WgNet net(2);
  const PeerId b_at_a = net.Introduce(0, 1, Psk(1));
  net.Introduce(1, 0, Psk(2));
  net.SendData(0, 1);
  net.Run(60ms);
  EXPECT_FALSE(net.node(0).device.GetPeer(b_at_a)->has_session);
  EXPECT_EQ(net.node(0).drops(DropReason::kHandshakeAuth), 1U);

  WgNet same(2);
  same.Introduce(0, 1, Psk(3));
  same.Introduce(1, 0, Psk(3));
  same.SendData(0, 1);
  same.Run(60ms);
  EXPECT_EQ(same.node(1).received.size(), 1U);
}

TEST(Device, SimultaneousInitiationsBothFinishWithinOneRoundTrip) {
  WgNet net(2);
  net.Introduce(0, 1);
  net.Introduce(1, 0);
  net.SendData(0, 1);
  net.SendData(1, 0);
  net.Run(60ms);
  EXPECT_EQ(net.node(0).received.size(), 1U);
  EXPECT_EQ(net.node(1).received.size(), 1U);
  for (int i = 0; i < 5; ++i) {
    net.SendData(0, 1);
    net.SendData(1, 0);
  }
  net.Run(60ms);
  EXPECT_EQ(net.node(0).received.size(), 6U);
  EXPECT_EQ(net.node(1).received.size(), 6U);
}

TEST(Device, RefusesInnerSourcesOutsideAllowedIps) {
  WgNet net(3);
  net.Introduce(0, 1);
  net.Introduce(1, 0);
  net.SendData(0, 1);
  net.Run(60ms);
  PacketBatch plaintext;
  PacketBatch out;
  plaintext.AppendCopy(MakeIpv4(net.node(2).inner, net.node(1).inner, 60), {});
  net.node(0).device.SendPackets(net.now(), plaintext, out);
  net.Inject(net.node(0).endpoint, net.node(1).endpoint,
             {out.bytes(0).begin(), out.bytes(0).end()});
  net.Run(60ms);
  EXPECT_EQ(net.node(1).received.size(), 1U);
  EXPECT_EQ(net.node(1).drops(DropReason::kNotAllowed), 1U);
}

TEST(Device, CarriesIpv6) {
  WgNet net(2);
  const auto a6 = IpAddress::Parse("fd00::1").value();
  const auto b6 = IpAddress::Parse("fd00::2").value();
  for (size_t i = 0; i < 2; ++i) {
    PeerUpdate update;
    update.public_key = net.node(1 - i).device.public_key();
    update.endpoint = net.node(1 - i).endpoint;
    update.allowed_ips = {IpPrefix::Make(i == 0 ? b6 : a6, 128).value()};
    ASSERT_TRUE(net.node(i).device.SetPeer(net.now(), update));
  }
  PacketBatch plaintext;
  PacketBatch out;
  plaintext.AppendCopy(MakeIpv6(a6, b6, 61), {});
  net.node(0).device.SendPackets(net.now(), plaintext, out);
  net.Inject(net.node(0).endpoint, net.node(1).endpoint,
             {out.bytes(0).begin(), out.bytes(0).end()});
  net.Run(60ms);
  ASSERT_EQ(net.node(1).received.size(), 1U);
  EXPECT_EQ(net.node(1).received[0], MakeIpv6(a6, b6, 61));
}

TEST(Device, FollowsAPeerThatRoams) {
  WgNet net(2);
  net.Introduce(0, 1);
  const PeerId a_at_b = net.Introduce(1, 0);
  net.SendData(0, 1);
  net.Run(60ms);
  EXPECT_TRUE(net.node(1).Events<EndpointChanged>().empty());
  const Endpoint elsewhere{IpAddress::V4(198, 51, 100, 9), 4242};
  net.node(0).endpoint = elsewhere;
  net.SendData(0, 1);
  net.Run(60ms);
  EXPECT_THAT(net.node(1).Events<EndpointChanged>(),
              ElementsAre(EndpointChanged{a_at_b, elsewhere, {}}));
  net.SendData(1, 0);
  net.Run(60ms);
  EXPECT_EQ(net.node(0).received.size(), 1U);
}

TEST(Device, AReplayedDatagramDoesNotMoveTheEndpoint) {
  WgNet net(2);
  net.Introduce(0, 1);
  const PeerId a_at_b = net.Introduce(1, 0);
  net.SendData(0, 1);
  net.Run(60ms);
  const auto seen = net.log().back();
  ASSERT_EQ(seen.type(), 4);
  const Endpoint attacker{IpAddress::V4(203, 0, 113, 1), 1};
  net.Inject(attacker, net.node(1).endpoint, seen.bytes);
  for (const auto& datagram : net.log()) {
    if (datagram.type() == 1) {
      net.Inject(attacker, net.node(1).endpoint, datagram.bytes);
    }
  }
  net.Run(60ms);
  EXPECT_EQ(net.node(1).drops(DropReason::kDataReplayed), 1U);
  EXPECT_EQ(net.node(1).drops(DropReason::kTimestampReplayed), 1U);
  EXPECT_EQ(net.node(1).device.GetPeer(a_at_b)->endpoint, net.node(0).endpoint);
}

TEST(Device, RoutesByTagWhenTheOwnerKnowsTheEndpoints) {
  SeededRng rng(5);
  Device device({.endpoints = EndpointPolicy::kByOwner}, rng);
  Device strict({}, rng);
  for (Device* each : {&device, &strict}) {
    each->SetPrivateKey({}, GeneratePrivateKey(rng));
    PeerUpdate update;
    update.public_key = DerivePublicKey(GeneratePrivateKey(rng));
    update.allowed_ips = {IpPrefix::Parse("10.0.0.0/8").value()};
    ASSERT_EQ(each->SetPeer({}, update), PeerId{1});
  }
  PacketBatch plaintext;
  const auto ip = IpAddress::V4(10, 0, 0, 1);
  plaintext.AppendCopy(MakeIpv4(ip, ip, 20), {});
  PacketBatch out;
  device.SendPackets({}, plaintext, out);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out.meta(0).tag, 1U);
  EXPECT_EQ(out.meta(0).remote, Endpoint{});
  out.Clear();
  strict.SendPackets({}, plaintext, out);
  EXPECT_TRUE(out.is_empty());
  EXPECT_EQ(strict.counters().drop(DropReason::kNoEndpoint), 1U);
  EXPECT_EQ(
      strict.InitiateHandshake({}, 1, HandshakePace::kForced, out).error().code,
      Errc::kInvalidState);
}

TEST(Device, ForcedHandshakesPassThe5SecondLimitButNot50ASecond) {
  WgNet net(2);
  const PeerId b = net.Introduce(0, 1);
  net.Introduce(1, 0);
  Device& device = net.node(0).device;
  PacketBatch out;
  const auto try_at = [&](Duration at, HandshakePace pace) {
    return device.InitiateHandshake(Instant{} + at, b, pace, out).has_value();
  };
  EXPECT_TRUE(try_at(0ms, HandshakePace::kNormal));
  EXPECT_FALSE(try_at(100ms, HandshakePace::kNormal));
  EXPECT_TRUE(try_at(100ms, HandshakePace::kForced));
  EXPECT_FALSE(try_at(119ms, HandshakePace::kForced));
  EXPECT_TRUE(try_at(120ms, HandshakePace::kForced));
  EXPECT_FALSE(try_at(5119ms, HandshakePace::kNormal));
  EXPECT_TRUE(try_at(5120ms, HandshakePace::kNormal));
  EXPECT_EQ(out.size(), 4U);
  EXPECT_EQ(DeviceTesting::IndexCount(device), 1U) << "one pending at a time";
}

TEST(Device, DropsAFloodOfInitiationsFromOnePeer) {
  WgNet net(2);
  const PeerId b = net.Introduce(0, 1);
  net.Introduce(1, 0);
  PacketBatch out;
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(net.node(0).device.InitiateHandshake(
        Instant{} + i * 20ms, b, HandshakePace::kForced, out));
  }
  PacketBatch plaintext;
  PacketBatch replies;
  net.node(1).device.HandleDatagrams(Instant{} + 30ms, out, plaintext, replies);
  EXPECT_EQ(replies.size(), 1U);
  EXPECT_EQ(net.node(1).drops(DropReason::kInitiationFlood), 1U);
}

TEST(Device, ChangingThePrivateKeyDropsSessionsAndOurselfAsPeer) {
  WgNet net(2);
  const PeerId b = net.Introduce(0, 1);
  net.Introduce(1, 0);
  net.SendData(0, 1);
  net.Run(60ms);
  Device& device = net.node(0).device;
  StaticPrivateKey fresh = GeneratePrivateKey(net.node(0).rng);
  PeerUpdate self;
  self.public_key = DerivePublicKey(fresh);
  const PeerId own = device.SetPeer(net.now(), self).value();
  device.SetPrivateKey(net.now(), std::move(fresh));
  EXPECT_FALSE(device.GetPeer(own).has_value());
  EXPECT_EQ(device.SetPeer(net.now(), self).error().code, Errc::kBadValue);
  EXPECT_FALSE(device.GetPeer(b)->has_session);
  EXPECT_EQ(DeviceTesting::IndexCount(device), 0U);
  EXPECT_EQ(std::get<SessionExpired>(*device.PollEvent()).peer, b);
  net.Introduce(1, 0);
  net.SendData(0, 1);
  net.Run(60ms);
  EXPECT_EQ(net.node(1).received.size(), 2U);
}

TEST(Device, KeptSessionsOutliveTheKeyUntilThePeerKnowsTheNextOne) {
  WgNet net(2);
  net.Introduce(0, 1);
  const PeerId a_at_b = net.Introduce(1, 0);
  net.SendData(0, 1);
  net.Run(60ms);
  Device& device = net.node(0).device;
  device.SetPrivateKey(net.now(), GeneratePrivateKey(net.node(0).rng),
                       SessionFate::kKept);
  EXPECT_EQ(device.PollEvent(), std::nullopt);
  net.SendData(0, 1);
  net.SendData(1, 0);
  net.Run(60ms);
  EXPECT_EQ(net.node(1).received.size(), 2U);
  EXPECT_EQ(net.node(0).received.size(), 1U);
  // No longer than any session.
  net.Run(kRejectAfterTime);
  net.SendData(0, 1);
  net.Run(10s);
  EXPECT_EQ(net.node(1).received.size(), 2U);
  // With the new key there is another one, and what waited arrives.
  net.node(1).device.RemovePeer(a_at_b);
  net.Introduce(1, 0);
  net.Run(10s);
  EXPECT_EQ(net.node(1).received.size(), 3U);
  device.SetPrivateKey(net.now(), StaticPrivateKey(), SessionFate::kKept);
  EXPECT_EQ(DeviceTesting::IndexCount(device), 0U);
}

TEST(Device, ReportsStatistics) {
  WgNet net(2);
  const PeerId b = net.Introduce(0, 1);
  const PeerId a = net.Introduce(1, 0);
  net.SendData(0, 1, 64);
  net.Run(60ms);
  const PeerStatus at_a = net.node(0).device.GetPeer(b).value();
  const PeerStatus at_b = net.node(1).device.GetPeer(a).value();
  EXPECT_EQ(at_a.tx_bytes, 148U + 96U);
  EXPECT_EQ(at_a.rx_bytes, 92U);
  EXPECT_EQ(at_b.rx_bytes, at_a.tx_bytes);
  EXPECT_EQ(at_b.tx_bytes, at_a.rx_bytes);
  EXPECT_EQ(at_a.last_handshake, 1'700'000'000s + 20ms);
  EXPECT_EQ(at_b.last_handshake, 1'700'000'000s + 30ms);
}

TEST(Device, RemovingAPeerTakesItsPrefixesSessionsAndTimersAway) {
  WgNet net(2);
  const PeerId b = net.Introduce(0, 1);
  net.Introduce(1, 0);
  net.SendData(0, 1);
  net.Run(60ms);
  Device& device = net.node(0).device;
  EXPECT_EQ(device.FindRoute(net.node(1).inner), b);
  EXPECT_TRUE(device.RemovePeer(b));
  EXPECT_FALSE(device.RemovePeer(b));
  EXPECT_EQ(device.FindRoute(net.node(1).inner), std::nullopt);
  EXPECT_EQ(device.NextTimeout(), std::nullopt);
  EXPECT_EQ(DeviceTesting::IndexCount(device), 0U);
  EXPECT_EQ(net.Introduce(0, 1), b + 1) << "ids are never used again";
}

TEST(Device, KeepsStagedPacketsBoundedAndTheNewest) {
  WgNet net(2, {.max_staged_packets = 3});
  net.Introduce(0, 1);
  net.Introduce(1, 0);
  for (size_t size = 41; size <= 45; ++size) {
    net.SendData(0, 1, size);
  }
  EXPECT_EQ(net.node(0).drops(DropReason::kStagedOverflow), 2U);
  net.Run(60ms);
  ASSERT_EQ(net.node(1).received.size(), 3U);
  EXPECT_EQ(net.node(1).received.front().size(), 43U);
}

TEST(Device, CountsWhatItCannotSend) {
  WgNet net(2);
  net.Introduce(0, 1);
  PacketBatch plaintext;
  PacketBatch out;
  const auto a = IpAddress::V4(10, 0, 0, 1);
  plaintext.AppendCopy(MakeIpv4(a, IpAddress::V4(10, 9, 9, 9), 40), {});
  plaintext.AppendCopy(std::vector<uint8_t>(19, 0x45), {});
  plaintext.AppendCopy(std::vector<uint8_t>(60, 0x15), {});
  plaintext.AppendCopy({}, {});
  net.node(0).device.SendPackets(net.now(), plaintext, out);
  EXPECT_TRUE(out.is_empty());
  EXPECT_EQ(net.node(0).drops(DropReason::kNoRoute), 1U);
  EXPECT_EQ(net.node(0).drops(DropReason::kBadPlaintext), 3U);
}

}  // namespace
}  // namespace natkit::wg
