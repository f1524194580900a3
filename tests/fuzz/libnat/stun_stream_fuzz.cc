// A stream of STUN messages, cut anywhere: the messages, and how it ends, do
// not depend on the cuts. The first byte says where they are.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "natkit/nat/stun_stream_framer.h"

namespace natkit::stun {
namespace {

constexpr size_t kMaxMessage = 2048;

struct Outcome {
  std::vector<std::vector<uint8_t>> messages;
  std::optional<Error> error;
  size_t left = 0;  ///< bytes of an unfinished message

  bool operator==(const Outcome&) const = default;
};

/// Takes what is whole; false after an error, which has to stay.
bool Drain(StreamFramer& framer, Outcome& outcome) {
  for (;;) {
    const auto message = framer.Next();
    if (!message) {
      outcome.error = message.error();
      const auto again = framer.Next();
      NATKIT_CHECK(!again && again.error() == message.error());
      return false;
    }
    if (message->empty()) {
      return true;
    }
    NATKIT_CHECK(message->size() >= 20 && message->size() <= kMaxMessage);
    outcome.messages.emplace_back(message->begin(), message->end());
  }
}

Outcome Read(ByteView stream, size_t piece) {
  Outcome outcome;
  StreamFramer framer(kMaxMessage);
  while (!stream.empty()) {
    const size_t size = std::min(piece, stream.size());
    framer.Push(stream.first(size));
    stream = stream.subspan(size);
    if (!Drain(framer, outcome)) {
      return outcome;
    }
    NATKIT_CHECK(framer.buffered() < kMaxMessage);
  }
  outcome.left = framer.buffered();
  return outcome;
}

}  // namespace
}  // namespace natkit::stun

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using natkit::stun::Read;
  if (size == 0) {
    return 0;
  }
  const natkit::ByteView stream(data + 1, size - 1);
  NATKIT_CHECK(Read(stream, size) == Read(stream, size_t{data[0]} + 1));
  return 0;
}
