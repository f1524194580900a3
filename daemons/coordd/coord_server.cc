#include "coord_server.h"

#include <algorithm>
#include <chrono>

#include "natkit/shell/logging.h"

namespace natkit::coordd {

namespace {

using shell::Log;

constexpr Duration kStopBudget = std::chrono::seconds(3);
constexpr size_t kPiece = size_t{16} * 1024;

io::StreamOptions TcpOptions() {
  // Little is queued here: what a slow node has not taken is made anew by the
  // coordinator when it takes it.
  return {.high_water = size_t{64} * 1024,
          .linger = std::chrono::seconds(2),
          .user_timeout = std::chrono::seconds(30)};
}

LogLevel LevelOf(mesh::CoordinatorNotice::Kind kind) {
  using Kind = mesh::CoordinatorNotice::Kind;
  switch (kind) {
    case Kind::kJoined:
    case Kind::kWaitsForApproval:
    case Kind::kLeft:
      return LogLevel::kInfo;
    case Kind::kRefused:
    case Kind::kLateAcknowledgement:
    case Kind::kResync:
      return LogLevel::kWarning;
  }
  return LogLevel::kInfo;
}

std::string Describe(const mesh::CoordinatorNotice& notice) {
  using Kind = mesh::CoordinatorNotice::Kind;
  switch (notice.kind) {
    case Kind::kJoined:
      return "joined: " + notice.text;
    case Kind::kWaitsForApproval:
      return "waits for `coordd nodes approve`: " + notice.text;
    case Kind::kLeft:
      return "left: " + notice.text;
    case Kind::kRefused:
      return "refused: " + notice.text;
    case Kind::kLateAcknowledgement:
      return "has not acknowledged an urgent change: " + notice.text;
    case Kind::kResync:
      return "asked for a whole map: " + notice.text;
  }
  return notice.text;
}

}  // namespace

mesh::ServerTime Now() {
  return {.now = io::EventLoop::Now(),
          .wall = std::chrono::floor<std::chrono::milliseconds>(
              io::EventLoop::UnixNow())};
}

CoordServer::CoordServer(io::EventLoop& loop, const tls::ServerContext& tls,
                         mesh::Coordinator& coordinator,
                         const ServerLimits& limits, ServerHandlers handlers)
    : loop_(loop),
      coordinator_(coordinator),
      limits_(limits),
      handlers_(std::move(handlers)),
      scratch_(kPiece),
      core_timer_(loop,
                  [this] {
                    coordinator_.HandleTimeout(Now());
                    Wake();
                  }),
      handshake_timer_(loop, [this] { CheckHalfOpen(); }),
      settle_timer_(loop, [this] { Settle(); }),
      stop_timer_(loop, [this] { FinishStop(); }),
      server_(loop, &tls, TcpOptions(),
              [this](shell::StreamServer::Accepted accepted) {
                OnAccept(std::move(accepted));
              }) {
  Wake();
}

shell::Outcome<void> CoordServer::Listen(const Endpoint& local) {
  return server_.Listen(local);
}

// ---- Streams ---------------------------------------------------------------

void CoordServer::OnAccept(shell::StreamServer::Accepted accepted) {
  if (streams_.size() >= limits_.max_connections) {
    ++refused_;
    return;  // dropping it closes it
  }
  if (half_open_.size() >= limits_.max_half_open) {
    DropHalfOpen(half_open_.begin()->second);
  }
  const Id id = ++last_id_;
  const auto [at, is_new] = streams_.try_emplace(
      id, loop_, std::move(accepted),
      shell::SecureStreamHandlers{
          .on_open = [this,
                      id](const shell::PeerInfo& peer) { OnOpen(id, peer); },
          .on_bytes =
              [this, id](ByteView bytes) {
                coordinator_.HandleBytes(Now(), id, bytes);
                Wake();
              },
          .on_writable =
              [this, id] {
                Flush(id);
                Wake();
              },
          .on_closed = [this, id](const shell::StreamEnd&) { OnClosed(id); }});
  at->second.since = io::EventLoop::Now();
  half_open_.emplace(at->second.since, id);
  if (!handshake_timer_.deadline()) {
    handshake_timer_.Arm(at->second.since + limits_.handshake_budget);
  }
}

void CoordServer::OnOpen(Id id, const shell::PeerInfo& peer) {
  Stream& stream = streams_.at(id);
  half_open_.erase({stream.since, id});
  if (!peer.coordination_exporter) {
    DropHalfOpen(id);
    return;
  }
  stream.is_known = true;
  coordinator_.HandleOpen(Now(), id, *peer.coordination_exporter,
                          peer.remote.address);
  Wake();
}

void CoordServer::OnClosed(Id id) {
  const auto found = streams_.find(id);
  half_open_.erase({found->second.since, id});
  const bool was_known = found->second.is_known;
  streams_.erase(found);
  if (was_known) {
    coordinator_.HandleClosed(Now(), id);
    Wake();
  }
  if (on_stopped_ && streams_.empty()) {
    FinishStop();
  }
}

void CoordServer::DropHalfOpen(Id id) {
  ++refused_;
  const auto found = streams_.find(id);
  half_open_.erase({found->second.since, id});
  streams_.erase(found);
}

void CoordServer::CheckHalfOpen() {
  const Instant due = io::EventLoop::Now() - limits_.handshake_budget;
  while (!half_open_.empty() && half_open_.begin()->first <= due) {
    DropHalfOpen(half_open_.begin()->second);
  }
  if (!half_open_.empty()) {
    handshake_timer_.Arm(half_open_.begin()->first + limits_.handshake_budget);
  }
}

// ---- What goes out ---------------------------------------------------------

void CoordServer::Wake() {
  if (!is_awake_ && !has_failed_) {
    is_awake_ = true;
    // Timers fire after the sockets that are ready have been served.
    settle_timer_.Arm(io::EventLoop::Now());
  }
}

bool CoordServer::Settle() {
  if (has_failed_) {
    return false;
  }
  is_awake_ = false;
  const Instant began = io::EventLoop::Now();
  handlers_.before_settle();
  if (!coordinator_.Settle(Now())) {
    has_failed_ = true;
    handlers_.on_store_failure();
    return false;
  }
  Measure(began);
  handlers_.after_settle();
  Drain();
  return true;
}

void CoordServer::Measure(Instant began) {
  const Duration took = io::EventLoop::Now() - began;
  ++settles_.count;
  settles_.sum += took;
  settles_.longest = std::max(settles_.longest, took);
}

void CoordServer::Drain() {
  for (const Id id : coordinator_.TakeWritable()) {
    Flush(id);
  }
  while (const auto close = coordinator_.PollCommand()) {
    const auto found = streams_.find(close->connection);
    if (found != streams_.end()) {
      found->second.is_closing = true;
      Flush(close->connection);
    }
  }
  while (const auto notice = coordinator_.PollNotice()) {
    settles_.joined +=
        notice->kind == mesh::CoordinatorNotice::Kind::kJoined ? 1 : 0;
    Log(LevelOf(notice->kind), Describe(*notice));
  }
  core_timer_.Arm(coordinator_.NextTimeout());
}

void CoordServer::Flush(Id id) {
  const auto found = streams_.find(id);
  if (found == streams_.end() || has_failed_) {
    return;
  }
  Stream& stream = found->second;
  while (stream.secure.is_writable()) {
    const size_t size = coordinator_.PollBytes(Now(), id, scratch_);
    if (size == 0) {
      break;
    }
    stream.secure.Write(ByteView(scratch_).first(size));
  }
  if (stream.is_closing) {
    stream.secure.Close();
  }
}

// ---- The end ---------------------------------------------------------------

void CoordServer::Stop(std::function<void()> on_stopped) {
  server_.Stop();
  on_stopped_ = std::move(on_stopped);
  stop_timer_.Arm(io::EventLoop::Now() + kStopBudget);
  coordinator_.Shutdown(Now());
  while (!half_open_.empty()) {
    DropHalfOpen(half_open_.begin()->second);
  }
  if (!Settle() || streams_.empty()) {
    stop_timer_.Arm(io::EventLoop::Now());
  }
}

void CoordServer::FinishStop() {
  stop_timer_.Disarm();
  if (on_stopped_) {
    std::exchange(on_stopped_, {})();
  }
}

}  // namespace natkit::coordd
