#include "natkit/shell/line_server.h"

#include <chrono>
#include <utility>

namespace natkit::shell {

namespace {

constexpr size_t kMaxTurnedAway = 8;

io::StreamOptions StreamOptions() {
  return {.linger = std::chrono::seconds(1)};
}

}  // namespace

/// One client's connection. It lives until on_closed, which is never called
/// inside a call into the stream: handlers may do anything.
class LineServer::Session {
 public:
  Session(LineServer& server, SessionId id, io::UnixStream stream,
          io::PeerCredentials peer)
      : server_(server),
        id_(id),
        peer_(std::move(peer)),
        stream_(std::move(stream)) {}

  void Start() {
    stream_.SetHandlers(
        {.on_connected = {},
         .on_data = [this](ByteView bytes) { TakeBytes(bytes); },
         .on_drained = {},
         .on_closed = [this](Errc /*reason*/) { End(); }});
  }

  void Send(std::string_view text) {
    if (stream_.pending_bytes() > server_.limits_.max_unread) {
      stream_.Abort();  // a client that does not read
      return;
    }
    stream_.Write(AsBytes(text));
  }

  void Close() { stream_.Close(); }

  [[nodiscard]] const io::PeerCredentials& peer() const { return peer_; }

 private:
  void TakeBytes(ByteView bytes) {
    size_t searched = text_.size();
    text_ += AsText(bytes);
    size_t begin = 0;
    for (size_t end = text_.find('\n', searched);
         end != std::string::npos && stream_.is_open();
         end = text_.find('\n', begin)) {
      if (end - begin > server_.limits_.max_line) {
        break;
      }
      server_.handlers_.on_line(
          id_, std::string_view(text_).substr(begin, end - begin));
      begin = end + 1;
    }
    text_.erase(0, begin);
    if (text_.size() > server_.limits_.max_line && stream_.is_open()) {
      Send(server_.limits_.too_long);
      stream_.Close();
    }
  }

  void End() {
    auto self = server_.sessions_.extract(id_);
    if (server_.handlers_.on_closed) {
      server_.handlers_.on_closed(id_);
    }
  }

  LineServer& server_;
  const SessionId id_;
  io::PeerCredentials peer_;
  std::string text_;
  io::UnixStream stream_;
};

LineServer::LineServer(Limits limits, Handlers handlers)
    : limits_(std::move(limits)), handlers_(std::move(handlers)) {}

LineServer::~LineServer() = default;

Result<std::unique_ptr<LineServer>> LineServer::Listen(io::EventLoop& loop,
                                                       const std::string& path,
                                                       io::UnixAccess access,
                                                       Limits limits,
                                                       Handlers handlers) {
  std::unique_ptr<LineServer> server(
      new LineServer(std::move(limits), std::move(handlers)));
  auto listener = io::UnixListener::Listen(
      loop, path,
      [raw = server.get()](io::UnixStream stream) {
        raw->Accept(std::move(stream));
      },
      StreamOptions(), access);
  if (!listener) {
    return std::unexpected(listener.error());
  }
  server->listener_ = std::make_unique<io::UnixListener>(std::move(*listener));
  return server;
}

void LineServer::Accept(io::UnixStream stream) {
  auto peer = stream.peer_credentials();
  if (!peer) {
    return;  // dropping the stream closes it
  }
  if (handlers_.refuse) {
    if (const auto text = handlers_.refuse(*peer)) {
      TurnAway(std::move(stream), *text);
      return;
    }
  }
  if (sessions_.size() >= limits_.max_sessions) {
    return;
  }
  const SessionId id = ++last_session_;
  auto& session = sessions_[id];
  session =
      std::make_unique<Session>(*this, id, std::move(stream), *std::move(peer));
  session->Start();
}

void LineServer::TurnAway(io::UnixStream stream, const std::string& text) {
  if (turned_away_.size() >= kMaxTurnedAway) {
    return;
  }
  const SessionId id = ++last_session_;
  io::UnixStream& kept =
      turned_away_.emplace(id, std::move(stream)).first->second;
  kept.SetHandlers(
      {.on_connected = {},
       .on_data = {},
       .on_drained = {},
       .on_closed = [this, id](Errc /*reason*/) { turned_away_.erase(id); }});
  kept.Write(AsBytes(text));
  kept.Close();
}

void LineServer::Send(SessionId session, std::string_view text) {
  if (const auto found = sessions_.find(session); found != sessions_.end()) {
    found->second->Send(text);
  }
}

void LineServer::Close(SessionId session) {
  if (const auto found = sessions_.find(session); found != sessions_.end()) {
    found->second->Close();
  }
}

const io::PeerCredentials* LineServer::FindPeer(SessionId session) const {
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? nullptr : &found->second->peer();
}

}  // namespace natkit::shell
