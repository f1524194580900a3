#include "admin_server.h"

#include <utility>

#include "admin_verbs.h"

namespace natkit::coordd {

namespace {

constexpr size_t kMaxSessions = 32;

}  // namespace

/// One administrator's connection.
class AdminServer::Session {
 public:
  Session(AdminServer& server, uint64_t id, io::UnixStream stream)
      : server_(server), id_(id), stream_(std::move(stream)) {}

  void Start() {
    stream_.SetHandlers(
        {.on_connected = {},
         .on_data = [this](ByteView bytes) { TakeBytes(bytes); },
         .on_drained = {},
         .on_closed = [this](Errc) { server_.sessions_.erase(id_); }});
  }

  void Release() {
    if (!answers_.empty()) {
      stream_.Write(AsBytes(std::exchange(answers_, {})));
    }
  }

 private:
  void TakeBytes(ByteView bytes) {
    const std::string_view text = AsText(bytes);
    size_t searched = line_.size();
    line_ += text;
    size_t begin = 0;
    for (size_t end = line_.find('\n', searched); end != std::string::npos;
         end = line_.find('\n', begin)) {
      answers_ +=
          server_.handler_(std::string_view(line_).substr(begin, end - begin));
      begin = end + 1;
    }
    line_.erase(0, begin);
    if (line_.size() > kMaxAdminRequest) {
      stream_.Abort();
    }
  }

  AdminServer& server_;
  const uint64_t id_;
  std::string line_;
  std::string answers_;
  io::UnixStream stream_;
};

AdminServer::AdminServer(Handler handler) : handler_(std::move(handler)) {}

AdminServer::~AdminServer() = default;

Result<std::unique_ptr<AdminServer>> AdminServer::Listen(
    io::EventLoop& loop, const std::string& path, Handler handler) {
  std::unique_ptr<AdminServer> server(new AdminServer(std::move(handler)));
  auto listener = io::UnixListener::Listen(
      loop, path, [raw = server.get()](io::UnixStream stream) {
        raw->Accept(std::move(stream));
      });
  if (!listener) {
    return std::unexpected(listener.error());
  }
  server->listener_ = std::make_unique<io::UnixListener>(std::move(*listener));
  return server;
}

void AdminServer::Accept(io::UnixStream stream) {
  if (sessions_.size() >= kMaxSessions) {
    return;  // dropping the stream closes it
  }
  const uint64_t id = ++last_session_;
  auto& session = sessions_[id];
  session = std::make_unique<Session>(*this, id, std::move(stream));
  session->Start();
}

void AdminServer::Release() {
  for (auto& [id, session] : sessions_) {
    session->Release();
  }
}

}  // namespace natkit::coordd
