#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "natkit/natkit.h"

// What fuzzers of the C API share: a script of bytes, buffers that are guarded,
// and random sources, good and bad.

namespace natkit::c::fuzz {

/// The fuzzer's bytes as steps and their arguments.
class Script {
 public:
  Script(const uint8_t* data, size_t size) : in_(ByteView(data, size)) {}

  [[nodiscard]] bool is_done() const { return in_.is_empty(); }

  /// 0 at the end.
  uint8_t Byte() {
    uint8_t value = 0;
    (void)in_.ReadU8(value);
    return value;
  }

  /// Up to `limit` bytes, as many as the next byte says and there are.
  std::vector<uint8_t> Bytes(size_t limit = 255) {
    const size_t size = std::min({size_t{Byte()}, limit, in_.remaining()});
    ByteView bytes;
    NATKIT_CHECK(in_.ReadView(size, bytes));
    return {bytes.begin(), bytes.end()};
  }

  std::string Text(size_t limit = 255) {
    const std::vector<uint8_t> bytes = Bytes(limit);
    return {bytes.begin(), bytes.end()};
  }

 private:
  ByteReader in_;
};

/// Room of `size` bytes with a guard behind it.
class Guarded {
 public:
  explicit Guarded(size_t size) : bytes_(size + kGuard, kMark), size_(size) {}

  ~Guarded() {
    NATKIT_CHECK(std::ranges::all_of(ByteView(bytes_).subspan(size_),
                                     [](uint8_t b) { return b == kMark; }));
  }

  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  [[nodiscard]] uint8_t* data() { return bytes_.data(); }

  [[nodiscard]] char* text() { return reinterpret_cast<char*>(bytes_.data()); }

  [[nodiscard]] size_t size() const { return size_; }

  /// What a function says that it wrote.
  [[nodiscard]] ByteView Written(int count) const {
    NATKIT_CHECK(count >= 0 && static_cast<size_t>(count) <= size_);
    return ByteView(bytes_).first(static_cast<size_t>(count));
  }

 private:
  static constexpr size_t kGuard = 16;
  static constexpr uint8_t kMark = 0xa5;

  std::vector<uint8_t> bytes_;
  size_t size_;
};

/// A result of the C API: a count, or a code that has a name. Returns it.
inline int Known(int result) {
  NATKIT_CHECK(std::strcmp(natkit_strerror(result), "unknown error") != 0);
  return result;
}

/// A random source that repeats itself so much that whatever should be unlike
/// is like, or one that does not.
class Source {
 public:
  explicit Source(bool is_bad) : is_bad_(is_bad), random_{Fill, this} {}

  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  [[nodiscard]] const natkit_random* get() const { return &random_; }

 private:
  static void Fill(void* context, uint8_t* out, size_t size) {
    auto* const self = static_cast<Source*>(context);
    for (size_t i = 0; i < size; ++i) {
      self->state_ = self->state_ * 6364136223846793005U + 1442695040888963407U;
      out[i] = self->is_bad_ ? 0 : static_cast<uint8_t>(self->state_ >> 56);
    }
  }

  bool is_bad_;
  uint64_t state_ = 1;
  natkit_random random_;
};

}  // namespace natkit::c::fuzz
