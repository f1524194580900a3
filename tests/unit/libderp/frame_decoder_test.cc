#include "natkit/derp/frame_decoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace natkit::derp {
namespace {

using Bytes = std::vector<uint8_t>;
using Frames = std::vector<std::pair<FrameType, Bytes>>;

Frames DecodeAll(FrameDecoder& decoder, ByteView input) {
  Frames frames;
  while (true) {
    const auto next = decoder.Next(input);
    if (!next || !*next) {
      EXPECT_TRUE(next) << ErrcName(next.error().code);
      return frames;
    }
    frames.emplace_back(
        (*next)->type, Bytes((*next)->payload.begin(), (*next)->payload.end()));
  }
}

Errc FirstError(FrameDecoder& decoder, ByteView input) {
  while (true) {
    const auto next = decoder.Next(input);
    if (!next) {
      return next.error().code;
    }
    if (!*next) {
      return Errc{};
    }
  }
}

Bytes FrameOf(FrameType type, size_t size) {
  Bytes out;
  AppendFrame(type, Bytes(size, 0x5a), out);
  return out;
}

Bytes HeaderOf(FrameType type, size_t size) {
  Bytes out(kFrameHeaderSize);
  WriteFrameHeader(type, size, out);
  return out;
}

TEST(FrameDecoder, YieldsTheSameFramesHoweverTheStreamIsSplit) {
  Bytes stream = FrameOf(FrameType::kSendPacket, 100);
  const Bytes unknown = FrameOf(FrameType{0x7f}, 40);
  stream.insert(stream.end(), unknown.begin(), unknown.end());
  const Bytes ping = FrameOf(FrameType::kPing, 8);
  stream.insert(stream.end(), ping.begin(), ping.end());
  const Frames expected = {{FrameType::kSendPacket, Bytes(100, 0x5a)},
                           {FrameType::kPing, Bytes(8, 0x5a)}};
  for (size_t split = 0; split <= stream.size(); ++split) {
    FrameDecoder decoder(kServerRules);
    Frames frames = DecodeAll(decoder, ByteView(stream).first(split));
    const Frames rest = DecodeAll(decoder, ByteView(stream).subspan(split));
    frames.insert(frames.end(), rest.begin(), rest.end());
    ASSERT_EQ(frames, expected) << "split at " << split;
    ASSERT_EQ(decoder.skipped(), 1U);
  }
}

TEST(FrameDecoder, TakesAStreamByteByByte) {
  const Bytes stream = FrameOf(FrameType::kSendPacket, 5000);
  FrameDecoder decoder(kServerRules);
  Frames frames;
  for (const uint8_t byte : stream) {
    const Frames got = DecodeAll(decoder, ByteView(&byte, 1));
    frames.insert(frames.end(), got.begin(), got.end());
  }
  EXPECT_EQ(frames, (Frames{{FrameType::kSendPacket, Bytes(5000, 0x5a)}}));
}

TEST(FrameDecoder, DoesNotCopyAFrameThatArrivedWhole) {
  const Bytes stream = FrameOf(FrameType::kSendPacket, 64);
  FrameDecoder decoder(kServerRules);
  ByteView input = stream;
  const auto frame = decoder.Next(input);
  ASSERT_TRUE(frame && *frame);
  EXPECT_EQ((*frame)->payload.data(), stream.data() + kFrameHeaderSize);
  EXPECT_TRUE(input.empty());
}

TEST(FrameDecoder, ServerBoundsTheLengthOfEachFrameItKnows) {
  struct Case {
    FrameType type;
    size_t size;
    Errc error;
  };

  const Case cases[] = {
      {FrameType::kSendPacket, 31, Errc::kBadFrame},
      {FrameType::kSendPacket, 32, Errc{}},
      {FrameType::kSendPacket, 32 + 65536, Errc{}},
      {FrameType::kSendPacket, 32 + 65537, Errc::kFrameTooLarge},
      {FrameType::kNotePreferred, 0, Errc::kBadFrame},
      {FrameType::kNotePreferred, 2, Errc::kFrameTooLarge},
      {FrameType::kPing, 7, Errc::kBadFrame},
      {FrameType::kPing, 8, Errc{}},
      {FrameType::kPing, 1000, Errc{}},
      {FrameType::kPing, 1001, Errc::kFrameTooLarge},
      {FrameType::kForwardPacket, 63, Errc::kBadFrame},
      {FrameType::kForwardPacket, 64 + 65537, Errc::kFrameTooLarge},
      {FrameType::kWatchConns, 1, Errc::kFrameTooLarge},
      {FrameType::kClosePeer, 31, Errc::kBadFrame},
      {FrameType::kClosePeer, 33, Errc::kFrameTooLarge},
      {FrameType{0x7f}, 1 << 20, Errc{}},
      {FrameType{0x00}, 0, Errc{}},
  };
  for (const Case& c : cases) {
    FrameDecoder decoder(kServerRules);
    EXPECT_EQ(FirstError(decoder, FrameOf(c.type, c.size)), c.error)
        << static_cast<int>(c.type) << " size " << c.size;
  }
}

TEST(FrameDecoder, ServerAcceptsOnlyClientInfoBeforeTheLogin) {
  for (const auto& [size, error] :
       {std::pair{size_t{55}, Errc::kBadFrame}, std::pair{size_t{56}, Errc{}},
        std::pair{size_t{262144}, Errc{}},
        std::pair{size_t{262145}, Errc::kFrameTooLarge}}) {
    FrameDecoder decoder(kServerLoginRules);
    EXPECT_EQ(FirstError(decoder, FrameOf(FrameType::kClientInfo, size)), error)
        << size;
  }
  FrameDecoder decoder(kServerLoginRules);
  EXPECT_EQ(FirstError(decoder, FrameOf(FrameType{0x7f}, 4)), Errc::kBadFrame);
}

TEST(FrameDecoder, ClientSkipsWhatIsTooShortAndFailsOverOneMebibyte) {
  for (const auto type :
       {FrameType::kRecvPacket, FrameType::kPeerGone, FrameType::kPeerPresent,
        FrameType::kPing, FrameType::kPong, FrameType::kRestarting}) {
    FrameDecoder decoder(kClientRules);
    EXPECT_TRUE(DecodeAll(decoder, FrameOf(type, 7)).empty());
    EXPECT_EQ(decoder.skipped(), 1U);
    EXPECT_EQ(FirstError(decoder, HeaderOf(type, (1 << 20) + 1)),
              Errc::kFrameTooLarge);
  }
  FrameDecoder decoder(kClientRules);
  EXPECT_EQ(FirstError(decoder, HeaderOf(FrameType{0x7f}, 1 << 20)), Errc{});
  FrameDecoder other(kClientRules);
  EXPECT_EQ(FirstError(other, HeaderOf(FrameType{0x7f}, (1 << 20) + 1)),
            Errc::kFrameTooLarge);
}

TEST(FrameDecoder, FailsOnTheHeaderAloneAndStaysFailed) {
  FrameDecoder decoder(kServerRules);
  EXPECT_EQ(FirstError(decoder, HeaderOf(FrameType::kPing, 1001)),
            Errc::kFrameTooLarge);
  EXPECT_EQ(FirstError(decoder, FrameOf(FrameType::kPing, 8)),
            Errc::kFrameTooLarge);
}

TEST(FrameDecoder, SkipsFourGibibytesWithoutStoringThem) {
  FrameDecoder decoder(kServerRules);
  EXPECT_TRUE(
      DecodeAll(decoder, HeaderOf(FrameType{0x7f}, UINT32_MAX)).empty());
  const Bytes chunk(1 << 20, 0);
  for (uint64_t sent = 0; sent < UINT32_MAX; sent += chunk.size()) {
    const size_t count = static_cast<size_t>(
        std::min<uint64_t>(chunk.size(), UINT32_MAX - sent));
    ASSERT_TRUE(DecodeAll(decoder, ByteView(chunk).first(count)).empty());
  }
  EXPECT_EQ(DecodeAll(decoder, FrameOf(FrameType::kPing, 8)).size(), 1U);
}

}  // namespace
}  // namespace natkit::derp
