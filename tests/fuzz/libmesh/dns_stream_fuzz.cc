// The framing of DNS over streams: however the bytes are cut, the messages are
// the same, and framing them again gives the bytes back.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "natkit/base/check.h"
#include "natkit/mesh/dns/dns_stream.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace natkit;       // NOLINT(google-build-using-namespace)
  using namespace natkit::dns;  // NOLINT(google-build-using-namespace)
  const ByteView all(data, size);
  const size_t step = size == 0 ? 1 : 1 + data[size - 1] % 16;
  StreamFramer at_once(4096);
  StreamFramer in_pieces(4096);
  at_once.Push(all);
  std::vector<uint8_t> framed;
  std::vector<std::vector<uint8_t>> messages;
  while (true) {
    const auto message = at_once.Next();
    if (!message || !*message) {
      break;
    }
    const auto again = FrameForStream(**message);
    framed.insert(framed.end(), again.begin(), again.end());
    messages.push_back(**message);
  }
  NATKIT_CHECK(framed.size() <= size &&
               std::equal(framed.begin(), framed.end(), data));
  size_t seen = 0;
  for (size_t at = 0; at < size; at += step) {
    in_pieces.Push(all.subspan(at, std::min(step, size - at)));
    while (true) {
      const auto message = in_pieces.Next();
      if (!message || !*message) {
        break;
      }
      NATKIT_CHECK(seen < messages.size() && **message == messages[seen]);
      ++seen;
    }
  }
  NATKIT_CHECK(seen == messages.size());
  return 0;
}
