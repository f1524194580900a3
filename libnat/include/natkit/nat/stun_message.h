#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>

#include "natkit/base/bytes.h"
#include "natkit/base/result.h"
#include "natkit/nat/stun_attribute_type.h"
#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_types.h"

namespace natkit::stun {

/// One attribute of a message. `value` points into the message and is without
/// padding.
struct Attribute {
  AttributeType type{};
  ByteView value;
  size_t offset = 0;  ///< of the attribute's header, from the message's start
};

/// Says how long a message is from its first bytes, for reading from a stream
/// (RFC 8489 section 6.2.2): header and attributes, 20 bytes or more.
///
/// Errors: kTruncated (fewer than 8 bytes given), kNotStun (top bits, cookie),
/// kBadLength (not a multiple of 4).
[[nodiscard]] Result<size_t> PeekMessageSize(ByteView bytes);

/// The attributes of a message that count, in order: what RFC 8489 sections
/// 14.5 and 14.6 say to ignore after the integrity attributes is left out.
class AttributeRange {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Attribute;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;

    explicit Iterator(ByteView message) : message_(message) { Advance(); }

    const Attribute& operator*() const { return current_; }

    const Attribute* operator->() const { return &current_; }

    Iterator& operator++() {
      Advance();
      return *this;
    }

    void operator++(int) { Advance(); }

    bool operator==(std::default_sentinel_t) const { return is_done_; }

   private:
    void Advance();
    bool AcceptsAndNotes(AttributeType type);

    ByteView message_;
    size_t next_ = kHeaderSize;
    Attribute current_;
    bool has_integrity_ = false;
    bool has_integrity_sha256_ = false;
    bool is_done_ = false;
  };

  explicit AttributeRange(ByteView message) : message_(message) {}

  [[nodiscard]] Iterator begin() const { return Iterator(message_); }

  [[nodiscard]] static std::default_sentinel_t end() { return {}; }

 private:
  ByteView message_;
};

/// A STUN message as received: a view that owns nothing and must not outlive
/// the datagram. Parsing and reading do not allocate.
///
/// A Message is well-formed by construction: the header is right, attributes
/// fill the message exactly, and FINGERPRINT, if there is one, comes last and
/// matches. Integrity is verified by the functions of stun_integrity.h.
class Message {
 public:
  /// Parses one whole datagram (RFC 8489 sections 5 and 6.3).
  ///
  /// Errors: kTruncated (shorter than a header), kNotStun (top bits, cookie),
  /// kBadLength (message or attribute length contradicts the datagram),
  /// kBadValue (something follows FINGERPRINT), kBadFingerprint.
  [[nodiscard]] static Result<Message> Parse(ByteView datagram);

  [[nodiscard]] MessageType type() const { return type_; }

  [[nodiscard]] const TransactionId& id() const { return id_; }

  /// The whole message, as received.
  [[nodiscard]] ByteView bytes() const { return bytes_; }

  [[nodiscard]] AttributeRange attributes() const {
    return AttributeRange(bytes_);
  }

  /// The first attribute of this type that counts.
  [[nodiscard]] std::optional<Attribute> Find(AttributeType type) const;

  [[nodiscard]] bool Has(AttributeType type) const {
    return Find(type).has_value();
  }

  /// The value of the first attribute A (see stun_attributes.h). Errors:
  /// kNotFound, and those of A::Decode with the attribute's offset.
  template <class A>
  [[nodiscard]] Result<typename A::Value> Get() const {
    const std::optional<Attribute> attribute = Find(A::kType);
    if (!attribute) {
      return Fail(Errc::kNotFound);
    }
    auto value = A::Decode(attribute->value, id_);
    if (!value) {
      return Fail(value.error().code, attribute->offset);
    }
    return value;
  }

  /// True when there is a FINGERPRINT; it matches, or Parse had failed.
  [[nodiscard]] bool has_fingerprint() const { return has_fingerprint_; }

  /// XOR-MAPPED-ADDRESS, or else its draft number 0x8020. An IPv4-mapped IPv6
  /// address comes out as IPv4. Errors: as Get().
  [[nodiscard]] Result<Endpoint> GetXorMappedAddress() const;

  /// Comprehension-required attributes that are neither in BaseAttributes()
  /// nor in `understood`, each once.
  [[nodiscard]] AttributeTypeList FindUnknownRequired(
      std::span<const AttributeType> understood = {}) const;

 private:
  Message() = default;

  ByteView bytes_;
  MessageType type_;
  TransactionId id_;
  bool has_fingerprint_ = false;
};

}  // namespace natkit::stun
