#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "admin_access.h"
#include "natkit/base/result.h"
#include "natkit/io/event_loop.h"
#include "natkit/shell/line_server.h"

namespace natkit::coordd {

/// Serves the administration protocol (admin_verbs.h) on a Unix socket to those
/// whom an AdminAccess allows; others are told so.
///
/// A session's requests are served one after the other, in their order.
class AdminServer {
 public:
  /// Takes the answer to a request line. It is sent after the next Release().
  using Answer = std::function<void(std::string answer)>;
  /// Serves a request of `actor`; calls `answer` once, now or later, but never
  /// after this object is gone.
  using Handler = std::function<void(std::string_view line,
                                     std::string_view actor, Answer answer)>;

  /// Errors: those of io::UnixListener::Listen.
  [[nodiscard]] static Result<std::unique_ptr<AdminServer>> Listen(
      io::EventLoop& loop, const std::string& path, AdminAccess access,
      Handler handler);
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  /// What was asked for is durable: sends the answers that there are.
  void Release();

 private:
  using Id = shell::LineServer::SessionId;

  struct Session {
    std::deque<std::string> waiting;  ///< requests behind the one under way
    size_t waiting_bytes = 0;
    bool is_busy = false;
    std::string answers;  ///< not yet released
  };

  AdminServer(AdminAccess access, Handler handler);
  void TakeLine(Id id, std::string_view line);
  void ServeNext(Id id);
  void TakeAnswer(Id id, std::string answer);

  AdminAccess access_;
  Handler handler_;
  std::map<Id, Session> sessions_;
  std::unique_ptr<shell::LineServer> lines_;
};

}  // namespace natkit::coordd
