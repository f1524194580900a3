#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "natkit/base/result.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/peer_credentials.h"
#include "natkit/io/stream.h"

namespace natkit::io {

/// Of a Unix socket's path, in bytes (Linux: room in sockaddr_un, less the
/// final zero).
inline constexpr size_t kMaxUnixSocketPath = 107;

/// A connection over a Unix stream socket.
class UnixStream : public ByteStream {
 public:
  /// Starts to connect; failures arrive by on_closed.
  [[nodiscard]] static UnixStream Connect(EventLoop& loop,
                                          const std::string& path,
                                          StreamHandlers handlers,
                                          const StreamOptions& options = {});

  /// Who is at the other end. Errors: kClosed (the stream is over), and those
  /// of ReadPeerCredentials.
  [[nodiscard]] Result<PeerCredentials> peer_credentials() const;

 private:
  friend class UnixListener;
  explicit UnixStream(std::shared_ptr<Impl> impl);
};

/// Who may open a Unix socket's path.
enum class UnixAccess : uint8_t {
  kOwner,     ///< mode 0600
  kEveryone,  ///< mode 0666: the owner judges each stream's peer_credentials()
};

/// Accepts connections on a Unix socket, and removes its path when it dies.
class UnixListener {
 public:
  using AcceptHandler = std::function<void(UnixStream stream)>;

  /// A socket file on which nobody answers is replaced. Errors: kAddressInUse
  /// (a live server answers), kAlreadyExists (not a socket), kNotFound (no
  /// such directory), kPermissionDenied, kBadLength (over kMaxUnixSocketPath),
  /// kIo.
  [[nodiscard]] static Result<UnixListener> Listen(
      EventLoop& loop, const std::string& path, AcceptHandler on_accept,
      const StreamOptions& options = {},
      UnixAccess access = UnixAccess::kOwner);
  ~UnixListener();
  UnixListener(UnixListener&&) noexcept;
  UnixListener& operator=(UnixListener&&) noexcept;

  [[nodiscard]] const std::string& path() const;

  class Impl;

 private:
  explicit UnixListener(std::shared_ptr<Impl> impl);

  std::shared_ptr<Impl> impl_;
};

}  // namespace natkit::io
