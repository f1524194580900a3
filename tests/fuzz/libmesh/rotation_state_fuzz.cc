// The state of a rotation, which a person may have edited: what parses can be
// written, and reads as the same value but for characters that no file keeps.

#include <cstdint>

#include "natkit/base/check.h"
#include "natkit/mesh/fleet/rotation.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using natkit::mesh::FormatRotationState;
  using natkit::mesh::ParseRotationState;
  const auto state = ParseRotationState(natkit::AsText({data, size}));
  if (!state) {
    NATKIT_CHECK(!state.error().text.empty());
    return 0;
  }
  const std::string written = FormatRotationState(*state);
  const auto again = ParseRotationState(written);
  NATKIT_CHECK(again && again->from == state->from && again->to == state->to &&
               again->step == state->step &&
               again->node.size() == state->node.size());
  NATKIT_CHECK(FormatRotationState(*again) == written);
  return 0;
}
