// One frame's body, as the other side of the coordination stream sends it.

#include <cstdint>

#include "natkit/base/check.h"
#include "natkit/mesh/control/message.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace natkit;        // NOLINT(google-build-using-namespace)
  using namespace natkit::mesh;  // NOLINT(google-build-using-namespace)
  const auto message = DecodeMessage({data, size});
  if (!message) {
    return 0;
  }
  // What was accepted is carried unchanged.
  const auto once = EncodeFrame(*message);
  constexpr size_t kHeader = 4;
  const auto again = DecodeMessage(ByteView(once).subspan(kHeader));
  NATKIT_CHECK(again.has_value() && again->index() == message->index());
  NATKIT_CHECK(EncodeFrame(*again) == once);
  return 0;
}
