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
  for (const NodeId ready : rotations_.NoteAck(session.node, ack.sequence)) {
    GoRotation(time, ready);
  }
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
      rotations_.End(session.node);
      if (!registry_.ActivateKey(time.wall, session.node, rotation.next_key)) {
        ProtocolError(time, session, "the node switched to another key");
      }
      return;
    case RotationStep::kAbort:
      rotations_.End(session.node);
      registry_.AbortKey(time.wall, session.node);
      return;
    case RotationStep::kGo:
      ProtocolError(time, session, "only servers say that");
      return;
  }
}

void Coordinator::Impl::BeginRotation(ServerTime time, NodeId node,
                                      const PublicKey& next) {
  std::vector<NodeId> viewers = views_.Visible(node);
  std::erase_if(viewers,
                [this](NodeId viewer) { return !by_node_.contains(viewer); });
  rotations_.Begin(node, next, time.now + config_.announce_within, viewers);
  TakeRegistryChanges(time);  // schedules what tells them
  SkipThoseWhoKnow(node);
  if (rotations_.IsComplete(node)) {
    GoRotation(time, node);
  }
}

/// A key that is announced again, on a new stream, is no news to most.
void Coordinator::Impl::SkipThoseWhoKnow(NodeId node) {
  const ItemKey peer = KeyOf(ItemClass::kPeer, node);
  for (const NodeId id : rotations_.ViewersOf(node)) {
    const Viewer& viewer = viewers_.at(id);
    if (viewer.dirty.items.contains(peer)) {
      continue;  // it is told next
    }
    std::optional<uint64_t> told;
    for (const Viewer::Sent& sent : viewer.unacknowledged) {
      if (sent.changes.items.contains(peer)) {
        told = sent.sequence;  // the last one has the key
      }
    }
    if (told) {
      rotations_.NoteSent(node, id, *told);
    } else if (!viewer.snapshot) {
      rotations_.Excuse(node, id);
    }
  }
}

void Coordinator::Impl::NoteRotationSent(NodeId viewer,
                                         const ViewerChanges& changes,
                                         uint64_t sequence) {
  for (const NodeId node : rotations_.AwaitedBy(viewer)) {
    if (changes.items.contains(KeyOf(ItemClass::kPeer, node))) {
      rotations_.NoteSent(node, viewer, sequence);
    }
  }
}

void Coordinator::Impl::GoRotation(ServerTime time, NodeId node) {
  const auto next_key = rotations_.End(node);
  CoordSession* session = SessionOf(node);
  if (next_key && session != nullptr) {
    Send(time, *session,
         Rotation{.step = RotationStep::kGo, .next_key = *next_key});
  }
}

}  // namespace natkit::mesh
