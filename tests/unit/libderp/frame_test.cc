#include "natkit/derp/frame.h"

#include <gtest/gtest.h>

#include "vectors.h"

namespace natkit::derp {
namespace {

using namespace std::chrono_literals;
using testing::ClientPublic;
using testing::Hex;
using testing::ServerPublic;
using Bytes = std::vector<uint8_t>;

const Endpoint kRemote{IpAddress::V4(203, 0, 113, 7), 41641};

ByteView Payload(const Bytes& frame) {
  return ByteView(frame).subspan(kFrameHeaderSize);
}

TEST(Frame, ServerKeyMatchesTheVector) {
  Bytes frame;
  AppendServerKey(ServerPublic(), frame);
  EXPECT_EQ(frame, Hex("010000002844455250f09f9491"
                       "07a37cbc142093c8b755dc1b10e86cb4"
                       "26374ad16aa853ed0bdfc0b2b86d1c7c"));
  EXPECT_EQ(ParseServerKey(Payload(frame)), ServerPublic());
}

TEST(Frame, ServerKeyMayHaveBytesAfterTheKey) {
  Bytes frame;
  AppendServerKey(ServerPublic(), frame);
  frame.push_back(0x99);
  EXPECT_EQ(ParseServerKey(Payload(frame)), ServerPublic());
}

TEST(Frame, ServerKeyNeedsTheMagicAndTheWholeKey) {
  Bytes frame;
  AppendServerKey(ServerPublic(), frame);
  const ByteView whole = Payload(frame);
  EXPECT_EQ(ParseServerKey(whole.first(39)).error().code, Errc::kTruncated);
  EXPECT_EQ(ParseServerKey(whole.first(3)).error().code, Errc::kTruncated);
  frame[kFrameHeaderSize] ^= 1;
  EXPECT_EQ(ParseServerKey(Payload(frame)).error().code, Errc::kBadMagic);
}

TEST(Frame, SmallFramesMatchTheVectors) {
  Bytes out;
  AppendFrame(FrameType::kKeepAlive, {}, out);
  EXPECT_EQ(out, Hex("0600000000"));
  out.clear();
  AppendFrame(FrameType::kNotePreferred, Bytes{1}, out);
  EXPECT_EQ(out, Hex("070000000101"));
  out.clear();
  AppendFrame(FrameType::kPing, Hex("0102030405060708"), out);
  EXPECT_EQ(out, Hex("12000000080102030405060708"));
  out.clear();
  AppendFrame(FrameType::kHealth, AsBytes("BAD"), out);
  EXPECT_EQ(out, Hex("1400000003424144"));
}

TEST(Frame, RestartingMatchesTheVector) {
  Bytes out;
  AppendRestarting({.reconnect_in = 1ms, .try_for = 2ms}, out);
  EXPECT_EQ(out, Hex("15000000080000000100000002"));
  const auto parsed = ParseRestarting(Payload(out));
  EXPECT_EQ(parsed, (Restarting{1ms, 2ms}));
  EXPECT_FALSE(ParseRestarting(Payload(out).first(7)));
}

TEST(Frame, RestartingClampsDurationsThatDoNotFit) {
  Bytes out;
  AppendRestarting({.reconnect_in = -1s, .try_for = 10000h}, out);
  EXPECT_EQ(out, Hex("150000000800000000ffffffff"));
}

TEST(Frame, PeerGoneMatchesTheVector) {
  Bytes out;
  const PeerGone gone{ClientPublic(), PeerGoneReason::kNotHere};
  AppendPeerGone(gone, out);
  EXPECT_EQ(out, Hex("0800000021"
                     "64b101b1d0be5a8704bd078f9895001f"
                     "c03e8e9f9522f188dd128d9846d4846601"));
  EXPECT_EQ(ParsePeerGone(Payload(out)), gone);
}

TEST(Frame, PeerGoneWithoutAReasonMeansDisconnected) {
  const auto parsed = ParsePeerGone(ClientPublic().bytes);
  EXPECT_EQ(parsed, (PeerGone{ClientPublic(), PeerGoneReason::kDisconnected}));
  EXPECT_FALSE(ParsePeerGone(ByteView(ClientPublic().bytes).first(31)));
}

TEST(Frame, PeerPresentMatchesTheVector) {
  Bytes out;
  const PeerPresent present{ClientPublic(), kRemote, kPeerIsRegular};
  AppendPeerPresent(present, out);
  EXPECT_EQ(out, Hex("0900000033"
                     "64b101b1d0be5a8704bd078f9895001f"
                     "c03e8e9f9522f188dd128d9846d48466"
                     "00000000000000000000ffffcb007107a2a901"));
  EXPECT_EQ(ParsePeerPresent(Payload(out)), present);
}

TEST(Frame, PeerPresentOfOlderAndNewerSendersParses) {
  Bytes out;
  AppendPeerPresent({ClientPublic(), kRemote, kPeerIsMeshPeer}, out);
  out.insert(out.end(), 9, 0xee);
  const ByteView payload = Payload(out);
  ASSERT_EQ(payload.size(), 60U);

  EXPECT_EQ(ParsePeerPresent(payload),
            (PeerPresent{ClientPublic(), kRemote, kPeerIsMeshPeer}));
  EXPECT_EQ(ParsePeerPresent(payload.first(51)),
            (PeerPresent{ClientPublic(), kRemote, kPeerIsMeshPeer}));
  EXPECT_EQ(ParsePeerPresent(payload.first(50)),
            (PeerPresent{ClientPublic(), kRemote, 0}));
  EXPECT_EQ(ParsePeerPresent(payload.first(32)),
            (PeerPresent{ClientPublic(), std::nullopt, 0}));
  EXPECT_FALSE(ParsePeerPresent(payload.first(31)));
}

TEST(Frame, PeerPresentOfAnUnknownAddressIsZeros) {
  Bytes out;
  AppendPeerPresent({ClientPublic(), std::nullopt, kPeerIsProber}, out);
  EXPECT_EQ(ParsePeerPresent(Payload(out)),
            (PeerPresent{ClientPublic(), std::nullopt, kPeerIsProber}));
  EXPECT_EQ(out.size(), kFrameHeaderSize + 51);
}

TEST(Frame, DiscoNeedsItsMagicAndSixtyTwoBytes) {
  Bytes data = Hex("5453f09f92ac");
  data.resize(62);
  EXPECT_TRUE(LooksLikeDisco(data));
  EXPECT_FALSE(LooksLikeDisco(ByteView(data).first(61)));
  data[5] ^= 1;
  EXPECT_FALSE(LooksLikeDisco(data));
  EXPECT_FALSE(LooksLikeDisco({}));
}

}  // namespace
}  // namespace natkit::derp
