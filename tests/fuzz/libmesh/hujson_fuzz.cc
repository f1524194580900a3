// HuJSON: what parses is written and read back as the same value, and every
// error names a place inside the text.

#include <algorithm>
#include <cstdint>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "natkit/mesh/policy/hujson.h"

namespace {

using natkit::mesh::policy::JsonMember;
using natkit::mesh::policy::JsonValue;

bool IsSame(const JsonValue& a, const JsonValue& b) {
  const auto same_member = [](const JsonMember& x, const JsonMember& y) {
    return x.key == y.key && IsSame(x.value, y.value);
  };
  return a.kind == b.kind && a.boolean == b.boolean && a.text == b.text &&
         std::ranges::equal(a.items, b.items, IsSame) &&
         std::ranges::equal(a.members, b.members, same_member);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto text = natkit::AsText({data, size});
  const auto value = natkit::mesh::policy::ParseHuJson(text);
  if (!value) {
    NATKIT_CHECK(!value.error().text.empty());
    NATKIT_CHECK(value.error().at.line <=
                 static_cast<size_t>(std::ranges::count(text, '\n')) + 1);
    return 0;
  }
  const auto again = natkit::mesh::policy::ParseHuJson(ToJson(*value));
  NATKIT_CHECK(again.has_value() && IsSame(*value, *again));
  return 0;
}
