#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "natkit/base/bytes.h"

namespace natkit::derp {

/// Bytes of a stream that come before anything queued: control frames and
/// HTTP, drained in pieces of any size.
class StagedBytes {
 public:
  /// Control frames are appended here.
  [[nodiscard]] std::vector<uint8_t>& tail() { return bytes_; }

  void AppendText(std::string_view text) {
    bytes_.insert(bytes_.end(), text.begin(), text.end());
  }

  /// Moves up to out.size() bytes to `out`; returns their number.
  size_t Drain(MutableBytes out) {
    const size_t count = std::min(out.size(), size());
    std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(start_), count,
                out.begin());
    start_ += count;
    if (start_ == bytes_.size()) {
      bytes_.clear();
      start_ = 0;
      if (bytes_.capacity() > kKeptCapacity) {
        std::vector<uint8_t>().swap(bytes_);
      }
    }
    return count;
  }

  [[nodiscard]] size_t size() const { return bytes_.size() - start_; }

  [[nodiscard]] bool is_empty() const { return size() == 0; }

 private:
  static constexpr size_t kKeptCapacity = 512;

  std::vector<uint8_t> bytes_;
  size_t start_ = 0;
};

}  // namespace natkit::derp
