#pragma once

#include <string>
#include <string_view>

#include "natkit/netsim/control.h"

namespace natkit::netsim {

/// Owns a file descriptor.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}

  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.Release()) {}

  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  ~FileDescriptor() { Reset(); }

  void Reset();

  [[nodiscard]] int Release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

  [[nodiscard]] int get() const { return fd_; }

  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

 private:
  int fd_;
};

/// "what: strerror(errno)" for the current errno.
[[nodiscard]] Failure SystemFailure(const std::string& what);

/// The whole file. /proc and /sys files work too.
[[nodiscard]] Outcome<std::string> ReadFile(const std::string& path);

/// Everything up to the end of an open file or pipe.
[[nodiscard]] Outcome<std::string> ReadAll(const FileDescriptor& file);

/// Writes an existing file in place, as /proc/sys wants it.
[[nodiscard]] Outcome<void> WriteExisting(const std::string& path,
                                          std::string_view text);

/// Replaces or creates a file; readers see the old or the new content.
[[nodiscard]] Outcome<void> WriteAtomically(const std::string& path,
                                            std::string_view text);

}  // namespace natkit::netsim
