#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "control/control_protocol.h"
#include "natkit/base/result.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/unix_socket.h"
#include "natkit/mesh/node_event.h"

namespace natkit::meshnode {

/// What the control socket may ask of the running node.
struct ControlHandlers {
  /// The answer line of a status request.
  std::function<std::string()> status;
  /// The answer line of a why request; the error is for the user.
  std::function<Outcome<std::string>(const std::string& peer)> why;
  /// The address that pings to `peer` go to; the error is for the user.
  std::function<Outcome<IpAddress>(const std::string& peer)> find_peer;
  std::function<Result<void>(const std::string& peer, uint16_t sequence)>
      send_ping;
  std::function<void()> stop;
  /// Checks and puts in force; returns the answer line.
  std::function<Outcome<std::string>(
      const std::map<std::string, std::string>& values)>
      set;
  /// Begins to leave the mesh, then stops; returns the answer line.
  std::function<Outcome<std::string>()> logout;
  /// Begins to change the node key; returns the answer line.
  std::function<Outcome<std::string>()> rekey;
  /// The answer line of a debug request.
  std::function<std::string()> debug;
  /// The answer line of a netcheck request; the error is for the user.
  std::function<Outcome<std::string>()> netcheck;
};

/// Who may change the node: root, the user who runs it, and perhaps one more.
struct ControlAccess {
  uint32_t owner = 0;                     ///< user ID
  std::optional<uint32_t> operator_user;  ///< user ID

  [[nodiscard]] bool MayChange(uint32_t user) const {
    return user == 0 || user == owner || user == operator_user;
  }
};

/// Serves the control protocol (control_protocol.h) on a Unix socket that
/// everybody may open: reading is for all, changing for whom `access` names.
class ControlServer {
 public:
  /// Errors: those of io::UnixListener::Listen.
  [[nodiscard]] static Result<std::unique_ptr<ControlServer>> Listen(
      io::EventLoop& loop, const std::string& path, ControlAccess access,
      ControlHandlers handlers);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  /// Hands a reply to the session that sent the request.
  void HandlePingReply(const mesh::PingReply& reply);

 private:
  class Session;

  struct PendingPing {
    uint64_t session = 0;
    uint32_t sequence = 0;
  };

  ControlServer(io::EventLoop& loop, ControlAccess access,
                ControlHandlers handlers);
  void Accept(io::UnixStream stream);
  /// Whether there is room for a session, perhaps made by ending another.
  bool MakeRoom(bool may_change);
  void SendPing(uint64_t session, const std::string& peer, uint32_t sequence);

  io::EventLoop& loop_;
  ControlAccess access_;
  ControlHandlers handlers_;
  uint64_t last_session_ = 0;
  uint16_t last_wire_sequence_ = 0;
  /// By the sequence number on the wire; the newest ones only.
  std::map<uint16_t, PendingPing> pending_;
  std::map<uint64_t, std::unique_ptr<Session>> sessions_;
  std::unique_ptr<io::UnixListener> listener_;
};

}  // namespace natkit::meshnode
