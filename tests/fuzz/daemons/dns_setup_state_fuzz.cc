// The record of what was changed on the system: what is accepted stays
// the same when it is written again.

#include <cstdint>

#include "dns/setup_state.h"
#include "natkit/base/bytes.h"
#include "natkit/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace natkit;            // NOLINT(google-build-using-namespace)
  using namespace natkit::meshnode;  // NOLINT(google-build-using-namespace)
  const auto state = ParseSetupState(AsText({data, size}));
  if (state) {
    NATKIT_CHECK(ParseSetupState(FormatSetupState(*state)) == state);
  }
  return 0;
}
