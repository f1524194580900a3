#include "natkit/mesh/control/frame_reader.h"

namespace natkit::mesh {

namespace {

constexpr size_t kHeaderSize = 4;

}  // namespace

void FrameReader::Append(ByteView bytes) {
  if (!version_ && !bytes.empty()) {
    version_ = bytes.front();
    bytes = bytes.subspan(1);
  }
  if (begin_ > 0) {
    buffer_.erase(buffer_.begin(),
                  buffer_.begin() + static_cast<ptrdiff_t>(begin_));
    begin_ = 0;
  }
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

Result<std::optional<ByteView>> FrameReader::Next() {
  ByteReader in(ByteView(buffer_).subspan(begin_));
  uint32_t size = 0;
  ByteView body;
  if (!in.ReadU32(size)) {
    if (buffered() == 0) {
      std::vector<uint8_t>().swap(buffer_);  // idle streams hold nothing
      begin_ = 0;
    }
    return std::nullopt;
  }
  if (size > max_body_) {
    return Fail(Errc::kFrameTooLarge);
  }
  if (!in.ReadView(size, body)) {
    return std::nullopt;
  }
  begin_ += kHeaderSize + size;
  return body;
}

}  // namespace natkit::mesh
