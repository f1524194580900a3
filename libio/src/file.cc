#include "natkit/io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "natkit/base/secret.h"
#include "natkit/io/unique_fd.h"
#include "system_error.h"

namespace natkit::io {

namespace {

/// Opens a regular file; O_NONBLOCK so that a pipe does not block the open.
Result<UniqueFd> OpenRegular(const std::string& path, struct stat& status) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.is_valid() || ::fstat(fd.get(), &status) != 0) {
    return FailErrno();
  }
  if (!S_ISREG(status.st_mode)) {
    return Fail(Errc::kBadValue);
  }
  return fd;
}

/// Reads to the end into a buffer that never moves, so that no copy of a
/// secret stays behind in freed memory.
Result<std::vector<uint8_t>> ReadAll(int fd, size_t max_size) {
  std::vector<uint8_t> bytes(max_size + 1);
  size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t count = ::read(fd, bytes.data() + size, bytes.size() - size);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      WipeBytes(bytes);
      return FailErrno();
    }
    if (count == 0) {
      bytes.resize(size);
      return bytes;
    }
    size += static_cast<size_t>(count);
  }
  WipeBytes(bytes);
  return Fail(Errc::kLimitExceeded);
}

bool WriteAll(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR) {
      return false;
    }
    bytes = bytes.subspan(count > 0 ? static_cast<size_t>(count) : 0);
  }
  return true;
}

/// Makes the rename itself survive a power loss; best effort.
void SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder =
      slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.is_valid()) {
    ::fsync(fd.get());
  }
}

}  // namespace

SecretBytes::~SecretBytes() {
  WipeBytes(bytes_);
}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

Result<std::vector<uint8_t>> ReadFile(const std::string& path,
                                      size_t max_size) {
  struct stat status{};
  auto fd = OpenRegular(path, status);
  if (!fd) {
    return std::unexpected(fd.error());
  }
  return ReadAll(fd->get(), max_size);
}

Result<SecretBytes> ReadSecretFile(const std::string& path, size_t max_size) {
  struct stat status{};
  auto fd = OpenRegular(path, status);
  if (!fd) {
    return std::unexpected(fd.error());
  }
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return Fail(Errc::kInsecureFile);
  }
  auto bytes = ReadAll(fd->get(), max_size);
  if (!bytes) {
    return std::unexpected(bytes.error());
  }
  return SecretBytes(*std::move(bytes));
}

Result<void> WriteFileAtomically(const std::string& path, ByteView content) {
  std::string temporary = path + ".XXXXXX";
  const UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));  // mode 0600
  if (!fd.is_valid()) {
    return FailErrno();
  }
  if (!WriteAll(fd.get(), content) || ::fsync(fd.get()) != 0 ||
      ::rename(temporary.c_str(), path.c_str()) != 0) {
    const int reason = errno;
    ::unlink(temporary.c_str());
    errno = reason;
    return FailErrno();
  }
  SyncFolderOf(path);
  return {};
}

}  // namespace natkit::io
