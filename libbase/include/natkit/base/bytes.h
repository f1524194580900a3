#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace natkit {

/// Read-only bytes that somebody else owns.
using ByteView = std::span<const uint8_t>;

/// Writable bytes that somebody else owns.
using MutableBytes = std::span<uint8_t>;

/// Views the characters of `text` as bytes; nothing is copied.
[[nodiscard]] inline ByteView AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

/// Views `bytes` as characters; nothing is copied or validated.
[[nodiscard]] inline std::string_view AsText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Bounds-checked reader over untrusted bytes; integers are big-endian unless
/// the name says otherwise.
///
/// A read either yields a value and advances, or returns false and moves
/// nothing. Views that it yields point into the bytes it was made from.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : bytes_(bytes) {}

  [[nodiscard]] bool ReadU8(uint8_t& out);
  [[nodiscard]] bool ReadU16(uint16_t& out);
  [[nodiscard]] bool ReadU32(uint32_t& out);
  [[nodiscard]] bool ReadU64(uint64_t& out);
  [[nodiscard]] bool ReadU32Le(uint32_t& out);
  [[nodiscard]] bool ReadU64Le(uint64_t& out);
  /// Fills all of `out`.
  [[nodiscard]] bool ReadInto(MutableBytes out);
  /// Yields a view of the next `size` bytes.
  [[nodiscard]] bool ReadView(size_t size, ByteView& out);
  /// Yields a reader that is confined to the next `size` bytes.
  [[nodiscard]] bool ReadChild(size_t size, ByteReader& out);
  [[nodiscard]] bool Skip(size_t size);

  /// Yields what has not been read and moves to the end.
  ByteView ReadRest();

  [[nodiscard]] size_t remaining() const { return bytes_.size() - offset_; }

  [[nodiscard]] size_t offset() const { return offset_; }

  [[nodiscard]] bool is_empty() const { return remaining() == 0; }

 private:
  template <class T>
  bool ReadBigEndian(T& out);
  template <class T>
  bool ReadLittleEndian(T& out);

  ByteView bytes_;
  size_t offset_ = 0;
};

/// Bounds-checked writer into a caller's buffer; integers are big-endian unless
/// the name says otherwise.
///
/// The first write that does not fit sets `overflowed()`; from then on nothing
/// is written, so callers check once at the end.
class ByteWriter {
 public:
  explicit ByteWriter(MutableBytes out) : out_(out) {}

  void WriteU8(uint8_t value);
  void WriteU16(uint16_t value);
  void WriteU32(uint32_t value);
  void WriteU64(uint64_t value);
  void WriteU32Le(uint32_t value);
  void WriteU64Le(uint64_t value);
  void WriteBytes(ByteView bytes);
  void WriteZeros(size_t count);
  /// Overwrites two bytes that were written before, at `offset`.
  void PatchU16(size_t offset, uint16_t value);
  /// Reserves `size` bytes for the caller to fill; empty on overflow.
  [[nodiscard]] MutableBytes Reserve(size_t size);

  [[nodiscard]] bool overflowed() const { return overflowed_; }

  [[nodiscard]] size_t size() const { return size_; }

  /// What has been written so far.
  [[nodiscard]] MutableBytes written() const { return out_.first(size_); }

 private:
  MutableBytes out_;
  size_t size_ = 0;
  bool overflowed_ = false;
};

}  // namespace natkit
