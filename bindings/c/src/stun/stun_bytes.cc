#include "stun/stun_bytes.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "support/convert.h"

namespace natkit::c {

Result<stun::Message> ToMessage(const void* data, size_t size) {
  const Result<ByteView> bytes = ToBytes(data, size);
  if (data == nullptr || !bytes) {
    return Fail(Errc::kBadArgument);
  }
  return stun::Message::Parse(*bytes);
}

Result<std::string_view> ToLimitedText(const char* text, size_t limit) {
  if (text == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  const size_t length = ::strnlen(text, limit + 1);
  if (length > limit) {
    return Fail(Errc::kBadLength);
  }
  return std::string_view(text, length);
}

Result<stun::IntegrityKey> ToKey(const natkit_stun_key* key) {
  if (key == nullptr || key->size == 0 || key->size > sizeof key->bytes) {
    return Fail(Errc::kBadArgument);
  }
  return stun::IntegrityKey::ShortTerm(AsText({key->bytes, key->size}));
}

bool HoldsXorAddress(uint32_t type) {
  static constexpr std::array<uint32_t, 4> kTypes = {
      NATKIT_STUN_XOR_MAPPED_ADDRESS, NATKIT_STUN_XOR_MAPPED_ADDRESS_DRAFT,
      NATKIT_STUN_XOR_PEER_ADDRESS, NATKIT_STUN_XOR_RELAYED_ADDRESS};
  return std::ranges::find(kTypes, type) != kTypes.end();
}

bool HoldsPlainAddress(uint32_t type) {
  static constexpr std::array<uint32_t, 6> kTypes = {
      NATKIT_STUN_MAPPED_ADDRESS,  NATKIT_STUN_SOURCE_ADDRESS,
      NATKIT_STUN_CHANGED_ADDRESS, NATKIT_STUN_ALTERNATE_SERVER,
      NATKIT_STUN_RESPONSE_ORIGIN, NATKIT_STUN_OTHER_ADDRESS};
  return std::ranges::find(kTypes, type) != kTypes.end();
}

}  // namespace natkit::c
