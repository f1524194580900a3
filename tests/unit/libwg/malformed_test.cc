// What comes from the network is hostile: dropped, counted, and without effect
// on the session that is there.

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>

#include "device/device_testing.h"
#include "noise/message.h"
#include "wg_net.h"

namespace natkit::wg {
namespace {

using namespace std::chrono_literals;
using testing::WgNet;

class Malformed : public ::testing::Test {
 protected:
  Malformed() {
    net.Introduce(0, 1);
    net.Introduce(1, 0);
    net.SendData(0, 1);
    net.Run(100ms);
    net.SendData(1, 0);
    net.Run(100ms);
  }

  void Inject(std::vector<uint8_t> bytes) {
    net.Inject(net.node(0).endpoint, net.node(1).endpoint, std::move(bytes));
    net.Run(20ms);
  }

  uint64_t TotalDrops() {
    const auto& drops = net.node(1).device.counters().drops;
    return std::accumulate(drops.begin(), drops.end(), uint64_t{0});
  }

  void ExpectSessionWorks() {
    const size_t before = net.node(1).received.size();
    net.SendData(0, 1);
    net.Run(20ms);
    EXPECT_EQ(net.node(1).received.size(), before + 1);
  }

  /// Messages of all types that 1 got, as they were on the wire.
  std::vector<std::vector<uint8_t>> Samples() {
    std::vector<std::vector<uint8_t>> samples;
    for (const auto& datagram : net.log()) {
      samples.push_back(datagram.bytes);
    }
    std::vector<uint8_t> cookie(kCookieReplySize);
    cookie[0] = 3;
    samples.push_back(cookie);
    return samples;
  }

  WgNet net{2};
};

TEST_F(Malformed, EveryTruncationIsDropped) {
  for (const auto& sample : Samples()) {
    for (size_t size = 0; size < sample.size(); size += size < 40 ? 1 : 7) {
      const uint64_t before = TotalDrops();
      Inject({sample.begin(), sample.begin() + static_cast<ptrdiff_t>(size)});
      EXPECT_EQ(TotalDrops(), before + 1) << int{sample[0]} << " at " << size;
    }
  }
  EXPECT_EQ(net.node(1).received.size(), 1U);
  ExpectSessionWorks();
}

TEST_F(Malformed, OversizedMessagesAreDropped) {
  for (auto sample : Samples()) {
    sample.push_back(0);
    const uint64_t before = TotalDrops();
    Inject(sample);
    EXPECT_EQ(TotalDrops(), before + 1);
  }
  ExpectSessionWorks();
}

TEST_F(Malformed, EveryFlippedBitIsDropped) {
  for (const auto& sample : Samples()) {
    for (size_t at = 0; at < sample.size(); ++at) {
      auto bad = sample;
      bad[at] ^= static_cast<uint8_t>(1U << (at % 8));
      const uint64_t before = TotalDrops();
      Inject(bad);
      EXPECT_EQ(TotalDrops(), before + 1) << int{sample[0]} << " at " << at;
    }
  }
  EXPECT_EQ(net.node(1).received.size(), 1U);
  ExpectSessionWorks();
}

TEST_F(Malformed, RandomDatagramsAreDropped) {
  SeededRng rng(99);
  const uint64_t before = TotalDrops();
  constexpr int kCount = 3000;
  for (int i = 0; i < kCount; ++i) {
    std::vector<uint8_t> bytes(rng.Below(200));
    rng.Fill(bytes);
    if (bytes.size() > 4 && i % 2 == 0) {
      std::fill_n(bytes.begin(), 4, uint8_t{0});
      bytes[0] = static_cast<uint8_t>(1 + rng.Below(4));
    }
    Inject(bytes);
  }
  EXPECT_EQ(TotalDrops(), before + kCount);
  EXPECT_EQ(net.node(1).received.size(), 1U);
}

TEST_F(Malformed, GarbageInsideTheTunnelIsDropped) {
  Peer& peer = DeviceTesting::PeerOf(net.node(0).device, 1);
  const auto seal = [&](std::vector<uint8_t> content) {
    std::vector<uint8_t> wire(Keypair::SealedSize(content.size()));
    peer.keypairs.current()->Seal(content, wire);
    Inject(wire);
  };
  seal({0x45});
  seal(std::vector<uint8_t>(64, 0x00));
  auto long_claim = testing::MakeIpv4(net.node(0).inner, net.node(1).inner, 64);
  long_claim[3] = 65;
  seal(long_claim);
  EXPECT_EQ(net.node(1).drops(DropReason::kBadInnerPacket), 3U);
  EXPECT_EQ(net.node(1).received.size(), 1U);
  ExpectSessionWorks();
}

TEST_F(Malformed, NothingIsAllocatedForStrangers) {
  const size_t before = DeviceTesting::IndexCount(net.node(1).device);
  WgNet strangers(3);
  PeerUpdate update;
  update.public_key = net.node(1).device.public_key();
  update.endpoint = net.node(1).endpoint;
  const PeerId id = strangers.node(2).device.SetPeer(Instant{}, update).value();
  strangers.Initiate(2, id);
  Inject(strangers.log().front().bytes);
  EXPECT_EQ(net.node(1).drops(DropReason::kUnknownPeer), 1U);
  EXPECT_EQ(DeviceTesting::IndexCount(net.node(1).device), before);
}

TEST(DeviceWithoutKey, DropsHandshakesAndStartsNone) {
  SeededRng rng(1);
  Device device({}, rng);
  PacketBatch in;
  PacketBatch plaintext;
  PacketBatch out;
  std::vector<uint8_t> initiation(kInitiationSize);
  initiation[0] = 1;
  in.AppendCopy(initiation, {});
  device.HandleDatagrams({}, in, plaintext, out);
  EXPECT_EQ(device.counters().drop(DropReason::kNoPrivateKey), 1U);
  PeerUpdate update;
  update.public_key.bytes[0] = 9;
  update.endpoint = Endpoint{IpAddress::V4(1, 2, 3, 4), 5};
  const PeerId id = device.SetPeer({}, update).value();
  EXPECT_EQ(
      device.InitiateHandshake({}, id, HandshakePace::kForced, out).error(),
      (Error{Errc::kInvalidState}));
  EXPECT_TRUE(out.is_empty());
}

TEST(Message, WhatIsWrittenParsesToTheSame) {
  SeededRng rng(4);
  HandshakeInitiation initiation;
  initiation.sender = SenderIndex{0x01020304};
  rng.Fill(initiation.ephemeral.bytes);
  rng.Fill(initiation.encrypted_static);
  rng.Fill(initiation.encrypted_timestamp);
  std::array<uint8_t, kInitiationSize> wire{};
  WriteInitiation(initiation, wire);
  EXPECT_EQ(wire[4], 4) << "little-endian";
  EXPECT_EQ(ParseInitiation(wire), initiation);
  EXPECT_EQ(ParseResponse(wire).error().code, Errc::kBadValue);

  CookieReply reply;
  reply.receiver = ReceiverIndex{7};
  rng.Fill(reply.nonce);
  rng.Fill(reply.encrypted_cookie);
  std::array<uint8_t, kCookieReplySize> cookie_wire{};
  WriteCookieReply(reply, cookie_wire);
  EXPECT_EQ(ParseCookieReply(cookie_wire), reply);
  cookie_wire[1] = 1;
  EXPECT_EQ(ParseCookieReply(cookie_wire).error().code, Errc::kBadValue)
      << "reserved bytes must be zero";
}

}  // namespace
}  // namespace natkit::wg
