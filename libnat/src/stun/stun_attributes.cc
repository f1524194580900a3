#include "natkit/nat/stun_attributes.h"

#include <algorithm>

#include "stun/attribute_reader.h"

namespace natkit::stun::attr {

namespace {

constexpr uint32_t kChangeIpFlag = 0x4;
constexpr uint32_t kChangePortFlag = 0x2;

}  // namespace

Result<uint32_t> DecodeU32(ByteView value) {
  ByteReader in(value);
  uint32_t number = 0;
  if (!in.ReadU32(number) || !in.is_empty()) {
    return Fail(Errc::kBadLength);
  }
  return number;
}

Result<uint64_t> DecodeU64(ByteView value) {
  ByteReader in(value);
  uint64_t number = 0;
  if (!in.ReadU64(number) || !in.is_empty()) {
    return Fail(Errc::kBadLength);
  }
  return number;
}

Result<std::string_view> DecodeText(ByteView value) {
  if (value.size() > kMaxTextSize) {
    return Fail(Errc::kBadLength);
  }
  return AsText(value);
}

Result<ErrorCodeValue> ErrorCode::Decode(ByteView value,
                                         const TransactionId& /*id*/) {
  ByteReader in(value);
  uint8_t hundreds = 0;
  uint8_t number = 0;
  if (!in.Skip(2) || !in.ReadU8(hundreds) || !in.ReadU8(number) ||
      in.remaining() > kMaxTextSize) {
    return Fail(Errc::kBadLength);
  }
  hundreds &= 0x7;  // the 21 bits before the class are reserved
  if (hundreds < 3 || hundreds > 6 || number > 99) {
    return Fail(Errc::kBadValue);
  }
  return ErrorCodeValue{static_cast<stun::ErrorCode>(hundreds * 100 + number),
                        AsText(in.ReadRest())};
}

void ErrorCode::Encode(ByteWriter& out, const Value& value,
                       const TransactionId& /*id*/) {
  const auto code = static_cast<uint16_t>(value.code);
  out.WriteU16(0);
  out.WriteU8(static_cast<uint8_t>(code / 100));
  out.WriteU8(static_cast<uint8_t>(code % 100));
  out.WriteBytes(AsBytes(value.reason));
}

Result<AttributeTypeList> UnknownAttributes::Decode(
    ByteView value, const TransactionId& /*id*/) {
  if (value.size() % 2 != 0) {
    return Fail(Errc::kBadLength);
  }
  ByteReader in(value);
  AttributeTypeList list;
  for (uint16_t type = 0; in.ReadU16(type);) {
    list.Append(static_cast<AttributeType>(type));
  }
  return list;
}

void UnknownAttributes::Encode(ByteWriter& out, const Value& value,
                               const TransactionId& /*id*/) {
  for (const AttributeType type : value.items()) {
    out.WriteU16(static_cast<uint16_t>(type));
  }
}

Result<std::array<uint8_t, 32>> Userhash::Decode(ByteView value,
                                                 const TransactionId& /*id*/) {
  Value hash{};
  if (value.size() != hash.size()) {
    return Fail(Errc::kBadLength);
  }
  std::ranges::copy(value, hash.begin());
  return hash;
}

void Userhash::Encode(ByteWriter& out, const Value& value,
                      const TransactionId& /*id*/) {
  out.WriteBytes(value);
}

Result<ChangeRequestValue> ChangeRequest::Decode(ByteView value,
                                                 const TransactionId& /*id*/) {
  const auto flags = DecodeU32(value);
  if (!flags) {
    return Fail(flags.error().code);
  }
  return ChangeRequestValue{.change_ip = (*flags & kChangeIpFlag) != 0,
                            .change_port = (*flags & kChangePortFlag) != 0};
}

void ChangeRequest::Encode(ByteWriter& out, const Value& value,
                           const TransactionId& /*id*/) {
  out.WriteU32((value.change_ip ? kChangeIpFlag : 0) |
               (value.change_port ? kChangePortFlag : 0));
}

Result<uint16_t> ResponsePort::Decode(ByteView value,
                                      const TransactionId& /*id*/) {
  ByteReader in(value);
  uint16_t port = 0;
  if (!in.ReadU16(port) || (in.remaining() != 0 && in.remaining() != 2)) {
    return Fail(Errc::kBadLength);
  }
  return port;
}

void ResponsePort::Encode(ByteWriter& out, Value value,
                          const TransactionId& /*id*/) {
  out.WriteU16(value);
  out.WriteU16(0);
}

Result<TransmitCounterValue> TransactionTransmitCounter::Decode(
    ByteView value, const TransactionId& /*id*/) {
  ByteReader in(value);
  TransmitCounterValue counter;
  if (!in.Skip(2) || !in.ReadU8(counter.request) ||
      !in.ReadU8(counter.response) || !in.is_empty()) {
    return Fail(Errc::kBadLength);
  }
  return counter;
}

void TransactionTransmitCounter::Encode(ByteWriter& out, const Value& value,
                                        const TransactionId& /*id*/) {
  out.WriteU16(0);
  out.WriteU8(value.request);
  out.WriteU8(value.response);
}

}  // namespace natkit::stun::attr
