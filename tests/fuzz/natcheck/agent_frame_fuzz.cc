// A stream gives the same frames and the same end however it is split, and
// what was read rebuilds to a stream that gives the same frames.

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "agent_frame.h"
#include "natkit/base/check.h"

namespace {

using natkit::ByteView;
using natkit::natcheck::conformance::EncodeFrame;
using natkit::natcheck::conformance::FrameKind;
using natkit::natcheck::conformance::FrameReader;
using natkit::natcheck::conformance::kMaxFrame;

struct Cut {
  std::vector<std::pair<FrameKind, std::vector<uint8_t>>> frames;
  bool is_broken = false;
  bool operator==(const Cut&) const = default;
};

Cut Read(ByteView stream, size_t piece) {
  Cut cut;
  FrameReader reader;
  while (!stream.empty()) {
    const ByteView input = stream.first(std::min(piece, stream.size()));
    stream = stream.subspan(input.size());
    reader.Feed(input);
    while (auto frame = reader.Next()) {
      NATKIT_CHECK(frame->content.size() <= kMaxFrame);
      cut.frames.emplace_back(frame->kind, std::move(frame->content));
    }
    NATKIT_CHECK(!cut.is_broken || reader.is_broken());
    cut.is_broken = reader.is_broken();
  }
  return cut;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const ByteView stream = ByteView(data, size).subspan(1);
  const Cut whole = Read(stream, stream.size() + 1);
  NATKIT_CHECK(Read(stream, 1) == whole);
  NATKIT_CHECK(Read(stream, 1 + data[0]) == whole);

  std::vector<uint8_t> rebuilt;
  for (const auto& [kind, content] : whole.frames) {
    const auto frame = EncodeFrame(kind, content);
    rebuilt.insert(rebuilt.end(), frame.begin(), frame.end());
  }
  NATKIT_CHECK(std::ranges::equal(rebuilt, stream.first(rebuilt.size())));
  const Cut again = Read(rebuilt, 7);
  NATKIT_CHECK(again.frames == whole.frames && !again.is_broken);
  return 0;
}
