#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace natkit::wg {

/// Remembers which of the last counters were seen (paper, section 5.4.6): a
/// bitmap used as a ring, in the way of RFC 6479.
///
/// Any counter above the highest is new; one more than kWindowSize below the
/// highest is too old.
class ReplayWindow {
 public:
  /// Counters below the highest that are still told apart.
  static constexpr uint64_t kWindowSize = 8192 - 64;

  /// True when `counter` is neither seen nor too old. Changes nothing.
  [[nodiscard]] bool IsNew(uint64_t counter) const;

  /// Marks `counter` as seen. False when it was not new; nothing changes then.
  [[nodiscard]] bool Accept(uint64_t counter);

 private:
  static constexpr size_t kWordCount = 8192 / 64;

  void AdvanceTo(uint64_t counter);

  uint64_t highest_ = 0;
  std::array<uint64_t, kWordCount> words_{};
};

}  // namespace natkit::wg
