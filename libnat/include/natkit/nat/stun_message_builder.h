#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/result.h"
#include "natkit/nat/stun_integrity.h"
#include "natkit/nat/stun_message.h"

namespace natkit::stun {

/// Writes one message into the caller's buffer; does not allocate.
///
/// Attributes go out in the order of the calls. AddIntegrity comes after all
/// ordinary attributes, AddIntegritySha256 after that, AddFingerprint last;
/// another order is a bug of the caller and aborts.
class MessageBuilder {
 public:
  /// `out` bounds the message's size; see kMaxUdpMessageSize.
  MessageBuilder(MutableBytes out, MessageType type, const TransactionId& id);

  /// Adds attribute A (see stun_attributes.h).
  template <class A>
  MessageBuilder& Add(const typename A::Value& value) {
    const size_t start = BeginAttribute(A::kType);
    A::Encode(writer_, value, id_);
    EndAttribute(start);
    return *this;
  }

  /// Adds an attribute without contents.
  template <class A>
  MessageBuilder& Add() {
    return Add<A>(attr::Present{});
  }

  /// Adds an attribute with the given value; the padding is written.
  MessageBuilder& AddRaw(AttributeType type, ByteView value);
  /// Adds MESSAGE-INTEGRITY: 24 bytes (RFC 8489 section 14.5).
  MessageBuilder& AddIntegrity(const IntegrityKey& key);
  /// Adds MESSAGE-INTEGRITY-SHA256 (RFC 8489 section 14.6). `size` is 16, 20,
  /// ..., 32 bytes; others abort. Only usages that permit it truncate.
  MessageBuilder& AddIntegritySha256(const IntegrityKey& key, size_t size = 32);
  /// Adds FINGERPRINT: 8 bytes (RFC 8489 section 14.7).
  MessageBuilder& AddFingerprint();

  /// The message. Errors: kBufferTooSmall. May be called once, at the end.
  [[nodiscard]] Result<ByteView> Finish();

 private:
  enum class Stage : uint8_t {
    kAttributes,
    kIntegrity,
    kIntegritySha256,
    kFingerprint,
  };

  size_t BeginAttribute(AttributeType type);
  void EndAttribute(size_t start);
  void EnterStage(Stage stage);
  void AddMac(AttributeType type, const IntegrityKey& key, size_t size);
  void PatchLength(size_t message_size);

  ByteWriter writer_;
  TransactionId id_;
  Stage stage_ = Stage::kAttributes;
};

}  // namespace natkit::stun
