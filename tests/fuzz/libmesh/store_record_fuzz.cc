// One record of the server's store: the first byte says of what kind, the rest
// is what is stored. Damage is refused; what is accepted is stored unchanged.

#include <array>
#include <cstdint>

#include "natkit/base/check.h"
#include "registry/record_codec.h"

namespace {

using namespace natkit;        // NOLINT(google-build-using-namespace)
using namespace natkit::mesh;  // NOLINT(google-build-using-namespace)

template <class Record>
void CheckRoundTrip(ByteView body) {
  Record record;
  if (!DecodeRecord(body, record)) {
    return;
  }
  const auto encoded = EncodeRecord(record);
  Record again;
  NATKIT_CHECK(DecodeRecord(encoded, again).has_value());
  NATKIT_CHECK(again == record);
  NATKIT_CHECK(EncodeRecord(again) == encoded);
}

constexpr auto kChecks = std::to_array<void (*)(ByteView)>({
    &CheckRoundTrip<UserRecord>,
    &CheckRoundTrip<NodeRecord>,
    &CheckRoundTrip<AuthKeyRecord>,
    &CheckRoundTrip<ApiTokenRecord>,
    &CheckRoundTrip<TombstoneRecord>,
    &CheckRoundTrip<FormerKeyRecord>,
    &CheckRoundTrip<ReleasedAddress>,
    &CheckRoundTrip<RoutePrimaryRecord>,
    &CheckRoundTrip<PolicyRecord>,
    &CheckRoundTrip<RelayRecord>,
    &CheckRoundTrip<MeshRecord>,
});

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size != 0) {
    kChecks[data[0] % kChecks.size()](ByteView(data + 1, size - 1));
  }
  return 0;
}
