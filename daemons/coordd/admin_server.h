#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "natkit/base/result.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/unix_socket.h"

namespace natkit::coordd {

/// Serves the administration protocol (admin_verbs.h) on a Unix socket that
/// only root and the server's own user may open.
class AdminServer {
 public:
  /// Yields the answer to a request line; it is sent after Release().
  using Handler = std::function<std::string(std::string_view line)>;

  /// Errors: those of io::UnixListener::Listen.
  [[nodiscard]] static Result<std::unique_ptr<AdminServer>> Listen(
      io::EventLoop& loop, const std::string& path, Handler handler);
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  /// What was asked for is durable: sends the answers.
  void Release();

 private:
  class Session;

  explicit AdminServer(Handler handler);
  void Accept(io::UnixStream stream);

  Handler handler_;
  uint64_t last_session_ = 0;
  std::map<uint64_t, std::unique_ptr<Session>> sessions_;
  std::unique_ptr<io::UnixListener> listener_;
};

}  // namespace natkit::coordd
