// Dumps of `wg show`, which come from other machines: what parses can be
// written, and reads as the same value.

#include <cstdint>

#include "natkit/base/check.h"
#include "natkit/mesh/fleet/wg_dump.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using natkit::mesh::ParseWgDump;
  const auto dump = ParseWgDump(natkit::AsText({data, size}));
  if (!dump) {
    NATKIT_CHECK(dump.error().line > 0 && !dump.error().text.empty());
    return 0;
  }
  const auto again = ParseWgDump(natkit::mesh::FormatWgDump(*dump));
  NATKIT_CHECK(again && *again == *dump);
  return 0;
}
