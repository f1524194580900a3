#include "natkit/io/tcp.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "acceptor.h"
#include "sockaddr.h"
#include "stream_impl.h"
#include "system_error.h"

namespace natkit::io {

namespace {

constexpr int kBacklog = 1024;

template <class Unit>
int CountOf(Duration duration) {
  return static_cast<int>(std::clamp<int64_t>(
      std::chrono::ceil<Unit>(duration).count(), 0, INT32_MAX));
}

/// Tuning that no connection fails for.
void Tune(int fd, const StreamOptions& options) {
  static_cast<void>(SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1));
  if (options.user_timeout > Duration{}) {
    const int ms = CountOf<std::chrono::milliseconds>(options.user_timeout);
    static_cast<void>(SetOption(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, ms));
  }
  if (options.keepalive > Duration{}) {
    const int idle = CountOf<std::chrono::seconds>(options.keepalive);
    const int interval = std::max(1, idle / 3);
    static_cast<void>(SetOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1));
    static_cast<void>(SetOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle));
    static_cast<void>(SetOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval));
  }
}

/// Binds to an endpoint that other connections may have, too.
bool BindShared(int fd, const Endpoint& local) {
  const SockAddr address(local);
  return SetOption(fd, SOL_SOCKET, SO_REUSEADDR, 1) &&
         SetOption(fd, SOL_SOCKET, SO_REUSEPORT, 1) &&
         ::bind(fd, address.get(), address.size) == 0;
}

Result<UniqueFd> StartConnect(const Endpoint& to,
                              const StreamOptions& options) {
  auto fd = OpenSocket(to.address.family(), SOCK_STREAM);
  if (!fd) {
    return fd;
  }
  if (options.fwmark != 0 &&
      !SetOption(fd->get(), SOL_SOCKET, SO_MARK, options.fwmark)) {
    return FailErrno();
  }
  if (options.local && !BindShared(fd->get(), *options.local)) {
    return FailErrno();
  }
  Tune(fd->get(), options);
  const SockAddr address(to);
  if (::connect(fd->get(), address.get(), address.size) != 0 &&
      errno != EINPROGRESS) {
    return FailErrno();
  }
  return fd;
}

}  // namespace

TcpStream::TcpStream(std::shared_ptr<Impl> impl)
    : ByteStream(std::move(impl)) {}

TcpStream TcpStream::Connect(EventLoop& loop, const Endpoint& to,
                             StreamHandlers handlers,
                             const StreamOptions& options) {
  auto impl = std::make_shared<Impl>(loop, options);
  impl->SetHandlers(std::move(handlers));
  if (auto fd = StartConnect(to, options)) {
    impl->AwaitConnect(*std::move(fd), to);
  } else {
    impl->FailLater(fd.error().code);
  }
  return TcpStream(std::move(impl));
}

const Endpoint& TcpStream::remote_endpoint() const {
  return impl().remote();
}

const Endpoint& TcpStream::local_endpoint() const {
  return impl().local();
}

class TcpListener::Impl {
 public:
  Impl(EventLoop& loop, UniqueFd fd, AcceptHandler on_accept,
       const StreamOptions& options)
      : local_(LocalEndpointOf(fd.get())),
        acceptor_(std::make_shared<Acceptor>(
            loop, std::move(fd),
            [&loop, options, on_accept = std::move(on_accept)](
                UniqueFd accepted, const SockAddr& remote) {
              Tune(accepted.get(), options);
              auto stream = std::make_shared<ByteStream::Impl>(loop, options);
              const Endpoint local = LocalEndpointOf(accepted.get());
              stream->Adopt(
                  std::move(accepted), local,
                  ToEndpoint(remote.get(), remote.size).value_or(Endpoint{}));
              on_accept(TcpStream(std::move(stream)));
            })) {
    acceptor_->Start();
  }

  ~Impl() { acceptor_->Close(); }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  [[nodiscard]] const Endpoint& local() const { return local_; }

 private:
  Endpoint local_;
  std::shared_ptr<Acceptor> acceptor_;
};

Result<TcpListener> TcpListener::Listen(EventLoop& loop, const Endpoint& local,
                                        AcceptHandler on_accept,
                                        const StreamOptions& options) {
  auto fd = OpenSocket(local.address.family(), SOCK_STREAM);
  if (!fd) {
    return std::unexpected(fd.error());
  }
  const SockAddr address(local);
  if (!SetOption(fd->get(), SOL_SOCKET, SO_REUSEADDR, 1) ||
      ::bind(fd->get(), address.get(), address.size) != 0 ||
      ::listen(fd->get(), kBacklog) != 0) {
    return FailErrno();
  }
  return TcpListener(std::make_shared<Impl>(loop, *std::move(fd),
                                            std::move(on_accept), options));
}

Result<TcpListener> TcpListener::Adopt(EventLoop& loop, UniqueFd listening,
                                       AcceptHandler on_accept,
                                       const StreamOptions& options) {
  int type = 0;
  int is_listening = 0;
  socklen_t size = sizeof type;
  const int fd = listening.get();
  const int flags = ::fcntl(fd, F_GETFL);
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
      ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) != 0 ||
      flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
    return FailErrno();
  }
  if (type != SOCK_STREAM || is_listening == 0 ||
      LocalEndpointOf(fd).port == 0) {
    return Fail(Errc::kUnsupported);
  }
  return TcpListener(std::make_shared<Impl>(loop, std::move(listening),
                                            std::move(on_accept), options));
}

TcpListener::TcpListener(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

TcpListener::~TcpListener() = default;
TcpListener::TcpListener(TcpListener&&) noexcept = default;
TcpListener& TcpListener::operator=(TcpListener&&) noexcept = default;

const Endpoint& TcpListener::local_endpoint() const {
  return impl_->local();
}

}  // namespace natkit::io
