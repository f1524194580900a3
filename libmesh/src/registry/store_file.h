#pragma once

#include <string>

#include "registry/sqlite_handle.h"

namespace natkit::mesh {

/// An open file that is closed in the end.
class OwnedFd {
 public:
  explicit OwnedFd(int fd) : fd_(fd) {}

  OwnedFd(OwnedFd&& other) noexcept;
  OwnedFd& operator=(OwnedFd&& other) noexcept;
  OwnedFd(const OwnedFd&) = delete;
  OwnedFd& operator=(const OwnedFd&) = delete;
  ~OwnedFd();

  [[nodiscard]] int get() const { return fd_; }

  [[nodiscard]] bool is_valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

/// `path`: the system's last error, in words, as `what` failed.
[[nodiscard]] StoreFailure SystemFailure(const std::string& path,
                                         const char* what);

/// Takes `path`-lock, which keeps a second server out as long as the result
/// lives. Errors: kStoreLocked, kNotFound, kPermissionDenied, kIo.
StoreResult<OwnedFd> LockStore(const std::string& path);

/// Makes `path` an empty file of mode 0600 if there is none; else checks that
/// it is a file that nobody else may read. Errors: kInsecureFile, kBadValue,
/// kPermissionDenied, kNotFound, kStoreFull, kIo.
StoreResult<void> EnsurePrivateFile(const std::string& path);

/// Makes what was renamed or made in the folder of `path` last.
StoreResult<void> SyncFolder(const std::string& path);

/// Makes the content of `path` last.
StoreResult<void> SyncFile(const std::string& path);

}  // namespace natkit::mesh
