#pragma once

#include <cstdint>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/nat/stun_message.h"
#include "natkit/nat/stun_message_builder.h"

namespace natkit::stun::fuzz {

/// Makes what a fuzzer cannot guess right: top bits, length, cookie and CRC.
inline std::vector<uint8_t> Repair(ByteView input) {
  std::vector<uint8_t> bytes(input.begin(), input.end());
  bytes.resize(bytes.size() - bytes.size() % 4);
  if (bytes.size() < kHeaderSize || bytes.size() - kHeaderSize > 65532) {
    return bytes;
  }
  bytes[0] &= 0x3F;
  ByteWriter header(MutableBytes(bytes).subspan(2));
  header.WriteU16(static_cast<uint16_t>(bytes.size() - kHeaderSize));
  header.WriteU32(kMagicCookie);
  const auto message = Message::Parse(bytes);
  if (message || message.error().code != Errc::kBadFingerprint) {
    return bytes;
  }
  // The builder computes the CRC of the same header and attributes.
  bytes.resize(message.error().offset);
  header = ByteWriter(MutableBytes(bytes).subspan(2));
  header.WriteU16(static_cast<uint16_t>(bytes.size() - kHeaderSize));
  const auto cut = Message::Parse(bytes);
  if (!cut) {
    return bytes;
  }
  std::vector<uint8_t> out(bytes.size() + 8);
  MessageBuilder builder(out, cut->type(), cut->id());
  for (const Attribute& attribute : cut->attributes()) {
    builder.AddRaw(attribute.type, attribute.value);
  }
  const auto built = builder.AddFingerprint().Finish();
  return {built->begin(), built->end()};
}

}  // namespace natkit::stun::fuzz
