#include "control/control_server.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "control/control_lines.h"
#include "control/control_ping.h"
#include "natkit/io/timer.h"

namespace natkit::meshnode {

namespace {

/// Of those who may change the node.
constexpr size_t kMaxSessions = 32;
/// Of all others: one more ends the oldest of theirs, so that nobody keeps
/// anybody out.
constexpr size_t kMaxReaders = 32;
constexpr size_t kMaxQueued = size_t{4} * 1024 * 1024;
/// As many as the engine waits for.
constexpr uint16_t kMaxPendingPings = 256;

}  // namespace

/// One client's connection: a request at a time, a new one ends a ping.
class ControlServer::Session {
 public:
  Session(ControlServer& server, uint64_t id, io::UnixStream stream)
      : server_(server),
        id_(id),
        timer_(server.loop_, [this] { HandleTimer(); }),
        stream_(std::move(stream)) {
    const auto peer = stream_.peer_credentials();
    may_change_ = peer && server_.access_.MayChange(peer->user);
  }

  void Start() {
    stream_.SetHandlers(
        {.on_connected = {},
         .on_data = [this](ByteView bytes) { TakeBytes(bytes); },
         .on_drained = {},
         .on_closed = [this](Errc) { server_.sessions_.erase(id_); }});
  }

  [[nodiscard]] bool may_change() const { return may_change_; }

  void HandlePingReply(uint32_t sequence, const mesh::PingReply& reply) {
    if (ping_) {
      ping_->HandleReply(sequence, reply.rtt, reply.path);
      Pump();
    }
  }

 private:
  void TakeBytes(ByteView bytes) {
    lines_.Append(bytes);
    while (const auto line = lines_.Next()) {
      const auto request = ParseRequest(*line);
      if (!request) {
        Write(FormatError(request.error()));
      } else if (!may_change_ && !OnlyReads(*request)) {
        Write(FormatError(Refusal()));
      } else {
        std::visit([this](const auto& r) { Handle(r); }, *request);
      }
    }
    if (lines_.overflowed()) {
      Write(FormatError("the request is too long"));
      stream_.Close();
    }
  }

  void Handle(const StatusRequest&) { Write(server_.handlers_.status()); }

  void Handle(const WhyRequest& request) {
    const auto line = server_.handlers_.why(request.peer);
    Write(line ? *line : FormatError(line.error()));
  }

  void Handle(const DownRequest&) {
    Write(FormatStopping());
    server_.handlers_.stop();
  }

  void Handle(const PingRequest& request) {
    const auto address = server_.handlers_.find_peer(request.peer);
    if (!address) {
      Write(FormatError(address.error()));
      return;
    }
    Write(FormatPingStart(request.peer, *address));
    ping_.emplace(request, io::EventLoop::Now());
    HandleTimer();
  }

  void Handle(const SetRequest& request) {
    const auto line = server_.handlers_.set(request.values);
    Write(line ? *line : FormatError(line.error()));
  }

  void Handle(const LogoutRequest&) {
    const auto line = server_.handlers_.logout();
    Write(line ? *line : FormatError(line.error()));
  }

  void Handle(const RekeyRequest&) {
    const auto line = server_.handlers_.rekey();
    Write(line ? *line : FormatError(line.error()));
  }

  void Handle(const DebugRequest&) { Write(server_.handlers_.debug()); }

  void Handle(const NetcheckRequest&) {
    const auto line = server_.handlers_.netcheck();
    Write(line ? *line : FormatError(line.error()));
  }

  [[nodiscard]] std::string Refusal() const {
    return "only root and user " + std::to_string(server_.access_.owner) +
           ", who runs the node, may do this: use sudo, or have the node "
           "started with --operator USER";
  }

  void HandleTimer() {
    if (ping_) {
      ping_->HandleTimeout(io::EventLoop::Now());
      Pump();
    }
  }

  void Pump() {
    while (const auto sequence = ping_->PollSend()) {
      server_.SendPing(id_, ping_->peer(), *sequence);
    }
    while (const auto line = ping_->PollLine()) {
      Write(*line);
    }
    timer_.Arm(ping_->NextTimeout());
  }

  void Write(const std::string& line) {
    if (stream_.pending_bytes() > kMaxQueued) {
      stream_.Abort();  // a client that does not read
      return;
    }
    stream_.Write(AsBytes(line));
  }

  ControlServer& server_;
  const uint64_t id_;
  bool may_change_ = false;
  LineBuffer lines_{kMaxRequestLine};
  std::optional<PingRun> ping_;
  io::Timer timer_;
  io::UnixStream stream_;
};

ControlServer::ControlServer(io::EventLoop& loop, ControlAccess access,
                             ControlHandlers handlers)
    : loop_(loop), access_(access), handlers_(std::move(handlers)) {}

ControlServer::~ControlServer() = default;

Result<std::unique_ptr<ControlServer>> ControlServer::Listen(
    io::EventLoop& loop, const std::string& path, ControlAccess access,
    ControlHandlers handlers) {
  std::unique_ptr<ControlServer> server(
      new ControlServer(loop, access, std::move(handlers)));
  auto listener = io::UnixListener::Listen(
      loop, path,
      [raw = server.get()](io::UnixStream stream) {
        raw->Accept(std::move(stream));
      },
      {}, io::UnixAccess::kEveryone);
  if (!listener) {
    return std::unexpected(listener.error());
  }
  server->listener_ = std::make_unique<io::UnixListener>(std::move(*listener));
  return server;
}

void ControlServer::Accept(io::UnixStream stream) {
  const uint64_t id = ++last_session_;
  auto session = std::make_unique<Session>(*this, id, std::move(stream));
  if (!MakeRoom(session->may_change())) {
    return;  // dropping the stream closes it
  }
  sessions_.emplace(id, std::move(session)).first->second->Start();
}

bool ControlServer::MakeRoom(bool may_change) {
  const auto is_alike = [may_change](const auto& entry) {
    return entry.second->may_change() == may_change;
  };
  const auto count = std::ranges::count_if(sessions_, is_alike);
  if (static_cast<size_t>(count) < (may_change ? kMaxSessions : kMaxReaders)) {
    return true;
  }
  if (may_change) {
    return false;
  }
  sessions_.erase(std::ranges::find_if(sessions_, is_alike));
  return true;
}

void ControlServer::SendPing(uint64_t session, const std::string& peer,
                             uint32_t sequence) {
  const uint16_t wire = ++last_wire_sequence_;
  pending_.erase(static_cast<uint16_t>(wire - kMaxPendingPings));
  pending_[wire] = {.session = session, .sequence = sequence};
  if (!handlers_.send_ping(peer, wire)) {
    pending_.erase(wire);  // will be reported as lost
  }
}

void ControlServer::HandlePingReply(const mesh::PingReply& reply) {
  const auto pending = pending_.find(reply.sequence);
  if (pending == pending_.end()) {
    return;
  }
  const PendingPing ping = pending->second;
  pending_.erase(pending);
  if (const auto found = sessions_.find(ping.session);
      found != sessions_.end()) {
    found->second->HandlePingReply(ping.sequence, reply);
  }
}

}  // namespace natkit::meshnode
