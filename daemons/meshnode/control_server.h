#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "control_protocol.h"
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
};

/// Serves the control protocol (control_protocol.h) on a Unix socket that only
/// its owner may open.
class ControlServer {
 public:
  /// Errors: those of io::UnixListener::Listen.
  [[nodiscard]] static Result<std::unique_ptr<ControlServer>> Listen(
      io::EventLoop& loop, const std::string& path, ControlHandlers handlers);
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

  ControlServer(io::EventLoop& loop, ControlHandlers handlers);
  void Accept(io::UnixStream stream);
  void SendPing(uint64_t session, const std::string& peer, uint32_t sequence);

  io::EventLoop& loop_;
  ControlHandlers handlers_;
  uint64_t last_session_ = 0;
  uint16_t last_wire_sequence_ = 0;
  /// By the sequence number on the wire; the newest ones only.
  std::map<uint16_t, PendingPing> pending_;
  std::map<uint64_t, std::unique_ptr<Session>> sessions_;
  std::unique_ptr<io::UnixListener> listener_;
};

}  // namespace natkit::meshnode
