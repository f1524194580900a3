#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/bytes.h"

namespace natkit::natcheck::conformance {

/// What an agent and the controller say to each other over a pipe: four bytes
/// of length, one of kind, and the content. An agent begins with kHello.
enum class FrameKind : uint8_t {
  kHello = 1,    ///< "natcheck-agent 1" and the addresses, separated by spaces
  kPacket = 2,   ///< a whole IP packet, seen or to be sent
  kTrouble = 3,  ///< why the agent cannot do its work: its last words
};

struct Frame {
  FrameKind kind = FrameKind::kPacket;
  std::vector<uint8_t> content;
};

inline constexpr std::string_view kAgentHello = "natcheck-agent 1";
inline constexpr size_t kMaxFrame = 65536;

[[nodiscard]] std::vector<uint8_t> EncodeFrame(FrameKind kind,
                                               ByteView content);

/// Cuts a stream of bytes into frames. Holds at most one frame and what was
/// fed at once.
class FrameReader {
 public:
  void Feed(ByteView bytes);
  /// nullopt: more bytes are needed, or is_broken().
  [[nodiscard]] std::optional<Frame> Next();

  /// A length or kind that nobody sends.
  [[nodiscard]] bool is_broken() const { return is_broken_; }

 private:
  std::vector<uint8_t> pending_;
  bool is_broken_ = false;
};

}  // namespace natkit::natcheck::conformance
