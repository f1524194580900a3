// The record of what was changed for routes: what is accepted is written again
// as it was, and names settings only.

#include <cstdint>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "routes/route_undo.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace natkit;            // NOLINT(google-build-using-namespace)
  using namespace natkit::meshnode;  // NOLINT(google-build-using-namespace)
  const std::string_view text = AsText({data, size});
  const auto state = ParseRouteState(text);
  if (state) {
    NATKIT_CHECK(FormatRouteState(*state) == text);
    NATKIT_CHECK(state->before.size() == state->set.size());
    for (const auto& [name, value] : state->set) {
      NATKIT_CHECK(state->before.contains(name));
      NATKIT_CHECK(!name.starts_with('/') && !name.starts_with("../"));
    }
  }
  return 0;
}
