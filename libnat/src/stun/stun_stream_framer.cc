#include "natkit/nat/stun_stream_framer.h"

#include "natkit/nat/stun_message.h"

namespace natkit::stun {

void StreamFramer::Push(ByteView bytes) {
  if (error_) {
    return;
  }
  buffer_.erase(buffer_.begin(),
                buffer_.begin() + static_cast<std::ptrdiff_t>(start_));
  start_ = 0;
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

Result<ByteView> StreamFramer::Next() {
  if (error_) {
    return std::unexpected(*error_);
  }
  const ByteView rest = ByteView(buffer_).subspan(start_);
  const auto size = PeekMessageSize(rest);
  if (!size) {
    if (size.error().code == Errc::kTruncated) {
      return ByteView{};
    }
    return FailWith(size.error());
  }
  if (*size > max_message_size_) {
    return FailWith(Error{Errc::kLimitExceeded});
  }
  if (rest.size() < *size) {
    return ByteView{};
  }
  start_ += *size;
  return rest.first(*size);
}

std::unexpected<Error> StreamFramer::FailWith(Error error) {
  error_ = error;
  buffer_ = {};
  start_ = 0;
  return std::unexpected(error);
}

}  // namespace natkit::stun
