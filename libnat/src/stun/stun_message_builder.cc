#include "natkit/nat/stun_message_builder.h"

#include <algorithm>

#include "natkit/base/check.h"
#include "stun/attribute_reader.h"
#include "stun/crc32.h"
#include "stun/message_mac.h"

namespace natkit::stun {

namespace {

/// What the 16-bit length field, a multiple of 4, can say.
constexpr size_t kMaxMessageSize = kHeaderSize + 65532;

constexpr size_t kLengthOffset = 2;
constexpr size_t kFingerprintSize = 4;

}  // namespace

MessageBuilder::MessageBuilder(MutableBytes out, MessageType type,
                               const TransactionId& id)
    : writer_(out.first(std::min(out.size(), kMaxMessageSize))), id_(id) {
  writer_.WriteU16(type.Encode());
  writer_.WriteU16(0);
  writer_.WriteU32(kMagicCookie);
  writer_.WriteBytes(id.bytes);
}

MessageBuilder& MessageBuilder::AddRaw(AttributeType type, ByteView value) {
  const size_t start = BeginAttribute(type);
  writer_.WriteBytes(value);
  EndAttribute(start);
  return *this;
}

MessageBuilder& MessageBuilder::AddIntegrity(const IntegrityKey& key) {
  EnterStage(Stage::kIntegrity);
  AddMac(AttributeType::kMessageIntegrity, key, kIntegritySize);
  return *this;
}

MessageBuilder& MessageBuilder::AddIntegritySha256(const IntegrityKey& key,
                                                   size_t size) {
  NATKIT_CHECK(size >= kMinIntegritySha256Size &&
               size <= kIntegritySha256Size && size % 4 == 0);
  EnterStage(Stage::kIntegritySha256);
  AddMac(AttributeType::kMessageIntegritySha256, key, size);
  return *this;
}

MessageBuilder& MessageBuilder::AddFingerprint() {
  EnterStage(Stage::kFingerprint);
  const ByteView covered = writer_.written();
  PatchLength(covered.size() + kAttributeHeaderSize + kFingerprintSize);
  const uint32_t crc = Crc32(covered) ^ kFingerprintXor;
  writer_.WriteU16(static_cast<uint16_t>(AttributeType::kFingerprint));
  writer_.WriteU16(kFingerprintSize);
  writer_.WriteU32(crc);
  return *this;
}

Result<ByteView> MessageBuilder::Finish() {
  if (writer_.overflowed()) {
    return Fail(Errc::kBufferTooSmall);
  }
  PatchLength(writer_.size());
  return writer_.written();
}

size_t MessageBuilder::BeginAttribute(AttributeType type) {
  NATKIT_CHECK(stage_ == Stage::kAttributes);
  const size_t start = writer_.size();
  writer_.WriteU16(static_cast<uint16_t>(type));
  writer_.WriteU16(0);
  return start;
}

void MessageBuilder::EndAttribute(size_t start) {
  if (writer_.overflowed()) {
    return;
  }
  const size_t size = writer_.size() - start - kAttributeHeaderSize;
  writer_.PatchU16(start + 2, static_cast<uint16_t>(size));
  writer_.WriteZeros(PaddingAfter(size));
}

void MessageBuilder::EnterStage(Stage stage) {
  NATKIT_CHECK(stage_ < stage);
  stage_ = stage;
}

void MessageBuilder::AddMac(AttributeType type, const IntegrityKey& key,
                            size_t size) {
  if (writer_.overflowed()) {
    return;
  }
  const MessageMac mac = ComputeMessageMac(type, key, writer_.written(), size);
  writer_.WriteU16(static_cast<uint16_t>(type));
  writer_.WriteU16(static_cast<uint16_t>(size));
  writer_.WriteBytes(ByteView(mac).first(size));
}

void MessageBuilder::PatchLength(size_t message_size) {
  if (!writer_.overflowed()) {
    writer_.PatchU16(kLengthOffset,
                     static_cast<uint16_t>(message_size - kHeaderSize));
  }
}

}  // namespace natkit::stun
