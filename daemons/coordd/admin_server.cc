#include "admin_server.h"

#include <utility>

#include "admin_verbs.h"

namespace natkit::coordd {

namespace {

/// An answer may hold all nodes; it waits for an administrator who reads.
constexpr size_t kMaxUnread = size_t{64} << 20;

std::string Refusal(const io::PeerCredentials& peer) {
  return FormatAdminError(
      ActorOf(peer) +
      " may not administer this server: only root, the server's own user, and "
      "the users and groups under [admin] in coordd.toml may (try sudo)");
}

}  // namespace

AdminServer::AdminServer(AdminAccess access, Handler handler)
    : access_(std::move(access)), handler_(std::move(handler)) {}

Result<std::unique_ptr<AdminServer>> AdminServer::Listen(
    io::EventLoop& loop, const std::string& path, AdminAccess access,
    Handler handler) {
  std::unique_ptr<AdminServer> server(
      new AdminServer(std::move(access), std::move(handler)));
  AdminServer* raw = server.get();
  auto lines = shell::LineServer::Listen(
      loop, path, io::UnixAccess::kEveryone,
      {.max_line = kMaxAdminRequest,
       .max_unread = kMaxUnread,
       .too_long = FormatAdminError("the request is too long")},
      {.refuse = [raw](const io::PeerCredentials& peer)
           -> std::optional<std::string> {
         if (raw->access_.Allows(peer)) {
           return std::nullopt;
         }
         return Refusal(peer);
       },
       .on_line = [raw](Id id,
                        std::string_view line) { raw->TakeLine(id, line); },
       .on_closed = [raw](Id id) { raw->sessions_.erase(id); }});
  if (!lines) {
    return std::unexpected(lines.error());
  }
  server->lines_ = std::move(*lines);
  return server;
}

void AdminServer::TakeLine(Id id, std::string_view line) {
  Session& session = sessions_[id];
  if (session.waiting_bytes + line.size() > kMaxAdminRequest) {
    lines_->Close(id);  // asks faster than it can be answered
    return;
  }
  session.waiting_bytes += line.size() + 1;
  session.waiting.emplace_back(line);
  ServeNext(id);
}

void AdminServer::ServeNext(Id id) {
  // A loop, not a chain of calls: most answers come at once.
  while (true) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end() || found->second.is_busy ||
        found->second.waiting.empty()) {
      return;
    }
    Session& session = found->second;
    const std::string line = std::move(session.waiting.front());
    session.waiting.pop_front();
    session.waiting_bytes -= line.size() + 1;
    session.is_busy = true;
    const io::PeerCredentials* peer = lines_->FindPeer(id);
    handler_(
        line, peer == nullptr ? "unix" : ActorOf(*peer),
        [this, id](std::string answer) { TakeAnswer(id, std::move(answer)); });
  }
}

void AdminServer::TakeAnswer(Id id, std::string answer) {
  const auto found = sessions_.find(id);
  if (found != sessions_.end()) {
    found->second.is_busy = false;
    found->second.answers += answer;
  }
}

void AdminServer::Release() {
  for (auto& [id, session] : sessions_) {
    if (!session.answers.empty()) {
      lines_->Send(id, std::exchange(session.answers, {}));
    }
    if (!session.is_busy && !session.waiting.empty()) {
      ServeNext(id);
    }
  }
}

}  // namespace natkit::coordd
