#include "natkit/mesh/dns/dns_stream.h"

#include "natkit/base/check.h"

namespace natkit::dns {

void StreamFramer::Push(ByteView bytes) {
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<long>(taken_));
  taken_ = 0;
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

Result<std::optional<std::vector<uint8_t>>> StreamFramer::Next() {
  ByteReader in(ByteView(buffer_).subspan(taken_));
  uint16_t size = 0;
  ByteView message;
  if (!in.ReadU16(size)) {
    return std::nullopt;
  }
  if (size > max_message_) {
    return Fail(Errc::kLimitExceeded);
  }
  if (!in.ReadView(size, message)) {
    return std::nullopt;
  }
  taken_ += in.offset();
  return std::vector<uint8_t>(message.begin(), message.end());
}

std::vector<uint8_t> FrameForStream(ByteView message) {
  NATKIT_CHECK(message.size() <= kMaxMessageSize);
  std::vector<uint8_t> framed(message.size() + 2);
  ByteWriter out(framed);
  out.WriteU16(static_cast<uint16_t>(message.size()));
  out.WriteBytes(message);
  return framed;
}

}  // namespace natkit::dns
