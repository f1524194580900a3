// A set operation: what is accepted shows in the get operation, and setting
// what get shows on a fresh device makes the same device.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "natkit/base/check.h"
#include "natkit/wg/uapi.h"

using namespace natkit;
using namespace natkit::wg;

namespace {

bool IsSettable(std::string_view line) {
  for (const std::string_view key :
       {"last_handshake_time_", "rx_bytes", "tx_bytes", "errno"}) {
    if (line.starts_with(key)) {
      return false;
    }
  }
  return !line.empty();
}

std::string SetFromGet(std::string_view get) {
  std::string set = "set=1\n";
  while (!get.empty()) {
    const size_t end = get.find('\n');
    if (IsSettable(get.substr(0, end))) {
      set.append(get.substr(0, end + 1));
    }
    get.remove_prefix(end + 1);
  }
  return set + "\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text = AsText({bytes, size});
  auto update = ParseSet(text);
  if (!update) {
    NATKIT_CHECK(update.error().code == Errc::kBadConfig);
    NATKIT_CHECK(update.error().offset <= size);
    return 0;
  }
  SeededRng rng(1);
  Device device({.max_peers = 64}, rng);
  if (!device.Apply({}, std::move(*update))) {
    return 0;
  }
  const SecretText shown = FormatGet(device);
  auto again = ParseSet(SetFromGet(shown.Expose()));
  NATKIT_CHECK(again.has_value());
  Device copy({.max_peers = 64}, rng);
  NATKIT_CHECK(copy.Apply({}, std::move(*again)).has_value());
  NATKIT_CHECK(FormatGet(copy).Expose() == shown.Expose());
  return 0;
}
