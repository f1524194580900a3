#pragma once

#include <chrono>
#include <optional>

#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/nat_traits.h"

namespace natkit::nat {

/// How much a device minds waking up.
enum class PowerMode : uint8_t {
  kMains,       ///< a packet costs nothing worth mentioning
  kBattery,     ///< as seldom as the NAT lets us
  kMobileIdle,  ///< nobody uses the path: none, and a new punch when needed
};

/// Says how often a mapping needs a packet from the inside to stay alive.
///
/// Without knowledge every 15 s (RFC 8445 section 11). Of a measured lifetime L
/// min(0.8 * L - 5 s, 110 s), never below 5 s; the lifetime of a mapping that
/// carries a conversation counts once it does. A mapping that was found dead
/// halves the interval; hours without that lengthen it again. Pure.
class KeepalivePolicy {
 public:
  static constexpr Duration kUnknown = std::chrono::seconds(15);
  static constexpr Duration kShortest = std::chrono::seconds(5);
  static constexpr Duration kLongest = std::chrono::seconds(110);

  void SetTraits(const NatTraits& traits);

  void SetPower(PowerMode power) { power_ = power; }

  /// The mapping was gone after this long without a packet from us.
  void NoteLost(Instant now, Duration quiet);
  /// The mapping was still there after this long without a packet from us.
  void NoteAlive(Instant now, Duration quiet);

  /// Between two packets of a mapping; `is_assured`: it carries a conversation.
  /// nullopt: none are needed.
  [[nodiscard]] std::optional<Duration> Interval(bool is_assured) const;
  /// The same times 0.9 to 1.1, so that many mappings do not meet.
  [[nodiscard]] std::optional<Duration> Jittered(bool is_assured,
                                                 Rng& rng) const;

 private:
  [[nodiscard]] static Duration FromLifetime(Duration lifetime);

  PowerMode power_ = PowerMode::kMains;
  std::optional<Duration> unreplied_;
  std::optional<Duration> assured_;
  /// What failures taught: never longer than this.
  std::optional<Duration> limit_;
  Instant limited_at_{};
};

}  // namespace natkit::nat
