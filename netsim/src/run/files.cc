#include "run/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace natkit::netsim {

Failure SystemFailure(const std::string& what) {
  const int error = errno;
  return {what + ": " + std::generic_category().message(error)};
}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    Reset();
    fd_ = other.Release();
  }
  return *this;
}

void FileDescriptor::Reset() {
  if (fd_ >= 0) {
    close(fd_);
    fd_ = -1;
  }
}

Outcome<std::string> ReadFile(const std::string& path) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) {
    return std::unexpected(SystemFailure(path));
  }
  auto text = ReadAll(file);
  if (!text) {
    text.error().text = path + ": " + text.error().text;
  }
  return text;
}

Outcome<std::string> ReadAll(const FileDescriptor& file) {
  std::string text;
  std::array<char, 4096> buffer{};
  while (true) {
    const ssize_t size = read(file.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) {
      continue;
    }
    if (size < 0) {
      return std::unexpected(SystemFailure("read"));
    }
    if (size == 0) {
      return text;
    }
    text.append(buffer.data(), static_cast<size_t>(size));
  }
}

namespace {

Outcome<void> WriteTo(const std::string& path, int flags,
                      std::string_view text) {
  const FileDescriptor file(open(path.c_str(), flags | O_CLOEXEC, 0600));
  if (!file.is_open()) {
    return std::unexpected(SystemFailure(path));
  }
  const ssize_t size = write(file.get(), text.data(), text.size());
  if (size != static_cast<ssize_t>(text.size())) {
    return std::unexpected(SystemFailure(path));
  }
  return {};
}

}  // namespace

Outcome<void> WriteExisting(const std::string& path, std::string_view text) {
  return WriteTo(path, O_WRONLY, text);
}

Outcome<void> WriteAtomically(const std::string& path, std::string_view text) {
  const std::string draft = path + ".new";
  auto written = WriteTo(draft, O_WRONLY | O_CREAT | O_TRUNC, text);
  if (written && std::rename(draft.c_str(), path.c_str()) != 0) {
    return std::unexpected(SystemFailure(path));
  }
  return written;
}

}  // namespace natkit::netsim
