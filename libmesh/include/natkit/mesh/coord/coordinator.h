#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/mesh/registry/registry.h"
#include "natkit/mesh/registry/view_index.h"

namespace natkit::mesh {

/// Both clocks of an input: what deadlines are measured by, and the date.
struct ServerTime {
  Instant now{};
  WallTime wall{};
};

/// Names a connection for as long as it is open.
using ConnectionId = uint64_t;

/// What the coordinator asks the policy that is in force.
class PolicyView : public PolicyHooks {
 public:
  [[nodiscard]] virtual std::vector<ViewRule> Rules() const = 0;
  /// `user`: the owner's record, or nullptr for a tagged node.
  [[nodiscard]] virtual std::vector<ViewRole> RolesOf(
      const NodeRecord& node, const UserRecord* user) const = 0;
};

struct CoordinatorConfig {
  /// A connection has so long to prove who it is.
  Duration login_budget = std::chrono::seconds(10);
  size_t max_unproven = 4096;             ///< such connections in all
  size_t max_unproven_per_source = 1024;  ///< from an IPv4 address, a /64
  /// Wrong proofs and wrong auth keys from one source: so many at once, then
  /// one a second.
  size_t failures_burst = 20;
  /// Nodes without an auth key, from one source: so many at once, then one in
  /// ten seconds.
  size_t requests_burst = 20;
  /// Changes wait so long for others, unless they are urgent.
  Duration batch_delay = std::chrono::milliseconds(50);
  /// The map of a node that went is kept up to date so long, for its return.
  Duration resume_window = std::chrono::minutes(5);
  /// A node that has not acknowledged an urgent change by then is reported.
  Duration acknowledge_within = std::chrono::seconds(5);
  /// An announced key goes live then, also if somebody has not said that they
  /// have it.
  Duration announce_within = std::chrono::seconds(10);
  /// So long after its start the server leaves routes with routers that have
  /// not come back yet: nodes try again each minute.
  Duration presume_routers = std::chrono::seconds(75);
  /// So long it does so, too, where another router of the prefix is back: after
  /// a short restart all are soon, and the one in use goes on.
  Duration trust_routers = std::chrono::seconds(15);
  uint16_t mtu = 1280;
  std::vector<Endpoint> stun_servers;
};

/// Close the connection, after what PollBytes has for it.
struct CloseConnection {
  ConnectionId connection = 0;
};

/// What an operator should read.
struct CoordinatorNotice {
  enum class Kind : uint8_t {
    kJoined,
    kWaitsForApproval,
    kRefused,
    kLeft,
    kLateAcknowledgement,
    kResync,
  };

  Kind kind = Kind::kJoined;
  std::string text;
};

/// Only ever grows, but for the gauges at the end.
struct CoordinatorCounters {
  uint64_t connections = 0;
  uint64_t refused_connections = 0;  ///< too many unproven
  uint64_t refused_logins = 0;
  uint64_t frames_in = 0;
  uint64_t frames_out = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t snapshots = 0;
  uint64_t deltas = 0;
  uint64_t delta_items = 0;
  uint64_t resumed = 0;               ///< without a snapshot
  std::array<uint64_t, 5> resyncs{};  ///< by ResyncCause
  uint64_t signals = 0;
  uint64_t dropped_signals = 0;
  uint64_t urgent = 0;  ///< urgent updates sent
  uint64_t urgent_acknowledged = 0;
  Duration urgent_latency_sum{};  ///< from sending to acknowledgement
  Duration urgent_latency_max{};
  uint64_t late_acknowledgements = 0;
  uint64_t protocol_errors = 0;
  // Now.
  uint64_t streams = 0;
  uint64_t unproven = 0;
  uint64_t watched = 0;
};

/// The server's end of the coordination protocol (docs/coordination.md), over
/// a Registry.
///
/// Pure: owns no socket, clock or random source. The owner accepts TLS streams
/// and numbers them. After any number of inputs, and after verbs on the
/// registry, it calls Settle(), which commits; then it drains
/// TakeWritable() with PollBytes(), PollCommand(), PollNotice() and arms one
/// timer. Nothing leaves while something is not committed. Not thread-safe.
class Coordinator {
 public:
  /// `registry` and `rng` must outlive this. Without `policy` nobody reaches
  /// anybody.
  Coordinator(CoordinatorConfig config, Registry& registry, Rng& rng,
              ServerTime time);
  ~Coordinator();
  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;

  /// Puts a policy in force.
  void SetPolicy(ServerTime time, std::shared_ptr<const PolicyView> policy);

  // Inputs.
  /// `exporter` as AuthChallenge::exporter.
  void HandleOpen(ServerTime time, ConnectionId connection,
                  const std::array<uint8_t, 32>& exporter,
                  const IpAddress& source);
  void HandleBytes(ServerTime time, ConnectionId connection, ByteView bytes);
  void HandleClosed(ServerTime time, ConnectionId connection);
  void HandleTimeout(ServerTime time);
  /// Says goodbye to everybody.
  void Shutdown(ServerTime time);

  /// Commits, and has every change told. Errors: the store's; then the owner
  /// should end: what it was asked for is not durable.
  [[nodiscard]] Result<void> Settle(ServerTime time);

  // Outputs.
  /// Connections that PollBytes has something for.
  [[nodiscard]] std::vector<ConnectionId> TakeWritable();
  /// Moves up to out.size() bytes for a connection to `out`; their number.
  [[nodiscard]] size_t PollBytes(ServerTime time, ConnectionId connection,
                                 MutableBytes out);
  [[nodiscard]] std::optional<CloseConnection> PollCommand();
  [[nodiscard]] std::optional<CoordinatorNotice> PollNotice();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  [[nodiscard]] CoordinatorCounters counters() const;
  [[nodiscard]] const ViewIndex& views() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace natkit::mesh
