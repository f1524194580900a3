#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "coord/rotations.h"
#include "coord/source_limits.h"
#include "coord/viewer.h"
#include "natkit/base/secret.h"
#include "natkit/mesh/control/frame_reader.h"
#include "natkit/mesh/control/identity.h"
#include "natkit/mesh/coord/coordinator.h"

namespace natkit::mesh {

/// The longest answer to a challenge; so much is kept of a stranger.
inline constexpr size_t kMaxLoginFrame = size_t{20} * 1024;

/// How often something may be done: `burst` times at once, then once every
/// `refill`.
struct CoordLimit {
  Duration refill{};
  int burst = 1;

  /// When `account`, which each use moves on by a refill, takes the next one.
  [[nodiscard]] Instant NextAt(Instant account) const {
    return account - refill * (burst - 1);
  }

  /// False: not yet.
  [[nodiscard]] bool Take(Instant now, Instant& account) const {
    if (NextAt(account) > now) {
      return false;
    }
    account = std::max(account, now) + refill;
    return true;
  }
};

/// One stream.
struct CoordSession {
  enum class Phase : uint8_t {
    kUnproven,  ///< challenged
    kWaiting,   ///< proven, and waits for an administrator or a renewal
    kActive,
    kClosing,  ///< said goodbye; only flushes
  };

  CoordSession(ConnectionId number, const IpAddress& from)
      : id(number), source(from) {}

  ConnectionId id;
  IpAddress source;
  Phase phase = Phase::kUnproven;
  AuthChallenge challenge;
  std::shared_ptr<const StaticPrivateKey> ephemeral;
  FrameReader reader{kMaxLoginFrame};
  std::vector<uint8_t> out;
  size_t sent = 0;
  NodeId node = 0;
  bool is_unproven = true;  ///< counts as such; also while it is closed
  Instant opened_at{};
  Instant closing_at{};
  Instant heard_at{};
  Instant spoke_at{};
  /// Of a router that others stand in for: questions since it was heard.
  int unanswered = 0;
  Instant asked_at{};
  std::optional<Instant> deadline;  ///< as in Impl::deadlines_
  // Accounts of CoordLimits.
  Instant signals{};
  Instant reports{};
  Instant requests{};
  Instant rotations{};
  /// What a node said of itself too often; taken when its time comes.
  std::optional<NodeReport> waiting_report;
  Instant report_at{};

  [[nodiscard]] size_t queued() const { return out.size() - sent; }
};

/// Split by concern: coordinator.cc (changes, time), session_flow.cc (streams
/// and logins), router_watch.cc (failover), message_flow.cc (what nodes say),
/// map_flow.cc (what they are told).
class Coordinator::Impl {
 public:
  Impl(CoordinatorConfig config, Registry& registry, Rng& rng, ServerTime time);

  // coordinator.cc
  void SetPolicy(ServerTime time, std::shared_ptr<const PolicyView> policy);
  Result<void> Settle(ServerTime time);
  void HandleTimeout(ServerTime time);
  void Shutdown(ServerTime time);
  [[nodiscard]] std::optional<Instant> NextTimeout() const;
  [[nodiscard]] CoordinatorCounters counters() const;

  // session_flow.cc
  void HandleOpen(ServerTime time, ConnectionId connection,
                  const std::array<uint8_t, 32>& exporter,
                  const IpAddress& source);
  void HandleBytes(ServerTime time, ConnectionId connection, ByteView bytes);
  void HandleClosed(ServerTime time, ConnectionId connection);
  std::vector<ConnectionId> TakeWritable();
  size_t PollBytes(ServerTime time, ConnectionId connection, MutableBytes out);

  std::deque<CloseConnection> commands;
  std::deque<CoordinatorNotice> notices;

  [[nodiscard]] const ViewIndex& views() const { return views_; }

 private:
  using Phase = CoordSession::Phase;

  // coordinator.cc
  void TakeRegistryChanges(ServerTime time);
  void UpdateNode(ServerTime time, NodeId id);
  /// Routers that have not come back since the start are given up, at first
  /// where there is another one.
  void EndPresumptions(ServerTime time);
  void RememberPrimaries();
  void UpdateShared();
  void UpdatePolicy(ServerTime time);
  [[nodiscard]] ViewNode MakeViewNode(const NodeRecord& node) const;
  [[nodiscard]] std::vector<ViewRole> RolesOf(const NodeRecord& node) const;
  void UpdateRegistryDeadline(ServerTime time);
  void EndRevoked(ServerTime time, const RegistryChanges& changes);
  void Notify(CoordinatorNotice::Kind kind, std::string text);

  // session_flow.cc
  [[nodiscard]] bool IsRoomFor(Instant now, const IpAddress& source);
  void RenewEphemeral(Instant now);
  void TakeFrames(ServerTime time, CoordSession& session);
  void Send(ServerTime time, CoordSession& session,
            const ControlMessage& message);
  void Goodbye(ServerTime time, CoordSession& session, GoodbyeReason reason,
               std::string text, std::chrono::milliseconds retry_after = {});
  void Authenticate(ServerTime time, CoordSession& session,
                    const mesh::Authenticate& request);
  [[nodiscard]] bool AreProofsGood(const CoordSession& session,
                                   const mesh::Authenticate& request) const;
  /// The stream is the node's from here on.
  void Attach(ServerTime time, CoordSession& session, NodeId node);
  void NotifyJoined(const NodeRecord& node);
  void RefuseLogin(ServerTime time, CoordSession& session, std::string text);
  /// The mesh has no room; said once a minute at most.
  void TellFull(Instant now, const std::string& text);
  void Admit(ServerTime time, CoordSession& session,
             const std::optional<MapPosition>& position);
  void Detach(ServerTime time, CoordSession& session);
  void LeaveUnproven(CoordSession& session);
  [[nodiscard]] bool MayLogIn(Instant now, NodeId node);
  void Drop(CoordSession& session);
  CoordSession* SessionOf(NodeId node);
  void Touch(CoordSession& session);
  void UpdateDeadline(CoordSession& session);
  void HandleSessionTimeout(ServerTime time, CoordSession& session);

  // router_watch.cc: a router whose prefix has another router, too.
  [[nodiscard]] std::optional<Instant> NextQuestion(
      const CoordSession& session) const;
  [[nodiscard]] bool IsReplaceable(const CoordSession& session) const;
  /// True: it was given up, and the stream with it.
  bool WatchRouter(ServerTime time, CoordSession& session);
  void UpdateRouterDeadlines(NodeId router);

  // message_flow.cc
  void Take(ServerTime time, CoordSession& session,
            const mesh::Authenticate& request);
  void Take(ServerTime time, CoordSession& session, const NodeReport& report);
  void Take(ServerTime time, CoordSession& session, const MapAck& ack);
  void Take(ServerTime time, CoordSession& session, const MapRequest& request);
  void Take(ServerTime time, CoordSession& session,
            const RelayedSignal& signal);
  void Take(ServerTime time, CoordSession& session, const Rotation& rotation);
  void Take(ServerTime time, CoordSession& session, const Heartbeat& heartbeat);
  void Take(ServerTime time, CoordSession& session, const Logout& logout);

  void Take(ServerTime, CoordSession&, const UnknownMessage&) {}

  void Take(ServerTime time, CoordSession& session, const mesh::Goodbye&);

  /// What only a server says.
  template <class Other>
  void Take(ServerTime time, CoordSession& session, const Other&) {
    ProtocolError(time, session, "only servers say that");
  }

  void ProtocolError(ServerTime time, CoordSession& session, std::string text);
  void TakeWaitingReport(ServerTime time, CoordSession& session);
  void BeginRotation(ServerTime time, NodeId node, const PublicKey& next);
  void SkipThoseWhoKnow(NodeId node);
  void GoRotation(ServerTime time, NodeId node);

  // map_flow.cc
  void StartMap(ServerTime time, CoordSession& session,
                const std::optional<MapPosition>& position);
  void BeginSnapshot(NodeId node, Viewer& viewer);
  void EndSnapshot(ServerTime time, NodeId node, Viewer& viewer);
  static void Reset(Viewer& viewer);
  void ResumeFrom(Viewer& viewer, const MapPosition& position);
  [[nodiscard]] static bool CanResume(const Viewer& viewer,
                                      const MapPosition& position);
  void TakeViewChanges(ServerTime time, bool is_urgent);
  void FlushDue(ServerTime time);
  void Flush(ServerTime time, NodeId node, Viewer& viewer);
  void SendDelta(ServerTime time, CoordSession& session, Viewer& viewer);
  void ContinueSnapshot(ServerTime time, CoordSession& session, Viewer& viewer);
  void NoteRotationSent(NodeId viewer_id, const ViewerChanges& changes,
                        uint64_t sequence);
  [[nodiscard]] MapUpdate MakeDelta(NodeId node,
                                    const ViewerChanges& changes) const;
  void ForgetViewer(NodeId node);
  void ScheduleFlush(Instant at, NodeId node, Viewer& viewer);
  void NoteSent(ServerTime time, NodeId node, Viewer& viewer,
                Viewer::Sent sent);
  void UpdateLate(NodeId node, Viewer& viewer);
  void ReportLate(ServerTime time);
  MapUpdate MakePart(NodeId node, Viewer::Snapshot& snapshot) const;

  CoordinatorConfig config_;
  Registry& registry_;
  Rng& rng_;
  std::shared_ptr<const PolicyView> policy_;
  ViewIndex views_;
  uint64_t epoch_;
  std::unordered_map<ConnectionId, std::unique_ptr<CoordSession>> sessions_;
  std::unordered_map<NodeId, ConnectionId> by_node_;
  std::unordered_map<NodeId, Viewer> viewers_;
  std::set<std::pair<Instant, NodeId>> flushes_;
  std::set<std::pair<Instant, ConnectionId>> deadlines_;
  std::set<std::pair<Instant, NodeId>> farewells_;  ///< viewers without stream
  /// Viewers with an urgent update that is not acknowledged, by when it should
  /// have been.
  std::set<std::pair<Instant, NodeId>> late_;
  std::unordered_map<NodeId, Instant> logins_;  ///< accounts of CoordLimits
  Rotations rotations_;
  std::unordered_set<ConnectionId> writable_;
  /// Unproven connections, the oldest first, and how many of each source.
  std::set<std::pair<Instant, ConnectionId>> unproven_;
  std::map<IpAddress, size_t> unproven_sources_;
  SourceLimits failures_;
  SourceLimits requests_;
  std::shared_ptr<const StaticPrivateKey> ephemeral_;
  PublicKey ephemeral_public_;
  Instant ephemeral_until_{};
  CoordinatorCounters counters_;
  std::optional<Instant> full_told_;
  /// Routers that were not heard of since the start; nobody after the time.
  std::set<NodeId> presumed_;
  Instant presume_until_{};
  Instant trust_until_{};  ///< those that led to a prefix go on doing so
  bool trusts_presumed_ = true;
  std::optional<WallTime> registry_next_;
  Duration wall_offset_{};  ///< wall clock minus monotonic clock
};

}  // namespace natkit::mesh
