#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/result.h"

namespace natkit::mesh {

/// Cuts a stream into its version byte and frame bodies. Holds no more than
/// one frame and what came with its end.
class FrameReader {
 public:
  explicit FrameReader(size_t max_body) : max_body_(max_body) {}

  void Append(ByteView bytes);

  /// From the next frame on.
  void SetLimit(size_t max_body) { max_body_ = max_body; }

  /// The stream's first byte, once it is there.
  [[nodiscard]] std::optional<uint8_t> version() const { return version_; }

  /// The next whole body; valid until the next call. nullopt: more is needed.
  /// Errors: kFrameTooLarge, for good.
  [[nodiscard]] Result<std::optional<ByteView>> Next();

  [[nodiscard]] size_t buffered() const { return buffer_.size() - begin_; }

 private:
  size_t max_body_;
  std::optional<uint8_t> version_;
  std::vector<uint8_t> buffer_;
  size_t begin_ = 0;
};

}  // namespace natkit::mesh
