#include "natkit/netsim/pcapng.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace natkit::netsim {
namespace {

using namespace std::chrono_literals;

/// One block as the sink got it.
struct Block {
  std::vector<uint8_t> bytes;

  [[nodiscard]] uint32_t Word(size_t offset) const {
    uint32_t word = 0;
    for (size_t i = 0; i < 4; ++i) {
      word |= static_cast<uint32_t>(bytes.at(offset + i)) << (8 * i);
    }
    return word;
  }

  [[nodiscard]] bool Holds(std::string_view text) const {
    return AsText(bytes).find(text) != std::string_view::npos;
  }
};

struct Capture {
  std::vector<Block> blocks;
  PcapngWriter writer{[this](ByteView block) {
    blocks.push_back({{block.begin(), block.end()}});
  }};
};

TEST(Pcapng, BeginsWithALittleEndianSection) {
  Capture capture;
  ASSERT_EQ(capture.blocks.size(), 1U);
  EXPECT_EQ(capture.blocks[0].Word(0), 0x0A0D0D0AU);
  EXPECT_EQ(capture.blocks[0].Word(8), 0x1A2B3C4DU);
  EXPECT_EQ(capture.blocks[0].Word(12), 1U);  // version 1.0
}

TEST(Pcapng, DescribesEachInterface) {
  Capture capture;
  EXPECT_EQ(capture.writer.AddInterface("a@lan"), 0U);
  EXPECT_EQ(capture.writer.AddInterface("b@lan"), 1U);
  ASSERT_EQ(capture.blocks.size(), 3U);
  EXPECT_EQ(capture.blocks[1].Word(0), 1U);
  EXPECT_EQ(capture.blocks[1].Word(8), 101U);  // raw IP
  EXPECT_TRUE(capture.blocks[1].Holds("a@lan"));
  EXPECT_TRUE(capture.blocks[2].Holds("b@lan"));
}

TEST(Pcapng, WritesPacketsWithNanosecondsAndComment) {
  Capture capture;
  const auto interface = capture.writer.AddInterface("a@lan");
  const std::vector<uint8_t> packet = {0x45, 1, 2, 3, 4};
  // More than 32 bits of nanoseconds.
  capture.writer.Write({.interface = interface,
                        .at = Instant{5s + 7ns},
                        .packet = packet,
                        .direction = PacketDirection::kOutbound,
                        .comment = "dropped: loss"});
  const Block& block = capture.blocks.at(2);
  EXPECT_EQ(block.Word(0), 6U);
  EXPECT_EQ(block.Word(8), interface);
  EXPECT_EQ((static_cast<uint64_t>(block.Word(12)) << 32) | block.Word(16),
            5'000'000'007U);
  EXPECT_EQ(block.Word(20), packet.size());
  EXPECT_EQ(block.Word(24), packet.size());
  EXPECT_TRUE(block.Holds("dropped: loss"));
  EXPECT_EQ(capture.writer.packets_written(), 1U);
}

TEST(Pcapng, EveryBlockIsAlignedAndSaysItsLengthTwice) {
  Capture capture;
  capture.writer.AddInterface("odd");
  for (uint8_t size = 0; size < 9; ++size) {
    const std::vector<uint8_t> packet(size, size);
    capture.writer.Write({.at = Instant{}, .packet = packet, .comment = "x"});
  }
  capture.writer.Write({.at = Instant{},
                        .packet = std::vector<uint8_t>(70'000),
                        .comment = std::string(5000, 'c')});
  for (const Block& block : capture.blocks) {
    EXPECT_EQ(block.bytes.size() % 4, 0U);
    EXPECT_EQ(block.Word(4), block.bytes.size());
    EXPECT_EQ(block.Word(block.bytes.size() - 4), block.bytes.size());
  }
  EXPECT_EQ(capture.blocks.back().Word(20), 65535U);
  EXPECT_EQ(capture.blocks.back().Word(24), 70'000U);
}

}  // namespace
}  // namespace natkit::netsim
