#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "fd_watcher.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/timer.h"
#include "natkit/io/unique_fd.h"
#include "sockaddr.h"

namespace natkit::io {

/// Accepts connections from a listening socket of any kind.
class Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  using Handler = std::function<void(UniqueFd fd, const SockAddr& remote)>;

  Acceptor(EventLoop& loop, UniqueFd listening, Handler on_accept);

  /// Starts accepting; only once a shared_ptr holds this.
  void Start() { watcher_->Watch({.read = true}); }

  /// Stops; may be called inside the handler.
  void Close();

  [[nodiscard]] int fd() const { return watcher_->fd(); }

 private:
  void OnReady();

  Handler on_accept_;
  Timer rest_;
  std::unique_ptr<FdWatcher> watcher_;  // null once closed
};

}  // namespace natkit::io
