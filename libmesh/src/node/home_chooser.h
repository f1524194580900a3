#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "natkit/base/time.h"
#include "natkit/mesh/node_event.h"

namespace natkit::mesh {

/// Chooses the home relay of a node: where peers send what cannot go directly.
/// Changing it costs every peer a message, so it is changed for a reason only.
///
/// - At the start the first relay is home, until all relays have been measured
///   or 5 s have passed: then the nearest is.
/// - Later another relay has to be nearer by a third and by 10 ms, for two
///   minutes, and to have been up for five: a relay that has just returned
///   proves itself first.
/// - A home that is down for 10 s is left for the nearest that is up.
/// - After a change of the network, or when no relay was up, what was measured
///   no longer holds: as at the start, but the home stays unless another is
///   nearer by as much as above.
///
/// The distance of a relay is the shortest of its last round trips, so that one
/// that waited in a queue moves nothing; of equals, the lower number wins. It
/// sends nothing. Pure.
class HomeChooser {
 public:
  static constexpr Duration kSettleTime = std::chrono::seconds(5);
  static constexpr Duration kDeadAfter = std::chrono::seconds(10);
  static constexpr Duration kTrustAfter = std::chrono::minutes(5);
  static constexpr Duration kSteady = std::chrono::minutes(2);
  static constexpr Duration kLeastGain = std::chrono::milliseconds(10);
  static constexpr size_t kRoundTrips = 6;

  /// The relays from now on; what is known of those that stay is kept. A home
  /// that has gone is replaced at once.
  void SetRelays(Instant now, const std::set<RelayId>& relays);

  // Inputs; those about other relays have no effect.
  void HandleUp(Instant now, RelayId relay);
  void HandleDown(Instant now, RelayId relay);
  void HandleRoundTrip(Instant now, RelayId relay, Duration round_trip);
  void HandleNetworkChange(Instant now);
  void HandleTimeout(Instant now);

  /// nullopt: there is no relay.
  [[nodiscard]] std::optional<RelayId> home() const { return home_; }

  /// The distance of a relay; nullopt: not measured since it came up.
  [[nodiscard]] std::optional<Duration> Distance(RelayId relay) const;
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

 private:
  struct Relay {
    bool is_up = false;
    bool is_trusted = false;  ///< up when it was settled, or for long
    Instant since{};          ///< up or down
    std::deque<Duration> round_trips;
  };

  void Decide(Instant now);
  /// False while it is too early.
  bool Settle(Instant now);
  [[nodiscard]] std::optional<RelayId> Nearest() const;
  /// The nearest of those that may be home and are worth the change.
  [[nodiscard]] std::optional<RelayId> FindContender() const;
  [[nodiscard]] bool IsNearer(RelayId relay, RelayId home) const;
  void MoveTo(std::optional<RelayId> relay);

  std::map<RelayId, Relay> relays_;
  std::optional<RelayId> home_;
  bool is_chosen_ = false;   ///< by what was measured, at least once
  bool is_settled_ = false;  ///< since the start, or the network's change
  std::optional<Instant> settle_at_;  ///< from when the first is up
  std::optional<std::pair<RelayId, Instant>> contender_;  ///< and since when
};

}  // namespace natkit::mesh
