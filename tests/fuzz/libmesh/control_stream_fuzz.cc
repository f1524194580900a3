// A stream in pieces: the first byte says how long they are. However it is
// cut, the frames are the same, and no more than one is held.

#include <cstdint>
#include <vector>

#include "natkit/base/check.h"
#include "natkit/mesh/control/frame_reader.h"

namespace {

using namespace natkit;        // NOLINT(google-build-using-namespace)
using namespace natkit::mesh;  // NOLINT(google-build-using-namespace)

constexpr size_t kMaxBody = 500;
constexpr size_t kHeader = 4;

struct Frames {
  std::optional<uint8_t> version;
  std::vector<std::vector<uint8_t>> bodies;
  bool is_bad = false;
  bool operator==(const Frames&) const = default;
};

void Take(FrameReader& reader, Frames& frames) {
  while (!frames.is_bad) {
    const auto body = reader.Next();
    if (!body) {
      frames.is_bad = true;
    } else if (*body) {
      NATKIT_CHECK((*body)->size() <= kMaxBody);
      frames.bodies.emplace_back((*body)->begin(), (*body)->end());
    } else {
      break;
    }
  }
  frames.version = reader.version();
}

Frames Read(ByteView stream, size_t piece) {
  FrameReader reader(kMaxBody);
  Frames frames;
  while (!stream.empty() && !frames.is_bad) {
    const ByteView part = stream.first(std::min(piece, stream.size()));
    stream = stream.subspan(part.size());
    reader.Append(part);
    Take(reader, frames);
    NATKIT_CHECK(frames.is_bad || reader.buffered() < kMaxBody + kHeader);
  }
  return frames;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) {
    return 0;
  }
  const ByteView stream(data + 1, size - 1);
  NATKIT_CHECK(Read(stream, stream.size()) == Read(stream, 1U + data[0]));
  return 0;
}
