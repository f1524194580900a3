#include "natkit/nat/demux.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "hex.h"
#include "natkit/nat/stun_message_builder.h"

namespace natkit::nat {
namespace {

using testing::Hex;
using Bytes = std::vector<uint8_t>;

Bytes WireGuard(uint8_t type, size_t size) {
  Bytes bytes(size, 0xab);
  const uint8_t header[] = {type, 0, 0, 0};
  std::copy_n(header, std::min<size_t>(size, 4), bytes.begin());
  return bytes;
}

Bytes Stun(size_t size) {
  Bytes bytes(size, 0);
  ByteWriter out(bytes);
  out.WriteU16(1);
  out.WriteU16(static_cast<uint16_t>(size - stun::kHeaderSize));
  out.WriteU32(stun::kMagicCookie);
  return bytes;
}

Bytes Disco(size_t size) {
  Bytes bytes = Hex("5453f09f92ac");
  bytes.resize(size, 0xab);
  return bytes;
}

TEST(Demux, KnowsWireGuardBySizeOfEachType) {
  for (size_t size = 4; size < 300; ++size) {
    const auto expect = [size](uint8_t type, bool is_wireguard) {
      EXPECT_EQ(Classify(WireGuard(type, size)), is_wireguard
                                                     ? DatagramKind::kWireGuard
                                                     : DatagramKind::kUnknown)
          << int{type} << " size " << size;
    };
    expect(0, false);
    expect(1, size == 148);
    expect(2, size == 92);
    expect(3, size == 64);
    expect(4, size >= 32);
    expect(5, false);
  }
}

TEST(Demux, WireGuardReservedBytesAreZero) {
  for (const size_t position : {1U, 2U, 3U}) {
    Bytes bytes = WireGuard(4, 32);
    bytes[position] = 1;
    EXPECT_EQ(Classify(bytes), DatagramKind::kUnknown);
  }
}

TEST(Demux, KnowsStunByCookieAndLength) {
  EXPECT_EQ(Classify(Stun(20)), DatagramKind::kStun);
  EXPECT_EQ(Classify(Stun(548)), DatagramKind::kStun);
  Bytes longer = Stun(20);
  longer.push_back(0);
  EXPECT_EQ(Classify(longer), DatagramKind::kUnknown);
  Bytes odd = Stun(22);
  EXPECT_EQ(Classify(odd), DatagramKind::kUnknown);
  for (const size_t position : {4U, 5U, 6U, 7U}) {
    Bytes bytes = Stun(20);
    bytes[position] ^= 0x80;
    EXPECT_EQ(Classify(bytes), DatagramKind::kUnknown);
  }
}

TEST(Demux, StunTopBitsAreZero) {
  for (int first = 0; first < 256; ++first) {
    Bytes bytes = Stun(40);
    bytes[0] = static_cast<uint8_t>(first);
    EXPECT_EQ(Classify(bytes),
              first < 0x40 ? DatagramKind::kStun : DatagramKind::kUnknown);
  }
}

TEST(Demux, KnowsDiscoByMagic) {
  EXPECT_EQ(Classify(Disco(61)), DatagramKind::kUnknown);
  EXPECT_EQ(Classify(Disco(62)), DatagramKind::kDisco);
  EXPECT_EQ(Classify(Disco(124)), DatagramKind::kDisco);
  for (size_t position = 0; position < 6; ++position) {
    Bytes bytes = Disco(124);
    bytes[position] ^= 0x20;
    EXPECT_EQ(Classify(bytes), DatagramKind::kUnknown);
  }
}

TEST(Demux, ShortDatagramsAreUnknown) {
  for (size_t size = 0; size < 20; ++size) {
    EXPECT_EQ(Classify(Bytes(size, 1)), DatagramKind::kUnknown);
    const Bytes stun = Stun(20);
    EXPECT_EQ(Classify(ByteView(stun).first(size)), DatagramKind::kUnknown);
  }
}

// A WireGuard sender chooses bytes 4 to 7 (an index), so it can place STUN's
// cookie there: the length field must still tell the two apart.
TEST(Demux, WireGuardThatLooksLikeStunIsWireGuard) {
  for (const auto& [type, size] : {std::pair<uint8_t, size_t>{1, 148},
                                   {2, 92},
                                   {3, 64},
                                   {4, 32},
                                   {4, 1500}}) {
    Bytes bytes = WireGuard(type, size);
    ByteWriter out(MutableBytes(bytes).subspan(4));
    out.WriteU32(stun::kMagicCookie);
    EXPECT_EQ(Classify(bytes), DatagramKind::kWireGuard);
  }
}

// The first two bytes of a STUN message may be those of a WireGuard message.
TEST(Demux, StunOfEveryTypeAndLengthIsStun) {
  for (uint32_t type = 0; type < 0x4000; ++type) {
    for (const size_t size : {20U, 24U, 32U, 64U, 92U, 148U}) {
      Bytes bytes = Stun(size);
      ByteWriter(bytes).WriteU16(static_cast<uint16_t>(type));
      ASSERT_EQ(Classify(bytes), DatagramKind::kStun) << type << " " << size;
    }
  }
}

}  // namespace
}  // namespace natkit::nat
