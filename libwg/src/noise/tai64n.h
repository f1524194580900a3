#pragma once

#include "natkit/base/time.h"
#include "noise/types.h"

namespace natkit::wg {

/// Makes the timestamps of handshake initiations (paper, section 5.1).
///
/// They are TAI64N labels, 12 bytes big-endian, that compare as bytes. Each is
/// greater than the one before. The time is cut to 2^24 ns (about 16.8 ms) so
/// that it tells little about the machine that made it.
class TimestampSource {
 public:
  /// `wall_clock_offset`: time since the Unix epoch at Instant{}.
  explicit TimestampSource(Duration wall_clock_offset)
      : wall_clock_offset_(wall_clock_offset) {}

  [[nodiscard]] Timestamp Next(Instant now);

 private:
  Duration wall_clock_offset_;
  Timestamp last_{};
};

}  // namespace natkit::wg
