#include "natkit/nat/stun_message.h"

#include <algorithm>

#include "stun/attribute_reader.h"
#include "stun/crc32.h"

namespace natkit::stun {

namespace {

struct Header {
  MessageType type;
  size_t length = 0;
};

/// Reads type, length and cookie, the first 8 bytes.
Result<Header> ReadHeader(ByteReader& in) {
  uint16_t wire_type = 0;
  uint16_t length = 0;
  uint32_t cookie = 0;
  if (!in.ReadU16(wire_type) || !in.ReadU16(length) || !in.ReadU32(cookie)) {
    return Fail(Errc::kTruncated, in.offset());
  }
  const auto type = MessageType::Decode(wire_type);
  if (!type || cookie != kMagicCookie) {
    return Fail(Errc::kNotStun);
  }
  if (length % 4 != 0) {
    return Fail(Errc::kBadLength, 2);
  }
  return Header{.type = *type, .length = length};
}

/// Errors: kBadLength, kBadValue (not the last attribute), kBadFingerprint.
Result<void> CheckFingerprint(ByteView message, const Attribute& attribute) {
  const auto stored = attr::DecodeU32(attribute.value);
  if (!stored) {
    return Fail(stored.error().code, attribute.offset);
  }
  if (attribute.offset + kAttributeHeaderSize + attribute.value.size() !=
      message.size()) {
    return Fail(Errc::kBadValue, attribute.offset);
  }
  if ((Crc32(message.first(attribute.offset)) ^ kFingerprintXor) != *stored) {
    return Fail(Errc::kBadFingerprint, attribute.offset);
  }
  return {};
}

/// Walks all attributes, those that do not count too; `in` stands at the
/// first. Yields whether there is a FINGERPRINT.
Result<bool> CheckAttributes(ByteView message, ByteReader& in) {
  bool has_fingerprint = false;
  while (!in.is_empty()) {
    Attribute attribute;
    if (!ReadAttribute(in, attribute)) {
      return Fail(Errc::kBadLength, attribute.offset);
    }
    if (attribute.type == AttributeType::kFingerprint) {
      if (const auto checked = CheckFingerprint(message, attribute); !checked) {
        return std::unexpected(checked.error());
      }
      has_fingerprint = true;
    }
  }
  return has_fingerprint;
}

}  // namespace

Result<size_t> PeekMessageSize(ByteView bytes) {
  ByteReader in(bytes);
  const auto header = ReadHeader(in);
  if (!header) {
    return std::unexpected(header.error());
  }
  return kHeaderSize + header->length;
}

Result<Message> Message::Parse(ByteView datagram) {
  if (datagram.size() < kHeaderSize) {
    return Fail(Errc::kTruncated, datagram.size());
  }
  ByteReader in(datagram);
  const auto header = ReadHeader(in);
  if (!header) {
    return std::unexpected(header.error());
  }
  Message message;
  if (!in.ReadInto(message.id_.bytes) || header->length != in.remaining()) {
    return Fail(Errc::kBadLength, 2);
  }
  const auto has_fingerprint = CheckAttributes(datagram, in);
  if (!has_fingerprint) {
    return std::unexpected(has_fingerprint.error());
  }
  message.bytes_ = datagram;
  message.type_ = header->type;
  message.has_fingerprint_ = *has_fingerprint;
  return message;
}

std::optional<Attribute> Message::Find(AttributeType type) const {
  for (const Attribute& attribute : attributes()) {
    if (attribute.type == type) {
      return attribute;
    }
  }
  return std::nullopt;
}

Result<Endpoint> Message::GetXorMappedAddress() const {
  auto mapped = Get<attr::XorMappedAddress>();
  if (!mapped && mapped.error().code == Errc::kNotFound) {
    mapped = Get<attr::XorMappedAddressDraft>();
  }
  if (mapped) {
    mapped->address = mapped->address.Unmapped();
  }
  return mapped;
}

AttributeTypeList Message::FindUnknownRequired(
    std::span<const AttributeType> understood) const {
  const auto is_in = [](std::span<const AttributeType> list,
                        AttributeType type) {
    return std::ranges::find(list, type) != list.end();
  };
  AttributeTypeList unknown;
  for (const auto& [type, value, offset] : attributes()) {
    if (IsComprehensionRequired(type) && !is_in(BaseAttributes(), type) &&
        !is_in(understood, type) && !unknown.Contains(type)) {
      unknown.Append(type);
    }
  }
  return unknown;
}

void AttributeRange::Iterator::Advance() {
  ByteReader in(message_);
  is_done_ = !in.Skip(next_);
  while (!is_done_) {
    is_done_ = !ReadAttribute(in, current_);
    next_ = in.offset();
    if (!is_done_ && AcceptsAndNotes(current_.type)) {
      return;
    }
  }
}

bool AttributeRange::Iterator::AcceptsAndNotes(AttributeType type) {
  if (type == AttributeType::kFingerprint) {
    return true;
  }
  if (has_integrity_sha256_) {
    return false;
  }
  if (type == AttributeType::kMessageIntegritySha256) {
    has_integrity_sha256_ = true;
    return true;
  }
  if (has_integrity_) {
    return false;
  }
  has_integrity_ = type == AttributeType::kMessageIntegrity;
  return true;
}

}  // namespace natkit::stun
