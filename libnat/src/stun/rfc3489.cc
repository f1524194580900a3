#include "stun/rfc3489.h"

#include "natkit/nat/stun_message.h"
#include "stun/attribute_reader.h"

namespace natkit::stun {

namespace {

constexpr size_t kIdOffset = 4;
constexpr size_t kIdSize = 16;

/// Notes a CHANGE-REQUEST; false for other attributes that must be understood.
bool Understand(const Attribute& attribute, attr::ChangeRequestValue& change) {
  if (attribute.type != AttributeType::kChangeRequest) {
    return !IsComprehensionRequired(attribute.type);
  }
  const auto value = attr::ChangeRequest::Decode(attribute.value, {});
  if (!value) {
    return false;
  }
  change = *value;
  return true;
}

void WriteAddress(ByteWriter& out, AttributeType type,
                  const Endpoint& endpoint) {
  out.WriteU16(static_cast<uint16_t>(type));
  out.WriteU16(static_cast<uint16_t>(4 + endpoint.address.bytes().size()));
  attr::EncodeAddress(out, endpoint);
}

}  // namespace

std::optional<attr::ChangeRequestValue> ParseRfc3489Request(ByteView datagram) {
  ByteReader in(datagram);
  uint16_t type = 0;
  uint16_t length = 0;
  uint32_t cookie = 0;
  if (!in.ReadU16(type) || !in.ReadU16(length) || !in.ReadU32(cookie) ||
      !in.Skip(kIdSize - 4) || type != kBindingRequest.Encode() ||
      cookie == kMagicCookie || length != in.remaining()) {
    return std::nullopt;
  }
  attr::ChangeRequestValue change;
  while (!in.is_empty()) {
    Attribute attribute;
    if (!ReadAttribute(in, attribute) || !Understand(attribute, change)) {
      return std::nullopt;
    }
  }
  return change;
}

bool IsRfc3489Response(ByteView datagram) {
  ByteReader in(datagram);
  uint16_t type = 0;
  uint16_t length = 0;
  uint32_t cookie = 0;
  if (!in.ReadU16(type) || !in.ReadU16(length) || !in.ReadU32(cookie) ||
      !in.Skip(kIdSize - 4) || type != kBindingSuccess.Encode() ||
      cookie == kMagicCookie || length != in.remaining()) {
    return false;
  }
  bool has_mapped = false;
  while (!in.is_empty()) {
    Attribute attribute;
    if (!ReadAttribute(in, attribute)) {
      return false;
    }
    has_mapped |= attribute.type == AttributeType::kMappedAddress;
  }
  return has_mapped;
}

size_t WriteRfc3489Response(ByteView request, const Rfc3489Addresses& addresses,
                            MutableBytes out) {
  ByteWriter writer(out);
  writer.WriteU16(kBindingSuccess.Encode());
  writer.WriteU16(0);
  writer.WriteBytes(request.subspan(kIdOffset, kIdSize));
  WriteAddress(writer, AttributeType::kMappedAddress, addresses.mapped);
  if (addresses.source) {
    WriteAddress(writer, AttributeType::kSourceAddress, *addresses.source);
  }
  if (addresses.changed) {
    WriteAddress(writer, AttributeType::kChangedAddress, *addresses.changed);
  }
  if (writer.overflowed()) {
    return 0;
  }
  writer.PatchU16(2, static_cast<uint16_t>(writer.size() - kHeaderSize));
  return writer.size();
}

}  // namespace natkit::stun
