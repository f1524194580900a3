#include "natkit/nat/keepalive_policy.h"

#include <algorithm>

namespace natkit::nat {

namespace {

using std::chrono::hours;
using std::chrono::seconds;

// A lifetime that a failure taught is doubted again after this long.
constexpr Duration kForgetAfter = hours(6);
// A path that is back this soon had a mapping that ended, not a peer.
constexpr Duration kBackSoon = seconds(60);
// Measured or not, a reboot of the router should be noticed soon.
constexpr Duration kMainsLongest = seconds(25);

}  // namespace

Duration KeepalivePolicy::FromLifetime(Duration lifetime) {
  const Duration shortest =
      std::clamp<Duration>(lifetime / 2, seconds(1), kShortest);
  return std::clamp<Duration>(lifetime * 4 / 5 - seconds(5), shortest,
                              kLongest);
}

void KeepalivePolicy::SetTraits(const NatTraits& traits) {
  unreplied_ = traits.unreplied_lifetime;
  assured_ = traits.assured_lifetime;
}

void KeepalivePolicy::NoteLost(Instant now, Duration quiet) {
  const Duration half = std::max<Duration>(quiet / 2, kShortest);
  limit_ = std::min(limit_.value_or(half), half);
  limited_at_ = now;
}

void KeepalivePolicy::NoteSilent(Instant now, Duration quiet) {
  silence_ = {now, quiet};
}

void KeepalivePolicy::NoteBack(Instant now) {
  if (silence_ && now <= silence_->first + kBackSoon) {
    NoteLost(now, silence_->second);
  }
  silence_.reset();
}

void KeepalivePolicy::NoteAlive(Instant now, Duration quiet) {
  if (limit_ && now >= limited_at_ + kForgetAfter) {
    limit_ = std::max(*limit_, quiet) * 5 / 4;
    limited_at_ = now;
    if (*limit_ >= kLongest) {
      limit_.reset();
    }
  }
}

std::optional<Duration> KeepalivePolicy::Interval(bool is_assured) const {
  if (power_ == PowerMode::kMobileIdle) {
    return std::nullopt;
  }
  const std::optional<Duration>& lifetime =
      is_assured && assured_ ? assured_ : unreplied_;
  Duration interval = lifetime ? FromLifetime(*lifetime) : kUnknown;
  if (power_ == PowerMode::kMains) {
    interval = std::min(interval, kMainsLongest);
  }
  return std::min(interval, limit_.value_or(interval));
}

std::optional<Duration> KeepalivePolicy::Jittered(bool is_assured,
                                                  Rng& rng) const {
  const auto interval = Interval(is_assured);
  if (!interval) {
    return std::nullopt;
  }
  constexpr uint64_t kSteps = 201;
  const Duration jittered =
      *interval * static_cast<int64_t>(900 + rng.Below(kSteps)) / 1000;
  return power_ == PowerMode::kMains ? std::min(jittered, kMainsLongest)
                                     : jittered;
}

}  // namespace natkit::nat
