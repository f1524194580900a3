#include "dns/programs.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "natkit/io/unique_fd.h"
#include "natkit/shell/error_text.h"

namespace natkit::meshnode {
namespace {

using io::UniqueFd;
using shell::Outcome;

constexpr size_t kMaxOutput = size_t{256} * 1024;
constexpr int kNotRun = 127;

std::unexpected<std::string> FailErrno(const std::string& what) {
  return std::unexpected(shell::SystemError(what));
}

/// A file in memory: unlike a pipe, it neither fills up nor stays open because
/// the program has left a daemon behind.
Outcome<UniqueFd> MemoryFile(std::string_view content) {
  UniqueFd fd(::memfd_create("natkit", MFD_CLOEXEC));
  if (!fd.is_valid()) {
    return FailErrno("memfd");
  }
  if (::write(fd.get(), content.data(), content.size()) !=
          static_cast<ssize_t>(content.size()) ||
      ::lseek(fd.get(), 0, SEEK_SET) != 0) {
    return FailErrno("memfd");
  }
  return fd;
}

std::string ReadAll(int fd) {
  std::string text;
  std::array<char, 4096> chunk{};
  off_t at = 0;
  while (text.size() < kMaxOutput) {
    const ssize_t size = ::pread(fd, chunk.data(), chunk.size(), at);
    if (size <= 0) {
      break;
    }
    text.append(chunk.data(), static_cast<size_t>(size));
    at += size;
  }
  return text;
}

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) {
    pointers.push_back(const_cast<char*>(text.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> EnvironmentWith(const std::string& path) {
  std::vector<std::string> all{"PATH=" + path, "LC_ALL=C"};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (!text.starts_with("PATH=") && !text.starts_with("LC_ALL=")) {
      all.emplace_back(text);
    }
  }
  return all;
}

/// Only what is safe between fork and exec.
[[noreturn]] void ChildMain(const char* file, char* const* arguments,
                            char* const* environment, int input, int output) {
  for (int signal = 1; signal < NSIG; ++signal) {
    ::signal(signal, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::dup2(input, STDIN_FILENO) >= 0 && ::dup2(output, STDOUT_FILENO) >= 0 &&
      ::dup2(output, STDERR_FILENO) >= 0) {
    ::execve(file, arguments, environment);
  }
  ::_exit(kNotRun);
}

/// The exit status, or nullopt if it had to be ended.
std::optional<int> WaitFor(pid_t pid, Duration limit) {
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  pollfd ready{.fd = process.get(), .events = POLLIN, .revents = 0};
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(limit);
  int polled = 0;
  do {
    polled = ::poll(&ready, 1, static_cast<int>(wait.count()));
  } while (polled < 0 && errno == EINTR);
  if (polled <= 0) {
    ::kill(pid, SIGKILL);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (polled <= 0) {
    return std::nullopt;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : kNotRun;
}

std::string LastLine(std::string_view text) {
  while (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  const size_t line = text.rfind('\n');
  return std::string(line == std::string_view::npos ? text
                                                    : text.substr(line + 1));
}

}  // namespace

std::optional<std::string> Programs::Find(std::string_view name) const {
  for (size_t at = 0; at <= path_.size();) {
    const size_t end = std::min(path_.find(':', at), path_.size());
    const std::string file =
        path_.substr(at, end - at) + "/" + std::string(name);
    if (::access(file.c_str(), X_OK) == 0) {
      return file;
    }
    at = end + 1;
  }
  return std::nullopt;
}

Outcome<std::string> Programs::Run(const std::vector<std::string>& command,
                                   std::string_view input,
                                   Duration limit) const {
  const auto file = Find(command.front());
  if (!file) {
    return std::unexpected(command.front() + " is not installed");
  }
  const auto in = MemoryFile(input);
  const auto out = MemoryFile({});
  if (!in || !out) {
    return std::unexpected(in ? out.error() : in.error());
  }
  const auto environment = EnvironmentWith(path_);
  const auto arguments_pointers = Pointers(command);
  const auto environment_pointers = Pointers(environment);
  const pid_t pid = ::fork();
  if (pid < 0) {
    return FailErrno("fork");
  }
  if (pid == 0) {
    ChildMain(file->c_str(), arguments_pointers.data(),
              environment_pointers.data(), in->get(), out->get());
  }
  const auto status = WaitFor(pid, limit);
  std::string output = ReadAll(out->get());
  if (!status) {
    return std::unexpected(command.front() + " did not end in time");
  }
  if (*status != 0) {
    return std::unexpected(command.front() + " failed with status " +
                           std::to_string(*status) + ": " + LastLine(output));
  }
  return output;
}

}  // namespace natkit::meshnode
