#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "natkit/base/result.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/unix_socket.h"
#include "natkit/wg/uapi.h"

namespace natkit::meshnode {

/// Serves WireGuard's cross-platform configuration protocol on a Unix socket:
/// an operation is lines up to an empty one, each gets one answer.
class WgControl {
 public:
  /// Answers one operation; `request` is its lines without the empty one, and
  /// may be changed (it is wiped afterwards).
  using Handler = std::function<wg::SecretText(std::string& request)>;

  /// A request of more bytes ends its connection.
  static constexpr size_t kMaxRequest = size_t{16} << 20;
  static constexpr size_t kMaxConnections = 32;

  WgControl(io::EventLoop& loop, Handler handler);

  /// Errors as UnixListener::Listen.
  [[nodiscard]] Result<void> Listen(const std::string& path);

 private:
  struct Connection {
    io::UnixStream stream;
    std::string input;  // wiped when it shrinks or moves
    ~Connection();
    explicit Connection(io::UnixStream accepted);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
  };

  void Accept(io::UnixStream stream);
  void HandleData(uint64_t id, ByteView bytes);
  /// Takes the first whole operation out of `input`; false when there is none.
  static bool TakeRequest(std::string& input, std::string& request);

  io::EventLoop& loop_;
  Handler handler_;
  uint64_t next_id_ = 1;
  std::map<uint64_t, Connection> connections_;
  std::optional<io::UnixListener> listener_;
};

}  // namespace natkit::meshnode
