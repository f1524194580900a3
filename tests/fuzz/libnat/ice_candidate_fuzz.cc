// What parses must print, and parse again to the same value.

#include <cstddef>
#include <cstdint>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "natkit/nat/ice_candidate.h"

namespace natkit::ice {
namespace {

void Check(std::string_view text) {
  const auto candidate = ParseCandidate(text);
  if (!candidate) {
    return;
  }
  const auto again = ParseCandidate(FormatCandidate(*candidate));
  NATKIT_CHECK(again.has_value());
  NATKIT_CHECK(*again == *candidate);
  const auto hidden =
      ParseCandidate(FormatCandidate(*candidate, RelatedAddress::kHide));
  NATKIT_CHECK(hidden.has_value());
  NATKIT_CHECK(hidden->endpoint == candidate->endpoint);
  NATKIT_CHECK(hidden->type == CandidateType::kHost ||
               hidden->base != candidate->base || candidate->base.port == 9 ||
               candidate->base == Endpoint{});
}

}  // namespace
}  // namespace natkit::ice

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  natkit::ice::Check(natkit::AsText({data, size}));
  return 0;
}
