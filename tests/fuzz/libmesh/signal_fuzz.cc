// Signals: as a sealed packet from the relay, and (what a malicious member of
// the mesh could send) as the plain Protobuf inside the box.

#include <cstdint>

#include "natkit/base/check.h"
#include "natkit/mesh/signal.h"
#include "signal/signal_proto.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace natkit;        // NOLINT(google-build-using-namespace)
  using namespace natkit::mesh;  // NOLINT(google-build-using-namespace)
  static SeededRng rng(1);
  static const StaticPrivateKey key = GeneratePrivateKey(rng);
  static const SignalBox box(key, DerivePublicKey(key));
  NATKIT_CHECK(!box.Open({data, size}).has_value());

  const auto signal = DecodeSignal({data, size});
  if (!signal) {
    return 0;
  }
  // What was accepted is carried unchanged.
  const std::string once = EncodeSignal(*signal);
  const auto again = box.Open(box.Seal(*signal, rng));
  NATKIT_CHECK(again.has_value() && EncodeSignal(*again) == once);
  return 0;
}
