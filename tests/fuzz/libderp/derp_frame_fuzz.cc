// A stream decodes to the same frames and the same error however it is split,
// and what parses rebuilds to a payload that parses to the same value.

#include <cstdint>
#include <utility>
#include <vector>

#include "natkit/base/check.h"
#include "natkit/derp/frame_decoder.h"

using namespace natkit;
using namespace natkit::derp;

namespace {

using Bytes = std::vector<uint8_t>;

struct Decoded {
  std::vector<std::pair<FrameType, Bytes>> frames;
  std::optional<Error> error;
  bool operator==(const Decoded&) const = default;
};

Decoded Decode(const FrameRules& rules, ByteView stream, size_t piece) {
  Decoded result;
  FrameDecoder decoder(rules);
  while (!stream.empty()) {
    ByteView input = stream.first(std::min(piece, stream.size()));
    stream = stream.subspan(input.size());
    while (true) {
      const auto next = decoder.Next(input);
      if (!next) {
        result.error = next.error();
        return result;
      }
      if (!*next) {
        NATKIT_CHECK(input.empty());
        break;
      }
      const ByteView payload = (*next)->payload;
      result.frames.emplace_back((*next)->type,
                                 Bytes(payload.begin(), payload.end()));
    }
  }
  return result;
}

template <class Parse, class Append>
void CheckRoundTrip(ByteView payload, Parse parse, Append append) {
  if (const auto parsed = parse(payload)) {
    Bytes frame;
    append(*parsed, frame);
    NATKIT_CHECK(parse(ByteView(frame).subspan(kFrameHeaderSize)) == parsed);
  }
}

void CheckPayload(ByteView payload) {
  CheckRoundTrip(payload, ParseServerKey, AppendServerKey);
  CheckRoundTrip(payload, ParsePeerGone, AppendPeerGone);
  CheckRoundTrip(payload, ParsePeerPresent, AppendPeerPresent);
  CheckRoundTrip(payload, ParseRestarting, AppendRestarting);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteReader in({data, size});
  uint8_t choice = 0;
  if (!in.ReadU8(choice)) {
    return 0;
  }
  const FrameRules* const rules[] = {&kServerLoginRules, &kServerRules,
                                     &kClientRules};
  const FrameRules& chosen = *rules[choice % 3];
  const ByteView stream = in.ReadRest();
  const Decoded whole = Decode(chosen, stream, stream.size() + 1);
  NATKIT_CHECK(Decode(chosen, stream, 1) == whole);
  NATKIT_CHECK(Decode(chosen, stream, 1 + choice / 3) == whole);

  Bytes rebuilt;
  for (const auto& [type, payload] : whole.frames) {
    AppendFrame(type, payload, rebuilt);
    CheckPayload(payload);
  }
  NATKIT_CHECK(Decode(chosen, rebuilt, 7).frames == whole.frames);
  return 0;
}
