// The text that two agents describe themselves with: what parses is written
// and read again to the same.

#include <cstddef>
#include <cstdint>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "natkit/mesh/agent/description.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using natkit::mesh::FormatDescription;
  using natkit::mesh::ParseDescription;
  const auto parsed = ParseDescription(natkit::AsText({data, size}));
  if (!parsed) {
    return 0;
  }
  const std::string text = FormatDescription(*parsed);
  if (text.size() > natkit::mesh::kMaxDescriptionText) {
    return 0;  // raddr and rport are written where they were not
  }
  const auto again = ParseDescription(text);
  NATKIT_CHECK(again.has_value());
  NATKIT_CHECK(FormatDescription(*again) == text);
  return 0;
}
