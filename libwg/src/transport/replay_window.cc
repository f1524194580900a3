#include "transport/replay_window.h"

#include <algorithm>

namespace natkit::wg {

namespace {

constexpr uint64_t WordOf(uint64_t counter) {
  return counter / 64;
}

constexpr uint64_t BitOf(uint64_t counter) {
  return uint64_t{1} << (counter % 64);
}

}  // namespace

bool ReplayWindow::IsNew(uint64_t counter) const {
  if (counter > highest_) {
    return true;
  }
  if (highest_ - counter > kWindowSize) {
    return false;
  }
  return (words_[WordOf(counter) % kWordCount] & BitOf(counter)) == 0;
}

bool ReplayWindow::Accept(uint64_t counter) {
  if (!IsNew(counter)) {
    return false;
  }
  if (counter > highest_) {
    AdvanceTo(counter);
  }
  words_[WordOf(counter) % kWordCount] |= BitOf(counter);
  return true;
}

void ReplayWindow::AdvanceTo(uint64_t counter) {
  const uint64_t from = WordOf(highest_);
  const uint64_t steps = std::min<uint64_t>(WordOf(counter) - from, kWordCount);
  for (uint64_t step = 1; step <= steps; ++step) {
    words_[(from + step) % kWordCount] = 0;
  }
  highest_ = counter;
}

}  // namespace natkit::wg
