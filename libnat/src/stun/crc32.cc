#include "stun/crc32.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <span>

namespace natkit::stun {

namespace {

constexpr uint32_t kReversedPolynomial = 0xEDB88320;

/// Bytes that one step takes: each has a table of its own, so the lookups of a
/// step do not wait for each other.
constexpr size_t kStep = 8;

using Table = std::array<uint32_t, 256>;

/// `[k][b]` is the remainder of byte `b` with `k` zero bytes after it.
constexpr std::array<Table, kStep> MakeTables() {
  std::array<Table, kStep> tables{};
  for (uint32_t i = 0; i < tables[0].size(); ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? kReversedPolynomial : 0);
    }
    tables[0][i] = crc;
  }
  for (size_t k = 1; k < kStep; ++k) {
    for (size_t i = 0; i < tables[k].size(); ++i) {
      const uint32_t before = tables[k - 1][i];
      tables[k][i] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}

constexpr auto kTables = MakeTables();

constexpr uint32_t Remainder(size_t zeros, uint32_t byte) {
  return kTables[zeros][byte & 0xFF];
}

uint32_t LoadLittleEndian32(const uint8_t* bytes) {
  uint32_t value = 0;
  std::memcpy(&value, bytes, sizeof(value));
  return std::endian::native == std::endian::big ? __builtin_bswap32(value)
                                                 : value;
}

uint32_t Step(uint32_t crc, std::span<const uint8_t, kStep> bytes) {
  const uint32_t low = LoadLittleEndian32(bytes.data()) ^ crc;
  const uint32_t high = LoadLittleEndian32(bytes.data() + sizeof(low));
  return Remainder(7, low) ^ Remainder(6, low >> 8) ^ Remainder(5, low >> 16) ^
         Remainder(4, low >> 24) ^ Remainder(3, high) ^
         Remainder(2, high >> 8) ^ Remainder(1, high >> 16) ^
         Remainder(0, high >> 24);
}

}  // namespace

uint32_t Crc32(ByteView bytes) {
  uint32_t crc = 0xFFFFFFFF;
  while (bytes.size() >= kStep) {
    crc = Step(crc, bytes.first<kStep>());
    bytes = bytes.subspan(kStep);
  }
  for (const uint8_t byte : bytes) {
    crc = (crc >> 8) ^ Remainder(0, crc ^ byte);
  }
  return ~crc;
}

}  // namespace natkit::stun
