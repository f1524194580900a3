#include "acceptor.h"

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <utility>

namespace natkit::io {

namespace {

/// Connections taken before other sockets get their turn.
constexpr int kAcceptsPerWake = 64;
constexpr Duration kRest = std::chrono::milliseconds(100);

bool IsOutOfResources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS ||
         error == ENOMEM;
}

}  // namespace

Acceptor::Acceptor(EventLoop& loop, UniqueFd listening, Handler on_accept)
    : on_accept_(std::move(on_accept)),
      rest_(loop, [this] { Start(); }),
      watcher_(std::make_unique<FdWatcher>(
          loop, std::move(listening),
          [this](Readiness /*ready*/) { OnReady(); })) {}

void Acceptor::Close() {
  rest_.Disarm();
  watcher_.reset();
}

void Acceptor::OnReady() {
  const auto keep_alive = shared_from_this();
  for (int i = 0; i < kAcceptsPerWake && watcher_ != nullptr; ++i) {
    SockAddr remote;
    remote.size = sizeof remote.storage;
    UniqueFd fd(::accept4(watcher_->fd(), remote.get(), &remote.size,
                          SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.is_valid()) {
      on_accept_(std::move(fd), remote);
      continue;
    }
    if (IsOutOfResources(errno)) {
      // The connection stays in the queue; polling for it would spin.
      watcher_->Watch({});
      rest_.Arm(EventLoop::Now() + kRest);
      return;
    }
    if (errno != ECONNABORTED && errno != EINTR) {
      return;
    }
  }
}

}  // namespace natkit::io
