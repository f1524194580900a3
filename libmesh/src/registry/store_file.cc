#include "registry/store_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace natkit::mesh {
namespace {

constexpr mode_t kPrivate = S_IRUSR | S_IWUSR;

Errc ErrcOfSystem(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return Errc::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return Errc::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
      return Errc::kStoreFull;
    case ELOOP:
    case EISDIR:
      return Errc::kBadValue;
    default:
      return Errc::kIo;
  }
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

StoreResult<void> Sync(const std::string& name, int flags) {
  const OwnedFd fd(::open(name.c_str(), flags | O_CLOEXEC));
  if (!fd.is_valid() || ::fsync(fd.get()) != 0) {
    return std::unexpected(SystemFailure(name, "cannot be written to disk"));
  }
  return {};
}

}  // namespace

OwnedFd::OwnedFd(OwnedFd&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)) {}

OwnedFd& OwnedFd::operator=(OwnedFd&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

OwnedFd::~OwnedFd() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

StoreFailure SystemFailure(const std::string& path, const char* what) {
  const int error = errno;
  return {ErrcOfSystem(error),
          path + ": " + what + " (" + std::strerror(error) + ")"};
}

StoreResult<OwnedFd> LockStore(const std::string& path) {
  const std::string name = path + "-lock";
  OwnedFd fd(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                    kPrivate));
  if (!fd.is_valid()) {
    return std::unexpected(SystemFailure(name, "cannot be made"));
  }
  // Not a record lock: those vanish when any handle of the file is closed, and
  // do not keep out a second store in the same process.
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) {
    return fd;
  }
  if (errno == EWOULDBLOCK) {
    return std::unexpected(StoreFailure{Errc::kStoreLocked,
                                        path + ": another server has it open"});
  }
  return std::unexpected(SystemFailure(name, "cannot be locked"));
}

StoreResult<void> EnsurePrivateFile(const std::string& path) {
  const OwnedFd made(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kPrivate));
  if (made.is_valid()) {
    return SyncFolder(path);
  }
  if (errno != EEXIST) {
    return std::unexpected(SystemFailure(path, "cannot be made"));
  }
  const OwnedFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  struct stat status{};
  if (!fd.is_valid() || ::fstat(fd.get(), &status) != 0) {
    return std::unexpected(SystemFailure(path, "cannot be opened"));
  }
  if (!S_ISREG(status.st_mode)) {
    return std::unexpected(
        StoreFailure{Errc::kBadValue, path + ": is not a file"});
  }
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return std::unexpected(
        StoreFailure{Errc::kInsecureFile,
                     path + ": others may read it; run: chmod 600 " + path});
  }
  return {};
}

StoreResult<void> SyncFolder(const std::string& path) {
  return Sync(FolderOf(path), O_RDONLY | O_DIRECTORY);
}

StoreResult<void> SyncFile(const std::string& path) {
  return Sync(path, O_RDONLY);
}

}  // namespace natkit::mesh
