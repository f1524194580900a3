#include "dns/resolv_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string_view>

#include "dns/resolv_conf.h"
#include "natkit/io/file.h"
#include "natkit/io/unique_fd.h"
#include "natkit/shell/error_text.h"

namespace natkit::meshnode {
namespace {

using shell::Outcome;

constexpr size_t kMaxSize = size_t{1024} * 1024;
constexpr mode_t kMode = 0644;

struct Attributes {
  mode_t mode = kMode;
  uid_t owner = 0;
  gid_t group = 0;
};

std::unexpected<std::string> FailErrno(const std::string& path) {
  return std::unexpected(shell::SystemError(path));
}

Outcome<void> WriteAll(int fd, std::string_view content,
                       const std::string& path) {
  while (!content.empty()) {
    const ssize_t size = ::write(fd, content.data(), content.size());
    if (size < 0) {
      return FailErrno(path);
    }
    content.remove_prefix(static_cast<size_t>(size));
  }
  return ::fsync(fd) == 0 ? Outcome<void>() : FailErrno(path);
}

Outcome<void> WriteNew(const std::string& path, std::string_view content,
                       const Attributes& attributes) {
  ::unlink(path.c_str());
  const io::UniqueFd fd(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.is_valid() ||
      ::fchown(fd.get(), attributes.owner, attributes.group) != 0 ||
      ::fchmod(fd.get(), attributes.mode) != 0) {
    return FailErrno(path);
  }
  return WriteAll(fd.get(), content, path);
}

Outcome<void> WriteInPlace(const std::string& path, std::string_view content) {
  const io::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (!fd.is_valid()) {
    return FailErrno(path);
  }
  return WriteAll(fd.get(), content, path);
}

/// A rename is durable only with its directory.
void SyncFolder(const std::string& path) {
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  const io::UniqueFd fd(
      ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.is_valid()) {
    ::fsync(fd.get());
  }
}

/// Moves `from` over `to`; where `to` is a mount, its content alone.
Outcome<void> MoveOver(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) {
    SyncFolder(to);
    return {};
  }
  if (errno != EBUSY) {
    return FailErrno(to);
  }
  const auto content = ReadText(from);
  if (!content) {
    return FailErrno(from);
  }
  if (auto written = WriteInPlace(to, *content); !written) {
    return written;
  }
  ::unlink(from.c_str());
  return {};
}

Attributes AttributesOf(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    return {.mode = kMode, .owner = ::geteuid(), .group = ::getegid()};
  }
  return {.mode = static_cast<mode_t>(status.st_mode & 07777),
          .owner = status.st_uid,
          .group = status.st_gid};
}

/// False: it is no symbolic link.
bool CopyLink(const std::string& from, const std::string& to) {
  std::error_code error;
  const auto target = std::filesystem::read_symlink(from, error);
  return !error && ::symlink(target.c_str(), to.c_str()) == 0;
}

}  // namespace

bool Exists(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0;
}

std::optional<std::string> ReadText(const std::string& path) {
  const auto bytes = io::ReadFile(path, kMaxSize);
  if (!bytes) {
    return std::nullopt;
  }
  return std::string(AsText(*bytes));
}

Outcome<void> BackUp(const SetupState& state) {
  if (!state.had_original) {
    return {};
  }
  const std::string next = state.backup + ".new";
  ::unlink(next.c_str());
  // A second name for the file, or for the link itself: owner, mode, times and
  // extended attributes come back as they were.
  const bool is_linked = ::linkat(AT_FDCWD, state.resolv_conf.c_str(), AT_FDCWD,
                                  next.c_str(), 0) == 0;
  if (!is_linked && !CopyLink(state.resolv_conf, next)) {
    const auto content = ReadText(state.resolv_conf);
    if (!content) {
      return FailErrno(state.resolv_conf);
    }
    if (auto copied = WriteNew(next, *content, AttributesOf(state.resolv_conf));
        !copied) {
      return copied;
    }
  }
  // Nothing happens if both are names of one file; then `next` is left.
  if (::rename(next.c_str(), state.backup.c_str()) != 0) {
    return FailErrno(state.backup);
  }
  ::unlink(next.c_str());
  SyncFolder(state.backup);
  return {};
}

Outcome<void> Install(const std::string& path, const std::string& content) {
  const std::string next = path + ".natkit-new";
  if (auto written =
          WriteNew(next, content,
                   {.mode = kMode, .owner = ::geteuid(), .group = ::getegid()});
      !written) {
    return written;
  }
  auto moved = MoveOver(next, path);
  if (!moved) {
    ::unlink(next.c_str());
  }
  return moved;
}

bool IsInstalled(const SetupState& state) {
  const auto content = ReadText(state.resolv_conf);
  return content &&
         std::ranges::find(state.contents, *content) != state.contents.end();
}

Outcome<void> PutBack(const SetupState& state) {
  return MoveOver(state.backup, state.resolv_conf);
}

Outcome<void> RemoveOurs(const SetupState& state) {
  const ResolvConf original =
      ParseResolvConf(ReadText(state.backup).value_or(std::string()));
  return Install(
      state.resolv_conf,
      WithoutOurs(ReadText(state.resolv_conf).value_or(std::string()),
                  state.servers, original));
}

Outcome<void> RestoreFile(const SetupState& state) {
  const auto content = ReadText(state.resolv_conf);
  // Nobody wants an empty file: writing it in place was cut short.
  const bool is_ours = IsInstalled(state) || (content && content->empty());
  if (is_ours && !state.had_original) {
    return ::unlink(state.resolv_conf.c_str()) == 0
               ? Outcome<void>()
               : FailErrno(state.resolv_conf);
  }
  if (is_ours && Exists(state.backup)) {
    return PutBack(state);
  }
  Outcome<void> restored;
  if (content && IsOurs(*content)) {
    restored = RemoveOurs(state);
  }
  if (restored) {
    ::unlink(state.backup.c_str());
  }
  return restored;
}

}  // namespace natkit::meshnode
