// One item of a map: the first byte names its class, the rest is its body.
// What is accepted is carried unchanged, so that digests agree.

#include <cstdint>

#include "natkit/base/check.h"
#include "natkit/mesh/control/map_item.h"

namespace {

using namespace natkit;        // NOLINT(google-build-using-namespace)
using namespace natkit::mesh;  // NOLINT(google-build-using-namespace)

template <class Value>
void CheckRoundTrip(Result<Value> (*decode)(ByteView), ByteView body) {
  const auto value = decode(body);
  if (!value) {
    return;
  }
  const auto encoded = EncodeItem(*value);
  const auto again = decode(encoded);
  NATKIT_CHECK(again.has_value() && *again == *value);
  NATKIT_CHECK(EncodeItem(*again) == encoded);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const ByteView body(data + 1, size - 1);
  switch (static_cast<ItemClass>(data[0])) {
    case ItemClass::kSelf:
      CheckRoundTrip(DecodeSelf, body);
      break;
    case ItemClass::kPeer:
      CheckRoundTrip(DecodePeer, body);
      break;
    case ItemClass::kRule:
      CheckRoundTrip(DecodeRule, body);
      break;
    case ItemClass::kRoute:
      CheckRoundTrip(DecodeRoute, body);
      break;
    case ItemClass::kRelay:
      CheckRoundTrip(DecodeRelay, body);
      break;
    case ItemClass::kDns:
      CheckRoundTrip(DecodeDns, body);
      break;
    case ItemClass::kSettings:
      CheckRoundTrip(DecodeSettings, body);
      break;
    default:
      break;
  }
  return 0;
}
