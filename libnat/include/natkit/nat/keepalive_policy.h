#pragma once

#include <chrono>
#include <optional>
#include <utility>

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
/// min(0.8 * L - 5 s, 110 s), but not below 5 s unless L / 2 is; the lifetime
/// of a mapping that carries a conversation counts once it does. On mains never
/// more than 25 s, jitter included. A mapping that
/// was found dead halves the interval; hours without that lengthen it again.
/// Pure.
class KeepalivePolicy {
 public:
  static constexpr Duration kUnknown = std::chrono::seconds(15);
  static constexpr Duration kShortest = std::chrono::seconds(5);
  static constexpr Duration kLongest = std::chrono::seconds(110);

  void SetTraits(const NatTraits& traits);

  void SetPower(PowerMode power) { power_ = power; }

  [[nodiscard]] PowerMode power() const { return power_; }

  /// The mapping was gone after this long without a packet from us.
  void NoteLost(Instant now, Duration quiet);
  /// Nothing answered after this long without a packet from us: a loss if the
  /// path is back within a minute, else the other end may be gone.
  void NoteSilent(Instant now, Duration quiet);
  /// A path works that did not.
  void NoteBack(Instant now);
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
  /// What NoteSilent() was told, and when.
  std::optional<std::pair<Instant, Duration>> silence_;
};

}  // namespace natkit::nat
