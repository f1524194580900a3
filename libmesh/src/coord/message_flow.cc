#include <algorithm>

#include "coord/coordinator_impl.h"

namespace natkit::mesh {

namespace {

using std::chrono::milliseconds;

constexpr CoordLimit kSignals{.refill = milliseconds(20), .burst = 200};
/// Beyond these, reports are merged: each may cost everybody an update.
constexpr CoordLimit kReports{.refill = milliseconds(1000), .burst = 10};
/// A map that is asked for more often will not become right by one more.
constexpr CoordLimit kRequests{.refill = std::chrono::seconds(10), .burst = 5};
constexpr CoordLimit kRotations{.refill = std::chrono::seconds(30),
                                .burst = 10};
/// A stream that does not drain takes no signals; they would be too old.
constexpr size_t kMaxQueuedForSignals = size_t{256} * 1024;

/// `later` where it says something.
void Merge(NodeReport& report, const NodeReport& later) {
  const auto take = [](auto& to, const auto& from) {
    if (from) {
      to = from;
    }
  };
  take(report.endpoints, later.endpoints);
  take(report.home_relay, later.home_relay);
  take(report.routes, later.routes);
  take(report.offers_exit, later.offers_exit);
  take(report.attributes, later.attributes);
  take(report.host_name, later.host_name);
}

}  // namespace

void Coordinator::Impl::ProtocolError(ServerTime time, CoordSession& session,
                                      std::string text) {
  ++counters_.protocol_errors;
  if (session.phase == Phase::kUnproven) {
    failures_.Count(time.now, session.source);
  }
  Goodbye(time, session, GoodbyeReason::kProtocol, std::move(text));
}

void Coordinator::Impl::Take(ServerTime time, CoordSession& session,
                             const mesh::Authenticate& request) {
  if (session.phase != Phase::kUnproven) {
    ProtocolError(time, session, "the challenge was answered twice");
    return;
  }
  Authenticate(time, session, request);
}

void Coordinator::Impl::Take(ServerTime time, CoordSession& session,
                             const NodeReport& report) {
  if (session.waiting_report) {
    Merge(*session.waiting_report, report);
  } else if (kReports.Take(time.now, session.reports)) {
    registry_.Report(time.wall, session.node, report);
  } else {
    session.waiting_report = report;
    session.report_at = kReports.NextAt(session.reports);
  }
}

void Coordinator::Impl::TakeWaitingReport(ServerTime time,
                                          CoordSession& session) {
  if (session.waiting_report && kReports.Take(time.now, session.reports)) {
    registry_.Report(time.wall, session.node, *session.waiting_report);
    session.waiting_report.reset();
  }
}

void Coordinator::Impl::Take(ServerTime time, CoordSession& session,
                             const MapAck& ack) {
  const auto found = viewers_.find(session.node);
  if (found == viewers_.end() || ack.epoch != epoch_) {
    return;
  }
  Viewer& viewer = found->second;
  if (ack.sequence > viewer.sequence) {
    ProtocolError(time, session, "an update was acknowledged before it was");
    return;
  }
  auto& sent = viewer.unacknowledged;
  while (!sent.empty() && sent.front().sequence <= ack.sequence) {
    const Viewer::Sent& first = sent.front();
    if (first.urgent_since) {
      const Duration latency = time.now - *first.urgent_since;
      ++counters_.urgent_acknowledged;
      counters_.urgent_latency_sum += latency;
      counters_.urgent_latency_max =
          std::max(counters_.urgent_latency_max, latency);
      if (latency > config_.acknowledge_within && !first.is_reported) {
        ++counters_.late_acknowledgements;
      }
    }
    viewer.unacknowledged_size -= first.changes.size();
    viewer.resumable_from = std::max(viewer.resumable_from, first.sequence);
    sent.pop_front();
  }
  UpdateLate(session.node, viewer);
  NoteRotationAck(time, session.node, ack.sequence);
}

void Coordinator::Impl::Take(ServerTime time, CoordSession& session,
                             const MapRequest& request) {
  if (!kRequests.Take(time.now, session.requests)) {
    Goodbye(time, session, GoodbyeReason::kOverloaded,
            "this node asked for its map too often", std::chrono::minutes(1));
    return;
  }
  ++counters_.resyncs.at(static_cast<size_t>(request.cause));
  const NodeRecord* node = registry_.FindNode(session.node);
  Notify(CoordinatorNotice::Kind::kResync,
         (node == nullptr ? "?" : node->name) + ": " +
             std::string(ResyncCauseName(request.cause)));
  const auto found = viewers_.find(session.node);
  if (session.phase == Phase::kActive && found != viewers_.end()) {
    BeginSnapshot(session.node, found->second);
    ScheduleFlush(time.now, session.node, found->second);
  }
}

void Coordinator::Impl::Take(ServerTime time, CoordSession& session,
                             const RelayedSignal& signal) {
  CoordSession* to = SessionOf(signal.peer);
  const bool may_pass = kSignals.Take(time.now, session.signals) &&
                        session.phase == Phase::kActive && to != nullptr &&
                        to->phase == Phase::kActive &&
                        to->queued() < kMaxQueuedForSignals &&
                        views_.Sees(session.node, signal.peer);
  if (!may_pass) {
    ++counters_.dropped_signals;
    return;
  }
  ++counters_.signals;
  Send(time, *to, RelayedSignal{.peer = session.node, .sealed = signal.sealed});
}

void Coordinator::Impl::Take(ServerTime time, CoordSession& session,
                             const Heartbeat& heartbeat) {
  if (!heartbeat.is_reply) {
    Send(time, session, Heartbeat{.nonce = heartbeat.nonce, .is_reply = true});
  }
}

void Coordinator::Impl::Take(ServerTime time, CoordSession& session,
                             const Logout&) {
  const NodeId node = session.node;
  Goodbye(time, session, GoodbyeReason::kLoggedOut, "this node left the mesh");
  registry_.Logout(time.wall, node);
}

void Coordinator::Impl::Take(ServerTime time, CoordSession& session,
                             const mesh::Goodbye&) {
  commands.push_back({.connection = session.id});
  Detach(time, session);
  session.phase = Phase::kClosing;
  session.closing_at = time.now;
}

// ---- Rotation of a node's key ----------------------------------------------

void Coordinator::Impl::Take(ServerTime time, CoordSession& session,
                             const Rotation& rotation) {
  const NodeRecord* node = registry_.FindNode(session.node);
  if (session.phase != Phase::kActive || node == nullptr) {
    return;
  }
  switch (rotation.step) {
    case RotationStep::kAnnounce: {
      NodeKeys keys = node->keys;
      keys.node_key = rotation.next_key;
      const bool is_good =
          kRotations.Take(time.now, session.rotations) &&
          VerifyKeyProof(
              ProofRole::kNextNodeKey, *session.ephemeral, rotation.next_key,
              AuthTranscript(session.challenge, keys), rotation.proof);
      if (!is_good ||
          !registry_.AnnounceKey(time.wall, session.node, rotation.next_key)) {
        Send(time, session,
             Rotation{.step = RotationStep::kAbort,
                      .next_key = rotation.next_key});
        return;
      }
      BeginRotation(time, session.node, rotation.next_key);
      return;
    }
    case RotationStep::kSwitched:
      rotations_.erase(session.node);
      if (!registry_.ActivateKey(time.wall, session.node, rotation.next_key)) {
        ProtocolError(time, session, "the node switched to another key");
      }
      return;
    case RotationStep::kAbort:
      rotations_.erase(session.node);
      registry_.AbortKey(time.wall, session.node);
      return;
    case RotationStep::kGo:
      ProtocolError(time, session, "only servers say that");
      return;
  }
}

void Coordinator::Impl::BeginRotation(ServerTime time, NodeId node,
                                      const PublicKey& next) {
  CoordRotation rotation{.next_key = next,
                         .deadline = time.now + config_.announce_within};
  for (const NodeId viewer : views_.Visible(node)) {
    if (by_node_.contains(viewer)) {
      rotation.waiting.emplace(viewer, std::nullopt);
    }
  }
  rotations_[node] = std::move(rotation);
  TakeRegistryChanges(time);  // schedules what tells them
  SkipThoseWhoKnow(node, rotations_.at(node));
  if (rotations_.at(node).waiting.empty()) {
    GoRotation(time, node);
  }
}

/// A key that is announced again, on a new stream, is no news to most.
void Coordinator::Impl::SkipThoseWhoKnow(NodeId node, CoordRotation& rotation) {
  const ItemKey peer = KeyOf(ItemClass::kPeer, node);
  for (auto at = rotation.waiting.begin(); at != rotation.waiting.end();) {
    const Viewer& viewer = viewers_.at(at->first);
    for (const Viewer::Sent& sent : viewer.unacknowledged) {
      if (sent.changes.items.contains(peer) &&
          !viewer.dirty.items.contains(peer)) {
        at->second = sent.sequence;
      }
    }
    const bool knows =
        !viewer.snapshot && !viewer.dirty.items.contains(peer) && !at->second;
    at = knows ? rotation.waiting.erase(at) : std::next(at);
  }
}

void Coordinator::Impl::NoteRotationSent(NodeId viewer,
                                         const ViewerChanges& changes,
                                         uint64_t sequence) {
  for (auto& [node, rotation] : rotations_) {
    const auto waiting = rotation.waiting.find(viewer);
    if (waiting != rotation.waiting.end() && !waiting->second &&
        changes.items.contains(KeyOf(ItemClass::kPeer, node))) {
      waiting->second = sequence;
    }
  }
}

void Coordinator::Impl::NoteRotationAck(ServerTime time, NodeId viewer,
                                        uint64_t sequence) {
  std::vector<NodeId> ready;
  for (auto& [node, rotation] : rotations_) {
    const auto waiting = rotation.waiting.find(viewer);
    if (waiting != rotation.waiting.end() && waiting->second &&
        *waiting->second <= sequence) {
      rotation.waiting.erase(waiting);
    }
    if (rotation.waiting.empty()) {
      ready.push_back(node);
    }
  }
  for (const NodeId node : ready) {
    GoRotation(time, node);
  }
}

void Coordinator::Impl::GoRotation(ServerTime time, NodeId node) {
  const auto found = rotations_.find(node);
  if (CoordSession* session = SessionOf(node)) {
    Send(time, *session,
         Rotation{.step = RotationStep::kGo,
                  .next_key = found->second.next_key});
  }
  rotations_.erase(found);
}

}  // namespace natkit::mesh
