#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/result.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/peer_credentials.h"
#include "natkit/io/unix_socket.h"

namespace natkit::shell {

/// Serves a protocol of lines on a Unix socket: cuts what arrives into lines
/// and bounds what each client may send and leave unread.
class LineServer {
 public:
  /// Names a session; never used again.
  using SessionId = uint64_t;

  struct Handlers {
    /// Judges who connected; absent: everybody is let in. A text is sent, and
    /// the session ends without any other handler being called.
    std::function<std::optional<std::string>(const io::PeerCredentials& peer)>
        refuse;
    /// A line without its line feed. May call Send() and Close().
    std::function<void(SessionId session, std::string_view line)> on_line;
    /// The session is over; absent: nobody asks.
    std::function<void(SessionId session)> on_closed;
  };

  struct Limits {
    size_t max_sessions = 32;             ///< further ones are dropped
    size_t max_line = size_t{64} * 1024;  ///< bytes; more ends the session
    /// Bytes that wait; when there are more, what is sent next ends the
    /// session.
    size_t max_unread = size_t{4} << 20;
    std::string too_long;  ///< sent before a line too long ends it
  };

  /// Errors: those of io::UnixListener::Listen. `loop` must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<LineServer>> Listen(
      io::EventLoop& loop, const std::string& path, io::UnixAccess access,
      Limits limits, Handlers handlers);
  ~LineServer();
  LineServer(const LineServer&) = delete;
  LineServer& operator=(const LineServer&) = delete;

  /// Sends a text as it is; nothing if the session is over.
  void Send(SessionId session, std::string_view text);
  /// Ends a session in good order.
  void Close(SessionId session);
  /// Who is at the other end; nullptr if the session is over.
  [[nodiscard]] const io::PeerCredentials* FindPeer(SessionId session) const;

  [[nodiscard]] size_t sessions() const { return sessions_.size(); }

 private:
  class Session;

  LineServer(Limits limits, Handlers handlers);
  void Accept(io::UnixStream stream);
  void TurnAway(io::UnixStream stream, const std::string& text);

  Limits limits_;
  Handlers handlers_;
  SessionId last_session_ = 0;
  std::map<SessionId, std::unique_ptr<Session>> sessions_;
  /// Clients that are being told that they may not; apart, so that they take
  /// no place of those who may.
  std::map<SessionId, io::UnixStream> turned_away_;
  std::unique_ptr<io::UnixListener> listener_;
};

}  // namespace natkit::shell
