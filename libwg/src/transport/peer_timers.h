#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "natkit/base/time.h"
#include "transport/constants.h"

namespace natkit::wg {

/// What one peer waits for.
enum class Timer : uint8_t {
  kGiveUp,               ///< REKEY_ATTEMPT_TIME of a handshake is over
  kRetransmit,           ///< no response: send another initiation
  kKeepalive,            ///< received data, sent nothing since
  kNewHandshake,         ///< sent data, received nothing since
  kEraseKeys,            ///< no new session for 3 * REJECT_AFTER_TIME
  kPersistentKeepalive,  ///< nothing went either way for the interval
};

inline constexpr size_t kTimerCount = 6;

/// The deadlines of one peer and the rules of when they start and stop (paper,
/// section 6). Decides nothing about what to send; knows no packets.
class PeerTimers {
 public:
  /// Zero is off. `now` is when a keepalive is due after it was off.
  void SetPersistentKeepalive(Instant now, Duration interval);

  [[nodiscard]] Duration persistent_keepalive() const {
    return persistent_interval_;
  }

  // What happened. `jitter` is fresh and at most kMaxJitter.

  /// An authentic message of any type went out.
  void OnAnySent(Instant now);
  /// Data that is not a keepalive went out.
  void OnDataSent(Instant now, Duration jitter);
  /// An authentic message of any type came in.
  void OnAnyReceived(Instant now);
  /// Data that is not a keepalive came in.
  void OnDataReceived(Instant now);
  /// The owner of the packets wants a handshake: the attempt starts anew.
  void OnHandshakeWanted(Instant now);
  /// An initiation was sent at `sent`, or could have been: retry after it.
  void OnInitiationSent(Instant sent, Duration jitter);
  /// Both sides have a new session.
  void OnHandshakeComplete();
  /// Keys of a new session are there, confirmed or not.
  void OnSessionDerived(Instant now);
  /// A keepalive of ours was due and went out.
  void OnKeepaliveExpired(Instant now);
  void OnPersistentKeepaliveExpired(Instant now);
  /// A handshake was given up.
  void OnGaveUp(Instant now);
  /// The peer's sessions and handshakes are gone.
  void OnCleared();

  /// Takes one timer that is due, in the order of Timer; nullopt: none.
  [[nodiscard]] std::optional<Timer> TakeDue(Instant now);
  /// The earliest deadline.
  [[nodiscard]] std::optional<Instant> Next() const;

  [[nodiscard]] bool IsArmed(Timer timer) const {
    return At(timer).has_value();
  }

 private:
  using Deadline = std::optional<Instant>;

  [[nodiscard]] Deadline& At(Timer timer) {
    return deadlines_[static_cast<size_t>(timer)];
  }

  [[nodiscard]] const Deadline& At(Timer timer) const {
    return deadlines_[static_cast<size_t>(timer)];
  }

  void RestartPersistent(Instant now);

  std::array<Deadline, kTimerCount> deadlines_;
  Duration persistent_interval_{0};
  bool needs_another_keepalive_ = false;
};

}  // namespace natkit::wg
