#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/result.h"

namespace natkit::stun {

/// Cuts a TCP or TLS stream into STUN messages (RFC 8489 section 6.2.2: they
/// follow each other without anything between).
///
/// Life: Push() what was read, then Next() until it yields nothing. Holds at
/// most one message's worth of bytes plus what was last pushed. After an error
/// the stream cannot be read on and is to be closed; nothing more of it is
/// held. Pure.
class StreamFramer {
 public:
  /// The longest message that the format can say, bytes.
  static constexpr size_t kLongestMessage = 20 + 65532;

  /// Messages over `max_message_size` bytes are an error.
  explicit StreamFramer(size_t max_message_size = kLongestMessage)
      : max_message_size_(max_message_size) {}

  /// Takes in the next bytes of the stream.
  void Push(ByteView bytes);

  /// The next whole message, not yet checked beyond its first 8 bytes; empty
  /// until more bytes come. The view holds until the next call. Errors:
  /// kNotStun, kBadLength, kLimitExceeded (too long); they stay.
  [[nodiscard]] Result<ByteView> Next();

  /// Bytes of an unfinished message.
  [[nodiscard]] size_t buffered() const { return buffer_.size() - start_; }

 private:
  std::unexpected<Error> FailWith(Error error);

  size_t max_message_size_;
  std::vector<uint8_t> buffer_;
  size_t start_ = 0;  ///< of the next message in buffer_
  std::optional<Error> error_;
};

}  // namespace natkit::stun
