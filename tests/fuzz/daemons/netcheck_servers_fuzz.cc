// The servers that a node tells `meshnode netcheck`: what is accepted stays
// the same when it is written again, and is bounded.

#include <cstdint>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "netcheck/netcheck_servers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace natkit;            // NOLINT(google-build-using-namespace)
  using namespace natkit::meshnode;  // NOLINT(google-build-using-namespace)
  const auto servers = ParseServers(AsText({data, size}));
  if (servers) {
    NATKIT_CHECK(servers->relays.size() <= 64);
    NATKIT_CHECK(servers->stun_servers.size() <= 64);
    const std::string written = FormatServers(*servers);
    const auto again = ParseServers(written);
    NATKIT_CHECK(again && FormatServers(*again) == written);
  }
  return 0;
}
