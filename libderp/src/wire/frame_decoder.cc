#include "natkit/derp/frame_decoder.h"

#include <algorithm>
#include <utility>

namespace natkit::derp {
namespace {

constexpr uint32_t kAnyLength = UINT32_MAX;
// A buffer larger than this is given back after its frame, so that one large
// packet does not cost an idle connection its memory for ever.
constexpr size_t kKeptCapacity = 4096;
constexpr uint32_t kMaxPacketFrame = kKeySize + kMaxPacketSize;
constexpr uint32_t kMaxClientFrame = kMaxClientReceiveFrame;

using enum ShortFrames;

constexpr FrameRule kLoginRuleList[] = {
    {FrameType::kClientInfo, 56, 262144, kFail},
};

constexpr FrameRule kServerRuleList[] = {
    {FrameType::kSendPacket, kKeySize, kMaxPacketFrame, kFail},
    {FrameType::kNotePreferred, 1, 1, kFail},
    {FrameType::kForwardPacket, 2 * kKeySize, kKeySize + kMaxPacketFrame,
     kFail},
    {FrameType::kWatchConns, 0, 0, kFail},
    {FrameType::kClosePeer, kKeySize, kKeySize, kFail},
    {FrameType::kPing, kPingSize, 1000, kFail},
};

constexpr FrameRule kClientRuleList[] = {
    {FrameType::kServerKey, 40, 1024, kFail},
    {FrameType::kServerInfo, 24, 24 + kMaxClientFrame, kFail},
    {FrameType::kRecvPacket, kKeySize, kMaxClientFrame, kSkip},
    {FrameType::kKeepAlive, 0, kMaxClientFrame, kSkip},
    {FrameType::kPeerGone, kKeySize, kMaxClientFrame, kSkip},
    {FrameType::kPeerPresent, kKeySize, kMaxClientFrame, kSkip},
    {FrameType::kPing, kPingSize, kMaxClientFrame, kSkip},
    {FrameType::kPong, kPingSize, kMaxClientFrame, kSkip},
    {FrameType::kHealth, 0, kMaxClientFrame, kSkip},
    {FrameType::kRestarting, 8, kMaxClientFrame, kSkip},
};

}  // namespace

const FrameRules kServerLoginRules = {kLoginRuleList, UnlistedFrames::kFail,
                                      kAnyLength};
const FrameRules kServerRules = {kServerRuleList, UnlistedFrames::kSkip,
                                 kAnyLength};
const FrameRules kClientRules = {kClientRuleList, UnlistedFrames::kSkip,
                                 kMaxClientFrame};

Result<std::optional<Frame>> FrameDecoder::Next(ByteView& input) {
  if (error_) {
    return std::unexpected(*error_);
  }
  ForgetDelivered();
  while (true) {
    Skip(input);
    if (!in_payload_) {
      if (to_skip_ > 0 || !ReadHeader(input)) {
        return std::nullopt;
      }
      if (const auto accepted = ApplyRules(); !accepted) {
        return std::unexpected(accepted.error());
      }
      continue;
    }
    return ReadPayload(input);
  }
}

bool FrameDecoder::ReadHeader(ByteView& input) {
  const size_t count = std::min(header_.size() - header_size_, input.size());
  std::copy_n(input.begin(), count, header_.begin() + header_size_);
  input = input.subspan(count);
  header_size_ += count;
  if (header_size_ < header_.size()) {
    return false;
  }
  header_size_ = 0;
  ByteReader reader(header_);
  uint8_t type = 0;
  const bool complete = reader.ReadU8(type) && reader.ReadU32(length_);
  type_ = static_cast<FrameType>(type);
  return complete;
}

Result<void> FrameDecoder::ApplyRules() {
  const auto rule = std::ranges::find(rules_->rules, type_, &FrameRule::type);
  const bool listed = rule != rules_->rules.end();
  if (!listed && rules_->unlisted == UnlistedFrames::kFail) {
    return Break(Errc::kBadFrame);
  }
  if (length_ > (listed ? rule->max_size : rules_->max_unlisted)) {
    return Break(Errc::kFrameTooLarge);
  }
  if (listed && length_ >= rule->min_size) {
    in_payload_ = true;
    return {};
  }
  if (listed && rule->when_short == kFail) {
    return Break(Errc::kBadFrame);
  }
  to_skip_ = length_;
  ++skipped_;
  return {};
}

void FrameDecoder::Skip(ByteView& input) {
  const size_t count = std::min<size_t>(to_skip_, input.size());
  input = input.subspan(count);
  to_skip_ -= static_cast<uint32_t>(count);
}

std::optional<Frame> FrameDecoder::ReadPayload(ByteView& input) {
  if (buffer_.empty() && input.size() >= length_) {
    const ByteView payload = input.first(length_);
    input = input.subspan(length_);
    in_payload_ = false;
    return Frame{type_, payload};
  }
  if (!input.empty() && buffer_.empty() && length_ <= kKeptCapacity) {
    buffer_.reserve(kKeptCapacity);
  }
  const size_t count = std::min(length_ - buffer_.size(), input.size());
  buffer_.insert(buffer_.end(), input.begin(),
                 input.begin() + static_cast<ptrdiff_t>(count));
  input = input.subspan(count);
  if (buffer_.size() < length_) {
    return std::nullopt;
  }
  in_payload_ = false;
  delivered_ = true;
  return Frame{type_, buffer_};
}

void FrameDecoder::ForgetDelivered() {
  if (!delivered_) {
    return;
  }
  delivered_ = false;
  buffer_.clear();
  if (buffer_.capacity() > kKeptCapacity) {
    std::vector<uint8_t>().swap(buffer_);
  }
}

std::unexpected<Error> FrameDecoder::Break(Errc code) {
  error_ = Error{code};
  return std::unexpected(*error_);
}

}  // namespace natkit::derp
