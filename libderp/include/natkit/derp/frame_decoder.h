#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "natkit/derp/frame.h"

namespace natkit::derp {

/// What happens to a listed frame that is too short. One that is too long
/// always fails.
enum class ShortFrames : uint8_t { kFail, kSkip };

/// The lengths that one side accepts for one type of frame, in bytes of
/// payload, both inclusive.
struct FrameRule {
  FrameType type;
  uint32_t min_size;
  uint32_t max_size;
  ShortFrames when_short;
};

/// What a decoder does with a type that its rules do not list.
enum class UnlistedFrames : uint8_t { kSkip, kFail };

/// One side's view of the frame table.
struct FrameRules {
  std::span<const FrameRule> rules;
  UnlistedFrames unlisted;
  uint32_t max_unlisted;  ///< a longer frame of another type fails
};

/// A server that waits for ClientInfo: nothing else is acceptable.
extern const FrameRules kServerLoginRules;
/// A server after the login.
extern const FrameRules kServerRules;
/// A client; lenient, because servers may be newer.
extern const FrameRules kClientRules;

/// Cuts a byte stream into frames, however the stream was split.
///
/// Frames that the rules do not list are skipped without being stored. Memory
/// is bounded by the largest listed frame and grows only as bytes arrive.
class FrameDecoder {
 public:
  explicit FrameDecoder(const FrameRules& rules) : rules_(&rules) {}

  /// Applies to the frames after the last one that Next() returned.
  void SetRules(const FrameRules& rules) { rules_ = &rules; }

  /// Takes bytes from the front of `input` until one frame is complete; none
  /// means that `input` is used up. The payload points into `input` or into
  /// this decoder and is valid until the next call. Errors: kFrameTooLarge,
  /// kBadFrame; after an error every call repeats it.
  [[nodiscard]] Result<std::optional<Frame>> Next(ByteView& input);

  /// Frames that were skipped so far.
  [[nodiscard]] uint64_t skipped() const { return skipped_; }

 private:
  [[nodiscard]] bool ReadHeader(ByteView& input);
  [[nodiscard]] Result<void> ApplyRules();
  [[nodiscard]] std::optional<Frame> ReadPayload(ByteView& input);
  void Skip(ByteView& input);
  void ForgetDelivered();
  [[nodiscard]] std::unexpected<Error> Break(Errc code);

  const FrameRules* rules_;
  std::array<uint8_t, kFrameHeaderSize> header_{};
  size_t header_size_ = 0;
  bool in_payload_ = false;
  bool delivered_ = false;
  FrameType type_{};
  uint32_t length_ = 0;
  uint32_t to_skip_ = 0;
  uint64_t skipped_ = 0;
  std::vector<uint8_t> buffer_;
  std::optional<Error> error_;
};

}  // namespace natkit::derp
