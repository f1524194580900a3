#include "natkit/io/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "acceptor.h"
#include "stream_impl.h"
#include "system_error.h"

namespace natkit::io {

namespace {

constexpr int kBacklog = 64;

static_assert(kMaxUnixSocketPath == sizeof(sockaddr_un{}.sun_path) - 1);

Result<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() > kMaxUnixSocketPath) {
    return Fail(Errc::kBadLength);
  }
  std::ranges::copy(path, address.sun_path);
  return address;
}

Result<UniqueFd> OpenUnixSocket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_valid()) {
    return FailErrno();
  }
  return fd;
}

bool ConnectTo(int fd, const sockaddr_un& address) {
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&address),
                   sizeof address) == 0;
}

/// Removes the socket file of a server that is gone.
Result<void> MakeWay(const std::string& path, const sockaddr_un& address) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) {
      return {};
    }
    return FailErrno();
  }
  if (!S_ISSOCK(status.st_mode)) {
    return Fail(Errc::kAlreadyExists);
  }
  auto probe = OpenUnixSocket();
  if (!probe) {
    return std::unexpected(probe.error());
  }
  if (ConnectTo(probe->get(), address) || errno == EAGAIN) {
    return Fail(Errc::kAddressInUse);
  }
  if (errno != ECONNREFUSED) {
    return FailErrno();
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return FailErrno();
  }
  return {};
}

/// Binds so that at no moment anybody can open the path who may not.
bool BindWithMode(int fd, const sockaddr_un& address, mode_t mode) {
  const mode_t before = ::umask(077);
  const int result =
      ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  ::umask(before);
  errno = error;
  return result == 0 && ::chmod(address.sun_path, mode) == 0;
}

Result<UniqueFd> StartConnect(const std::string& path) {
  auto address = AddressOf(path);
  if (!address) {
    return std::unexpected(address.error());
  }
  auto fd = OpenUnixSocket();
  if (fd && !ConnectTo(fd->get(), *address)) {
    return FailErrno();
  }
  return fd;
}

/// Which file a path names, to tell ours from one that took its place.
struct FileIdentity {
  dev_t device;
  ino_t inode;
  bool operator==(const FileIdentity&) const = default;

  static std::optional<FileIdentity> Of(const std::string& path) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) {
      return std::nullopt;
    }
    return FileIdentity{status.st_dev, status.st_ino};
  }
};

}  // namespace

UnixStream::UnixStream(std::shared_ptr<Impl> impl)
    : ByteStream(std::move(impl)) {}

UnixStream UnixStream::Connect(EventLoop& loop, const std::string& path,
                               StreamHandlers handlers,
                               const StreamOptions& options) {
  auto impl = std::make_shared<Impl>(loop, options);
  impl->SetHandlers(std::move(handlers));
  if (auto fd = StartConnect(path)) {
    impl->AwaitConnect(*std::move(fd), {});
  } else {
    impl->FailLater(fd.error().code);
  }
  return UnixStream(std::move(impl));
}

Result<PeerCredentials> UnixStream::peer_credentials() const {
  const auto fd = impl().fd();
  return fd ? ReadPeerCredentials(*fd) : Fail(Errc::kClosed);
}

class UnixListener::Impl {
 public:
  Impl(EventLoop& loop, UniqueFd fd, std::string path, AcceptHandler on_accept,
       const StreamOptions& options)
      : path_(std::move(path)),
        identity_(FileIdentity::Of(path_)),
        acceptor_(std::make_shared<Acceptor>(
            loop, std::move(fd),
            [&loop, options, on_accept = std::move(on_accept)](
                UniqueFd accepted, const SockAddr& /*remote*/) {
              auto stream = std::make_shared<ByteStream::Impl>(loop, options);
              stream->Adopt(std::move(accepted), {}, {});
              on_accept(UnixStream(std::move(stream)));
            })) {
    acceptor_->Start();
  }

  ~Impl() {
    acceptor_->Close();
    if (identity_ && FileIdentity::Of(path_) == identity_) {
      ::unlink(path_.c_str());
    }
  }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::optional<FileIdentity> identity_;
  std::shared_ptr<Acceptor> acceptor_;
};

Result<UnixListener> UnixListener::Listen(EventLoop& loop,
                                          const std::string& path,
                                          AcceptHandler on_accept,
                                          const StreamOptions& options,
                                          UnixAccess access) {
  auto address = AddressOf(path);
  if (!address) {
    return std::unexpected(address.error());
  }
  if (auto way = MakeWay(path, *address); !way) {
    return std::unexpected(way.error());
  }
  auto fd = OpenUnixSocket();
  if (!fd) {
    return std::unexpected(fd.error());
  }
  const mode_t mode = access == UnixAccess::kOwner ? 0600 : 0666;
  if (!BindWithMode(fd->get(), *address, mode) ||
      ::listen(fd->get(), kBacklog) != 0) {
    return FailErrno();
  }
  return UnixListener(std::make_shared<Impl>(loop, *std::move(fd), path,
                                             std::move(on_accept), options));
}

UnixListener::UnixListener(std::shared_ptr<Impl> impl)
    : impl_(std::move(impl)) {}

UnixListener::~UnixListener() = default;
UnixListener::UnixListener(UnixListener&&) noexcept = default;
UnixListener& UnixListener::operator=(UnixListener&&) noexcept = default;

const std::string& UnixListener::path() const {
  return impl_->path();
}

}  // namespace natkit::io
