#include "ice/path_preference.h"

#include <algorithm>
#include <chrono>

#include "natkit/base/time.h"

namespace natkit::ice {
namespace {

using std::chrono::milliseconds;

bool IsV6(const Pair& pair) {
  return !pair.key.remote.address.is_v4();
}

bool AreKnown(const Pair& a, const Pair& b) {
  return a.rtt.is_known() && b.rtt.is_known();
}

bool IsClearlyFaster(const RttEstimate& a, const RttEstimate& b) {
  const Duration gain = b.mean() - a.mean();
  // A few samples of a path with jitter may all be lucky ones.
  const int doubt = std::min(a.samples(), b.samples()) < 8 ? 2 : 1;
  return gain > milliseconds(20) && gain > b.mean() * 3 / 10 &&
         gain > (a.variation() + b.variation()) * doubt;
}

bool IsNotSlower(const RttEstimate& a, const RttEstimate& b) {
  const Duration slack = std::max<Duration>(milliseconds(10), b.mean() / 10);
  return a.mean() <= b.mean() + slack;
}

/// Whether `a` goes first when both are about as fast.
bool RanksHigher(const Pair& a, const Pair& b) {
  if (IsV6(a) == IsV6(b)) {
    return a.priority > b.priority;
  }
  const Pair& v6 = IsV6(a) ? a : b;
  const Pair& v4 = IsV6(a) ? b : a;
  const bool v6_first =
      v6.priority > v4.priority ||
      TypePreference(v6.remote_type) >= TypePreference(v4.remote_type);
  return v6_first == IsV6(a);
}

}  // namespace

bool IsPreferred(const Pair& other, const Pair& current, PreferBy by) {
  if (by == PreferBy::kPriority || !AreKnown(other, current)) {
    return other.priority > current.priority;
  }
  return IsClearlyFaster(other.rtt, current.rtt) ||
         (RanksHigher(other, current) && IsNotSlower(other.rtt, current.rtt));
}

bool IsForRtt(const Pair& other, const Pair& current) {
  return AreKnown(other, current) || other.priority <= current.priority;
}

}  // namespace natkit::ice
