#include <algorithm>

#include "coord/coordinator_impl.h"

namespace natkit::mesh {

namespace {

using std::chrono::seconds;

// mesh.md section 4.1, rule 2.
constexpr Duration kSpeakEvery = seconds(20);
constexpr Duration kDeadAfter = seconds(45);
/// A connection that only flushes a goodbye.
constexpr Duration kCloseWithin = seconds(5);
/// Of the key that proofs are made for; the one before stays valid.
constexpr Duration kEphemeralLifetime = std::chrono::minutes(5);
/// An unproven connection may be pushed out after that.
constexpr Duration kGrace = seconds(1);
/// A stream that does not drain is given no more than about this.
constexpr size_t kRefillBelow = size_t{64} * 1024;
/// One that does not drain and goes on asking is closed.
constexpr size_t kMaxQueued = size_t{512} * 1024;
/// Of one node: each tells everybody who sees it that it is there.
constexpr CoordLimit kLogins{.refill = seconds(1), .burst = 20};

}  // namespace

bool Coordinator::Impl::IsRoomFor(Instant now, const IpAddress& source) {
  const auto of_source = unproven_sources_.find(SourceOf(source));
  if (of_source != unproven_sources_.end() &&
      of_source->second >= config_.max_unproven_per_source) {
    return false;
  }
  if (unproven_.size() < config_.max_unproven) {
    return true;
  }
  const auto [opened, oldest] = *unproven_.begin();
  if (now - opened < kGrace) {
    return false;
  }
  CoordSession& session = *sessions_.at(oldest);
  commands.push_back({.connection = oldest});
  Drop(session);
  return true;
}

void Coordinator::Impl::RenewEphemeral(Instant now) {
  if (ephemeral_ && now < ephemeral_until_) {
    return;
  }
  auto key = std::make_shared<StaticPrivateKey>(GeneratePrivateKey(rng_));
  ephemeral_public_ = DerivePublicKey(*key);
  ephemeral_ = std::move(key);
  ephemeral_until_ = now + kEphemeralLifetime;
}

void Coordinator::Impl::HandleOpen(ServerTime time, ConnectionId connection,
                                   const std::array<uint8_t, 32>& exporter,
                                   const IpAddress& source) {
  if (sessions_.contains(connection)) {
    return;
  }
  if (!IsRoomFor(time.now, source)) {
    ++counters_.refused_connections;
    commands.push_back({.connection = connection});
    return;
  }
  ++counters_.connections;
  RenewEphemeral(time.now);
  auto& session = *sessions_
                       .emplace(connection, std::make_unique<CoordSession>(
                                                connection, source))
                       .first->second;
  session.challenge.exporter = exporter;
  rng_.Fill(session.challenge.nonce);
  session.challenge.ephemeral_key = ephemeral_public_;
  session.ephemeral = ephemeral_;
  session.opened_at = time.now;
  session.heard_at = time.now;
  unproven_.emplace(time.now, connection);
  ++unproven_sources_[SourceOf(source)];
  session.out.push_back(kControlVersion);
  Send(time, session,
       Challenge{.nonce = session.challenge.nonce,
                 .ephemeral_key = ephemeral_public_,
                 .server_time = time.wall});
  UpdateDeadline(session);
}

void Coordinator::Impl::HandleBytes(ServerTime time, ConnectionId connection,
                                    ByteView bytes) {
  const auto found = sessions_.find(connection);
  if (found == sessions_.end()) {
    return;
  }
  CoordSession& session = *found->second;
  counters_.bytes_in += bytes.size();
  if (session.phase == Phase::kClosing) {
    return;
  }
  session.heard_at = time.now;
  session.unanswered = 0;
  session.reader.Append(bytes);
  const auto version = session.reader.version();
  if (version && *version != kControlVersion) {
    Goodbye(time, session, GoodbyeReason::kVersion,
            "this server speaks version " + std::to_string(kControlVersion) +
                " of the coordination protocol, not " +
                std::to_string(*version));
    return;
  }
  TakeFrames(time, session);
  UpdateDeadline(session);
}

void Coordinator::Impl::TakeFrames(ServerTime time, CoordSession& session) {
  while (session.phase != Phase::kClosing) {
    const auto body = session.reader.Next();
    if (!body) {
      ProtocolError(time, session, "a frame is too long");
      return;
    }
    if (!*body) {
      return;
    }
    ++counters_.frames_in;
    auto message = DecodeMessage(**body);
    if (!message) {
      ProtocolError(time, session, "a message cannot be read");
      return;
    }
    if (session.phase == Phase::kUnproven &&
        !std::holds_alternative<mesh::Authenticate>(*message) &&
        !std::holds_alternative<mesh::Goodbye>(*message)) {
      ProtocolError(time, session, "the challenge was not answered first");
      return;
    }
    std::visit([&](const auto& part) { Take(time, session, part); }, *message);
    if (session.queued() > kMaxQueued) {
      Goodbye(time, session, GoodbyeReason::kOverloaded,
              "this node does not read what it is told");
    }
  }
}

void Coordinator::Impl::Send(ServerTime time, CoordSession& session,
                             const ControlMessage& message) {
  const auto frame = EncodeFrame(message);
  session.out.insert(session.out.end(), frame.begin(), frame.end());
  session.spoke_at = time.now;
  ++counters_.frames_out;
  Touch(session);
}

void Coordinator::Impl::Touch(CoordSession& session) {
  writable_.insert(session.id);
}

void Coordinator::Impl::Goodbye(ServerTime time, CoordSession& session,
                                GoodbyeReason reason, std::string text,
                                std::chrono::milliseconds retry_after) {
  if (session.phase == Phase::kClosing) {
    return;
  }
  Send(time, session,
       mesh::Goodbye{.reason = reason,
                     .text = std::move(text),
                     .retry_after = retry_after});
  Detach(time, session);
  session.phase = Phase::kClosing;
  session.closing_at = time.now;
  session.reader = FrameReader(0);  // nothing more is read
  UpdateDeadline(session);
}

void Coordinator::Impl::LeaveUnproven(CoordSession& session) {
  if (!std::exchange(session.is_unproven, false)) {
    return;
  }
  unproven_.erase({session.opened_at, session.id});
  const auto source = unproven_sources_.find(SourceOf(session.source));
  if (source != unproven_sources_.end() && --source->second == 0) {
    unproven_sources_.erase(source);
  }
}

/// The node, if any, has no stream from here on.
void Coordinator::Impl::Detach(ServerTime time, CoordSession& session) {
  const auto stream = by_node_.find(session.node);
  if (stream == by_node_.end() || stream->second != session.id) {
    return;
  }
  by_node_.erase(stream);
  registry_.SetOnline(time.wall, session.node, false);
  rotations_.Leave(session.node);
  const auto viewer = viewers_.find(session.node);
  if (viewer != viewers_.end()) {
    viewer->second.snapshot.reset();
    for (Viewer::Sent& sent : viewer->second.unacknowledged) {
      sent.urgent_since.reset();  // it is told again, if it comes back
    }
    UpdateLate(session.node, viewer->second);
    viewer->second.gone_since = time.now;
    farewells_.emplace(time.now + config_.resume_window, session.node);
  }
}

void Coordinator::Impl::HandleClosed(ServerTime time, ConnectionId connection) {
  const auto found = sessions_.find(connection);
  if (found == sessions_.end()) {
    return;
  }
  CoordSession& session = *found->second;
  if (session.phase != Phase::kClosing) {
    Detach(time, session);
    session.phase = Phase::kClosing;
  }
  Drop(session);
}

void Coordinator::Impl::Drop(CoordSession& session) {
  LeaveUnproven(session);
  if (session.deadline) {
    deadlines_.erase({*session.deadline, session.id});
  }
  writable_.erase(session.id);
  sessions_.erase(session.id);
}

CoordSession* Coordinator::Impl::SessionOf(NodeId node) {
  const auto stream = by_node_.find(node);
  return stream == by_node_.end() ? nullptr
                                  : sessions_.at(stream->second).get();
}

// ---- Logins ----------------------------------------------------------------

bool Coordinator::Impl::AreProofsGood(const CoordSession& session,
                                      const mesh::Authenticate& request) const {
  const auto transcript = AuthTranscript(session.challenge, request.keys);
  const StaticPrivateKey& ours = *session.ephemeral;
  return VerifyMachineSignature(request.keys.machine_key, transcript,
                                request.signature) &&
         VerifyKeyProof(ProofRole::kNodeKey, ours, request.keys.node_key,
                        transcript, request.node_proof) &&
         VerifyKeyProof(ProofRole::kSignallingKey, ours,
                        request.keys.signalling_key, transcript,
                        request.signalling_proof);
}

void Coordinator::Impl::RefuseLogin(ServerTime time, CoordSession& session,
                                    std::string text) {
  ++counters_.refused_logins;
  failures_.Count(time.now, session.source);
  Notify(CoordinatorNotice::Kind::kRefused,
         session.source.ToString() + ": " + text);
  Goodbye(time, session, GoodbyeReason::kRefused, std::move(text));
}

void Coordinator::Impl::TellFull(Instant now, const std::string& text) {
  constexpr Duration kOnceIn = std::chrono::minutes(1);
  if (!full_told_ || now - *full_told_ >= kOnceIn) {
    full_told_ = now;
    Notify(CoordinatorNotice::Kind::kRefused, text);
  }
}

void Coordinator::Impl::Authenticate(ServerTime time, CoordSession& session,
                                     const mesh::Authenticate& request) {
  if (!failures_.IsAllowed(time.now, session.source)) {
    Goodbye(time, session, GoodbyeReason::kOverloaded,
            "too many failed logins from this address", seconds(30));
    return;
  }
  if (!AreProofsGood(session, request)) {
    RefuseLogin(time, session, "the proofs of this node's keys do not verify");
    return;
  }
  const bool is_known =
      registry_.FindByMachine(request.keys.machine_key) != nullptr;
  if (!is_known && request.auth_key.empty()) {
    if (!requests_.IsAllowed(time.now, session.source)) {
      Goodbye(time, session, GoodbyeReason::kOverloaded,
              "too many nodes without an auth key from this address",
              std::chrono::minutes(1));
      return;
    }
    requests_.Count(time.now, session.source);
  }
  const auto joined =
      registry_.Join(time.wall, {.keys = request.keys,
                                 .auth_key = request.auth_key,
                                 .host_name = request.host_name,
                                 .is_ephemeral = request.is_ephemeral,
                                 .tags = request.tags,
                                 .software = request.software});
  if (!joined) {
    if (joined.error().kind == RefusalKind::kExhausted) {
      TellFull(time.now, joined.error().text);
      Goodbye(time, session, GoodbyeReason::kOverloaded, joined.error().text,
              std::chrono::minutes(1));
    } else {
      RefuseLogin(time, session, joined.error().text);
    }
    return;
  }
  if (!MayLogIn(time.now, *joined)) {
    Goodbye(time, session, GoodbyeReason::kOverloaded,
            "this node comes and goes too often", seconds(10));
    return;
  }
  Attach(time, session, *joined);
  if (!is_known) {
    NotifyJoined(*registry_.FindNode(*joined));
  }
  Admit(time, session, request.position);
}

void Coordinator::Impl::Attach(ServerTime time, CoordSession& session,
                               NodeId node) {
  if (CoordSession* older = SessionOf(node)) {
    Goodbye(time, *older, GoodbyeReason::kReplaced,
            "another stream of this node replaced this one");
  }
  LeaveUnproven(session);
  session.reader.SetLimit(kMaxNodeFrame);
  session.node = node;
  session.phase = Phase::kWaiting;
  presumed_.erase(node);
  registry_.SetOnline(time.wall, node, true);
  TakeRegistryChanges(time);
  by_node_[node] = session.id;
}

void Coordinator::Impl::NotifyJoined(const NodeRecord& node) {
  const bool waits = node.status == NodeStatus::kPendingApproval;
  Notify(waits ? CoordinatorNotice::Kind::kWaitsForApproval
               : CoordinatorNotice::Kind::kJoined,
         node.name + (waits ? " " + node.approval_code : ""));
}

bool Coordinator::Impl::MayLogIn(Instant now, NodeId node) {
  return kLogins.Take(now, logins_[node]);
}

void Coordinator::Impl::Admit(ServerTime time, CoordSession& session,
                              const std::optional<MapPosition>& position) {
  const NodeRecord& node = *registry_.FindNode(session.node);
  Admission admission{.node = node.id,
                      .epoch = epoch_,
                      .digest_key = registry_.mesh().digest_key};
  const bool serves = registry_.IsServing(time.wall, node);
  if (node.status == NodeStatus::kPendingApproval) {
    admission.state = AdmissionState::kPendingApproval;
    admission.approval_code = node.approval_code;
    admission.message = "an administrator has to approve this node";
  } else if (!serves) {
    admission.state = AdmissionState::kKeyExpired;
    admission.message = "the key of this node has expired";
  }
  Send(time, session, admission);
  session.phase = serves ? Phase::kActive : Phase::kWaiting;
  if (serves) {
    StartMap(time, session, position);
  } else {
    ForgetViewer(session.node);
  }
  UpdateDeadline(session);
}

// ---- Time and bytes --------------------------------------------------------

void Coordinator::Impl::UpdateDeadline(CoordSession& session) {
  Instant at{};
  switch (session.phase) {
    case Phase::kUnproven:
      at = session.opened_at + config_.login_budget;
      break;
    case Phase::kWaiting:
    case Phase::kActive:
      at = std::min(session.heard_at + kDeadAfter,
                    session.spoke_at + kSpeakEvery);
      if (session.waiting_report) {
        at = std::min(at, session.report_at);
      }
      at = std::min(at, NextQuestion(session).value_or(at));
      break;
    case Phase::kClosing:
      at = session.closing_at + kCloseWithin;
      break;
  }
  // Later ones are found when the earlier one is due: most streams only talk.
  if (session.deadline && *session.deadline <= at) {
    return;
  }
  if (session.deadline) {
    deadlines_.erase({*session.deadline, session.id});
  }
  session.deadline = at;
  deadlines_.emplace(at, session.id);
}

void Coordinator::Impl::HandleSessionTimeout(ServerTime time,
                                             CoordSession& session) {
  switch (session.phase) {
    case Phase::kUnproven:
      if (time.now >= session.opened_at + config_.login_budget) {
        Goodbye(time, session, GoodbyeReason::kSilent,
                "the challenge was not answered in time");
        return;
      }
      break;
    case Phase::kWaiting:
    case Phase::kActive:
      if (time.now >= session.heard_at + kDeadAfter) {
        Goodbye(time, session, GoodbyeReason::kSilent,
                "nothing was heard for 45 seconds");
        return;
      }
      if (WatchRouter(time, session)) {
        return;
      }
      TakeWaitingReport(time, session);
      if (time.now >= session.spoke_at + kSpeakEvery) {
        Send(time, session, Heartbeat{.is_reply = true});
      }
      break;
    case Phase::kClosing:
      if (time.now >= session.closing_at + kCloseWithin) {
        commands.push_back({.connection = session.id});
        Drop(session);
        return;
      }
      break;
  }
  UpdateDeadline(session);
}

std::vector<ConnectionId> Coordinator::Impl::TakeWritable() {
  if (registry_.has_uncommitted()) {
    return {};
  }
  std::vector<ConnectionId> ids(writable_.begin(), writable_.end());
  writable_.clear();
  return ids;
}

size_t Coordinator::Impl::PollBytes(ServerTime time, ConnectionId connection,
                                    MutableBytes out) {
  const auto found = sessions_.find(connection);
  if (found == sessions_.end() || registry_.has_uncommitted()) {
    return 0;
  }
  CoordSession& session = *found->second;
  const auto viewer = viewers_.find(session.node);
  if (session.phase == Phase::kActive && viewer != viewers_.end() &&
      session.queued() < kRefillBelow) {
    Flush(time, session.node, viewer->second);
  }
  const size_t size = std::min(out.size(), session.queued());
  std::copy_n(session.out.begin() + static_cast<ptrdiff_t>(session.sent), size,
              out.begin());
  session.sent += size;
  counters_.bytes_out += size;
  if (session.sent == session.out.size()) {
    std::vector<uint8_t>().swap(session.out);  // idle streams hold nothing
    session.sent = 0;
    if (session.phase == Phase::kClosing) {
      commands.push_back({.connection = session.id});
      Drop(session);
    }
  } else if (session.sent >= kRefillBelow) {
    // A stream that never quite drains must not grow for ever.
    session.out.erase(
        session.out.begin(),
        session.out.begin() + static_cast<ptrdiff_t>(session.sent));
    session.sent = 0;
  }
  return size;
}

}  // namespace natkit::mesh
