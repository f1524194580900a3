#include "stun/rfc3489.h"

#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_message.h"
#include "stun/attribute_reader.h"

namespace natkit::stun {

namespace {

constexpr size_t kIdOffset = 4;
constexpr size_t kIdSize = 16;

/// Whether an answer from this address to the sender satisfies the attribute.
bool IsSatisfied(const Attribute& attribute) {
  if (attribute.type != AttributeType::kChangeRequest) {
    return !IsComprehensionRequired(attribute.type);
  }
  const auto change = attr::ChangeRequest::Decode(attribute.value, {});
  return change && *change == attr::ChangeRequestValue{};
}

}  // namespace

bool IsPlainRfc3489Request(ByteView datagram) {
  ByteReader in(datagram);
  uint16_t type = 0;
  uint16_t length = 0;
  uint32_t cookie = 0;
  if (!in.ReadU16(type) || !in.ReadU16(length) || !in.ReadU32(cookie) ||
      !in.Skip(kIdSize - 4) || type != kBindingRequest.Encode() ||
      cookie == kMagicCookie || length != in.remaining()) {
    return false;
  }
  while (!in.is_empty()) {
    Attribute attribute;
    if (!ReadAttribute(in, attribute) || !IsSatisfied(attribute)) {
      return false;
    }
  }
  return true;
}

size_t WriteRfc3489Response(ByteView request, const Endpoint& mapped,
                            MutableBytes out) {
  ByteWriter writer(out);
  writer.WriteU16(kBindingSuccess.Encode());
  writer.WriteU16(0);
  writer.WriteBytes(request.subspan(kIdOffset, kIdSize));
  writer.WriteU16(static_cast<uint16_t>(AttributeType::kMappedAddress));
  const size_t value_size = 4 + mapped.address.bytes().size();
  writer.WriteU16(static_cast<uint16_t>(value_size));
  attr::EncodeAddress(writer, mapped);
  if (writer.overflowed()) {
    return 0;
  }
  writer.PatchU16(2, static_cast<uint16_t>(writer.size() - kHeaderSize));
  return writer.size();
}

}  // namespace natkit::stun
