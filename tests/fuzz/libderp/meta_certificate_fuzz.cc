// Certificates of strangers are read without harm; a key that is found builds
// a certificate in which it is found again.

#include <array>
#include <cstdint>

#include "natkit/base/check.h"
#include "natkit/derp/frame.h"
#include "natkit/derp/meta_certificate.h"

using namespace natkit;
using namespace natkit::derp;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView all{data, size};
  const std::array<ByteView, 3> chain = {all.first(size / 2),
                                         all.subspan(size / 2), all};
  const auto found = FindMetaCertificate(chain);
  if (!found) {
    return 0;
  }
  NATKIT_CHECK(!found->server_key.is_zero() && found->version != 0);
  SeededRng rng(size);
  const auto built = BuildMetaCertificate(
      found->server_key, std::chrono::sys_seconds{std::chrono::days(20000)},
      rng);
  NATKIT_CHECK(built.has_value());
  const std::array<ByteView, 1> rebuilt = {*built};
  NATKIT_CHECK(FindMetaCertificate(rebuilt) ==
               (MetaCertificate{found->server_key, kProtocolVersion}));
  return 0;
}
