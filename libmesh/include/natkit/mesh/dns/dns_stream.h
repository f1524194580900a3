#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/result.h"
#include "natkit/mesh/dns/dns_message.h"

namespace natkit::dns {

/// Cuts a byte stream into messages: two bytes of length before each (RFC 1035
/// section 4.2.2, RFC 7766 section 8). Keeps no more than one message and what
/// the last Push() brought.
class StreamFramer {
 public:
  explicit StreamFramer(size_t max_message = kMaxMessageSize)
      : max_message_(max_message) {}

  void Push(ByteView bytes);
  /// The next whole message, or nullopt until more has come. Errors:
  /// kLimitExceeded: the message is longer than allowed, the stream is of no
  /// more use.
  [[nodiscard]] Result<std::optional<std::vector<uint8_t>>> Next();

 private:
  size_t max_message_;
  std::vector<uint8_t> buffer_;
  size_t taken_ = 0;
};

/// `message`, of up to kMaxMessageSize bytes, with its length before it.
[[nodiscard]] std::vector<uint8_t> FrameForStream(ByteView message);

}  // namespace natkit::dns
