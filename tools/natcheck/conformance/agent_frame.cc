#include "agent_frame.h"

namespace natkit::natcheck::conformance {
namespace {

constexpr size_t kHeader = 5;

}  // namespace

std::vector<uint8_t> EncodeFrame(FrameKind kind, ByteView content) {
  std::vector<uint8_t> frame(kHeader + content.size());
  ByteWriter writer(frame);
  writer.WriteU32(static_cast<uint32_t>(content.size()));
  writer.WriteU8(static_cast<uint8_t>(kind));
  writer.WriteBytes(content);
  return frame;
}

void FrameReader::Feed(ByteView bytes) {
  pending_.insert(pending_.end(), bytes.begin(), bytes.end());
}

std::optional<Frame> FrameReader::Next() {
  ByteReader reader(pending_);
  uint32_t size = 0;
  uint8_t kind = 0;
  if (is_broken_ || !reader.ReadU32(size) || !reader.ReadU8(kind)) {
    return std::nullopt;
  }
  if (size > kMaxFrame || kind < 1 || kind > 3) {
    is_broken_ = true;
    return std::nullopt;
  }
  ByteView content;
  if (!reader.ReadView(size, content)) {
    return std::nullopt;
  }
  Frame frame;
  frame.kind = static_cast<FrameKind>(kind);
  frame.content.assign(content.begin(), content.end());
  pending_.erase(
      pending_.begin(),
      pending_.begin() + static_cast<std::ptrdiff_t>(kHeader + size));
  return frame;
}

}  // namespace natkit::natcheck::conformance
