#include "noise/tai64n.h"

#include "natkit/base/bytes.h"

namespace natkit::wg {

namespace {

constexpr uint64_t kTai64Epoch = 0x400000000000000A;  // 1970 in TAI, 10 s ahead
constexpr uint64_t kNanosPerSecond = 1'000'000'000;
constexpr uint32_t kNanoMask = 0xFF000000;

Timestamp Encode(uint64_t seconds, uint32_t nanos) {
  Timestamp label{};
  ByteWriter out(label);
  out.WriteU64(kTai64Epoch + seconds);
  out.WriteU32(nanos & kNanoMask);
  return label;
}

// The next label above `label`, one step of the mask ahead.
Timestamp Successor(const Timestamp& label) {
  uint64_t seconds = 0;
  uint32_t nanos = 0;
  ByteReader in(label);
  (void)(in.ReadU64(seconds) && in.ReadU32(nanos));
  nanos += ~kNanoMask + 1;
  if (nanos >= kNanosPerSecond) {
    nanos = 0;
    ++seconds;
  }
  return Encode(seconds - kTai64Epoch, nanos);
}

}  // namespace

Timestamp TimestampSource::Next(Instant now) {
  const auto wall = static_cast<uint64_t>(
      (now.time_since_epoch() + wall_clock_offset_).count());
  Timestamp label = Encode(wall / kNanosPerSecond,
                           static_cast<uint32_t>(wall % kNanosPerSecond));
  if (label <= last_) {
    label = Successor(last_);
  }
  last_ = label;
  return label;
}

}  // namespace natkit::wg
