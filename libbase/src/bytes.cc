#include "natkit/base/bytes.h"

#include <algorithm>

#include "natkit/base/check.h"
#include "natkit/base/copy.h"

namespace natkit {

namespace {

template <class T>
void StoreBigEndian(T value, std::span<uint8_t> out) {
  for (size_t i = 0; i < sizeof(T); ++i) {
    out[sizeof(T) - 1 - i] = static_cast<uint8_t>(value >> (8 * i));
  }
}

template <class T>
void StoreLittleEndian(T value, std::span<uint8_t> out) {
  for (size_t i = 0; i < sizeof(T); ++i) {
    out[i] = static_cast<uint8_t>(value >> (8 * i));
  }
}

}  // namespace

template <class T>
bool ByteReader::ReadBigEndian(T& out) {
  ByteView raw;
  if (!ReadView(sizeof(T), raw)) {
    return false;
  }
  uint64_t value = 0;
  for (const uint8_t byte : raw) {
    value = (value << 8) | byte;
  }
  out = static_cast<T>(value);
  return true;
}

template <class T>
bool ByteReader::ReadLittleEndian(T& out) {
  ByteView raw;
  if (!ReadView(sizeof(T), raw)) {
    return false;
  }
  uint64_t value = 0;
  for (size_t i = raw.size(); i-- > 0;) {
    value = (value << 8) | raw[i];
  }
  out = static_cast<T>(value);
  return true;
}

bool ByteReader::ReadU8(uint8_t& out) {
  return ReadBigEndian(out);
}

bool ByteReader::ReadU16(uint16_t& out) {
  return ReadBigEndian(out);
}

bool ByteReader::ReadU32(uint32_t& out) {
  return ReadBigEndian(out);
}

bool ByteReader::ReadU64(uint64_t& out) {
  return ReadBigEndian(out);
}

bool ByteReader::ReadU32Le(uint32_t& out) {
  return ReadLittleEndian(out);
}

bool ByteReader::ReadU64Le(uint64_t& out) {
  return ReadLittleEndian(out);
}

bool ByteReader::ReadInto(MutableBytes out) {
  ByteView raw;
  if (!ReadView(out.size(), raw)) {
    return false;
  }
  CopyBytes(raw, out);
  return true;
}

bool ByteReader::ReadView(size_t size, ByteView& out) {
  if (size > remaining()) {
    return false;
  }
  out = bytes_.subspan(offset_, size);
  offset_ += size;
  return true;
}

bool ByteReader::ReadChild(size_t size, ByteReader& out) {
  ByteView raw;
  if (!ReadView(size, raw)) {
    return false;
  }
  out = ByteReader(raw);
  return true;
}

bool ByteReader::Skip(size_t size) {
  ByteView ignored;
  return ReadView(size, ignored);
}

ByteView ByteReader::ReadRest() {
  const ByteView rest = bytes_.subspan(offset_);
  offset_ = bytes_.size();
  return rest;
}

MutableBytes ByteWriter::Reserve(size_t size) {
  if (overflowed_ || size > out_.size() - size_) {
    overflowed_ = true;
    return {};
  }
  const MutableBytes room = out_.subspan(size_, size);
  size_ += size;
  return room;
}

void ByteWriter::WriteU8(uint8_t value) {
  WriteBytes({&value, 1});
}

void ByteWriter::WriteU16(uint16_t value) {
  std::array<uint8_t, 2> raw{};
  StoreBigEndian(value, raw);
  WriteBytes(raw);
}

void ByteWriter::WriteU32(uint32_t value) {
  std::array<uint8_t, 4> raw{};
  StoreBigEndian(value, raw);
  WriteBytes(raw);
}

void ByteWriter::WriteU64(uint64_t value) {
  std::array<uint8_t, 8> raw{};
  StoreBigEndian(value, raw);
  WriteBytes(raw);
}

void ByteWriter::WriteU32Le(uint32_t value) {
  std::array<uint8_t, 4> raw{};
  StoreLittleEndian(value, raw);
  WriteBytes(raw);
}

void ByteWriter::WriteU64Le(uint64_t value) {
  std::array<uint8_t, 8> raw{};
  StoreLittleEndian(value, raw);
  WriteBytes(raw);
}

void ByteWriter::WriteBytes(ByteView bytes) {
  const MutableBytes room = Reserve(bytes.size());
  if (room.size() == bytes.size()) {
    CopyBytes(bytes, room);
  }
}

void ByteWriter::WriteZeros(size_t count) {
  std::ranges::fill(Reserve(count), uint8_t{0});
}

void ByteWriter::PatchU16(size_t offset, uint16_t value) {
  if (overflowed_) {
    return;
  }
  NATKIT_CHECK(offset + 2 <= size_);
  StoreBigEndian(value, out_.subspan(offset, 2));
}

}  // namespace natkit
