#include "natkit/shell/relay_server.h"

#include <chrono>
#include <utility>
#include <variant>

#include "natkit/derp/key_text.h"
#include "natkit/shell/logging.h"

namespace natkit::shell {
namespace {

constexpr Duration kReportInterval = std::chrono::seconds(60);
constexpr Duration kStopBudget = std::chrono::seconds(2);

/// What clients are told at a restart: come back soon, and keep trying.
constexpr derp::Restarting kRestarting{
    .reconnect_in = std::chrono::milliseconds(500),
    .try_for = std::chrono::seconds(30)};

io::StreamOptions TcpOptions() {
  // Little is queued here: packets wait in the core, which knows which of them
  // to drop.
  return {.high_water = size_t{64} * 1024,
          .linger = std::chrono::seconds(2),
          .user_timeout = std::chrono::seconds(15),
          .keepalive = std::chrono::minutes(10)};
}

uint64_t Number(derp::ConnectionId id) {
  return static_cast<uint64_t>(id);
}

}  // namespace

RelayServer::RelayServer(io::EventLoop& loop, const tls::ServerContext* tls,
                         derp::ServerConfig config, const RelayLimits& limits,
                         Rng& rng)
    : loop_(loop),
      core_(std::move(config), rng),
      limits_(limits),
      core_timer_(loop,
                  [this] {
                    core_.HandleTimeout(io::EventLoop::Now());
                    Pump();
                  }),
      report_timer_(loop, [this] { ReportRefusals(); }),
      stop_timer_(loop, [this] { FinishStop(); }),
      server_(loop, tls, TcpOptions(), [this](StreamServer::Accepted accepted) {
        OnAccept(std::move(accepted));
      }) {}

Outcome<void> RelayServer::Listen(const Endpoint& local) {
  return server_.Listen(local);
}

void RelayServer::OnAccept(StreamServer::Accepted accepted) {
  if (streams_.size() >= limits_.max_connections) {
    ++refusals_["too_many_connections"];
    Pump();
    return;  // dropping it closes it
  }
  if (half_open_.size() >= limits_.max_half_open) {
    EvictOldestHalfOpen();
  }
  const uint64_t number = next_id_++;
  const Id id{number};
  core_.Accept(io::EventLoop::Now(), id,
               {.endpoint = accepted.tcp.remote_endpoint()});
  half_open_.insert(number);
  streams_.try_emplace(
      number, loop_, std::move(accepted.tcp), std::move(accepted.channel),
      SecureStreamHandlers{
          .on_open = [](const PeerInfo&) {},
          .on_bytes = [this, id](ByteView bytes) { OnBytes(id, bytes); },
          .on_writable =
              [this, id] {
                FlushOutput(id);
                Pump();
              },
          .on_closed = [this,
                        id](const StreamEnd& end) { OnClosed(id, end); }});
  Pump();
}

void RelayServer::EvictOldestHalfOpen() {
  const uint64_t oldest = *half_open_.begin();
  ++refusals_["too_many_half_open"];
  half_open_.erase(oldest);
  streams_.erase(oldest);
  core_.HandleClosed(io::EventLoop::Now(), Id{oldest});
}

void RelayServer::OnBytes(Id id, ByteView bytes) {
  while (!bytes.empty()) {
    bytes =
        bytes.subspan(core_.HandleSomeBytes(io::EventLoop::Now(), id, bytes));
    Pump();
  }
}

void RelayServer::OnClosed(Id id, const StreamEnd& end) {
  if (half_open_.erase(Number(id)) > 0 && end.code != Errc::kClosed) {
    ++refusals_[std::string(ErrcName(end.code))];
  }
  streams_.erase(Number(id));
  core_.HandleClosed(io::EventLoop::Now(), id);
  Pump();
  if (on_stopped_ && streams_.empty()) {
    FinishStop();
  }
}

void RelayServer::Pump() {
  while (const auto id = core_.PollReady()) {
    FlushOutput(*id);
  }
  while (const auto event = core_.PollEvent()) {
    std::visit([this](const auto& e) { OnEvent(e); }, *event);
  }
  core_timer_.Arm(core_.NextTimeout());
  if (!refusals_.empty() && !report_timer_.deadline()) {
    report_timer_.Arm(io::EventLoop::Now() + kReportInterval);
  }
}

void RelayServer::FlushOutput(Id id) {
  const auto found = streams_.find(Number(id));
  if (found == streams_.end()) {
    return;
  }
  SecureStream& stream = found->second;
  while (stream.is_writable()) {
    const size_t size = core_.PollTransmit(io::EventLoop::Now(), id, scratch_);
    stream.Write(ByteView(scratch_).first(size));
    if (size < scratch_.size()) {
      return;
    }
  }
}

void RelayServer::OnEvent(const derp::ConnectionClosed& event) {
  const auto found = streams_.find(Number(event.id));
  if (found == streams_.end()) {
    return;
  }
  switch (event.reason) {
    case derp::CloseReason::kHttpDone:
    case derp::CloseReason::kClosedByPeer:
      found->second.Close();
      return;
    case derp::CloseReason::kWriteTimeout:
      found->second.Abort();  // it reads nothing: a goodbye would wait as well
      break;
    case derp::CloseReason::kBadHttp:
    case derp::CloseReason::kHttpTimeout:
    case derp::CloseReason::kLoginTimeout:
    case derp::CloseReason::kLoginRejected:
    case derp::CloseReason::kBadFrame:
    case derp::CloseReason::kForbiddenFrame:
    case derp::CloseReason::kTooManyDuplicates:
      found->second.Close();
      break;
  }
  ++refusals_[derp::CloseReasonName(event.reason)];
}

void RelayServer::OnEvent(const derp::ClientRegistered& event) {
  half_open_.erase(Number(event.id));
  Log(LogLevel::kDebug, "client " + derp::ToShortText(event.key) + " from " +
                            event.remote.ToString() +
                            (event.is_mesh_peer ? " (mesh)" : ""));
}

void RelayServer::OnEvent(const derp::ClientGone& event) {
  Log(LogLevel::kDebug, "client " + derp::ToShortText(event.key) + " is gone");
}

void RelayServer::ReportRefusals() {
  std::string line = "connections refused or ended in the last minute:";
  for (const auto& [reason, count] : std::exchange(refusals_, {})) {
    line += ' ';
    line += reason;
    line += '=' + std::to_string(count);
  }
  Log(LogLevel::kInfo, line);
}

void RelayServer::Stop(std::function<void()> on_stopped) {
  server_.Stop();
  on_stopped_ = std::move(on_stopped);
  stop_timer_.Arm(io::EventLoop::Now() + kStopBudget);
  core_.AnnounceRestart(io::EventLoop::Now(), kRestarting);
  Pump();
  for (auto& [number, stream] : streams_) {
    if (stream.is_open()) {
      stream.Close();
    } else {
      stream.Abort();  // still in its handshake
    }
  }
  if (streams_.empty()) {
    stop_timer_.Arm(io::EventLoop::Now());
  }
}

void RelayServer::FinishStop() {
  stop_timer_.Disarm();
  if (on_stopped_) {
    std::exchange(on_stopped_, {})();
  }
}

}  // namespace natkit::shell
