#include "steps/step_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "natkit/netsim/control.h"

namespace natkit::netsim {
namespace {

constexpr int kNotExecutable = 126;
constexpr int kNotFound = 127;

[[noreturn]] void Complain(const std::string& text, int status) {
  const std::string line = "netsim: " + text + "\n";
  const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
  _exit(written < 0 ? status : status);
}

[[noreturn]] void ChildMain(const std::string& id, const std::string& member,
                            const std::vector<std::string>& command,
                            int output) {
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2(null, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  if (const auto entered = Enter(id, member); !entered) {
    Complain(entered.error().text, kNotExecutable);
  }
  std::vector<char*> arguments;
  for (const std::string& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  execvp(arguments.front(), arguments.data());
  const int error = errno;
  Complain(SystemFailure(command.front()).text,
           error == ENOENT ? kNotFound : kNotExecutable);
}

}  // namespace

StepProcess::StepProcess(pid_t pid, FileDescriptor process,
                         FileDescriptor output)
    : pid_(pid), process_(std::move(process)), output_(std::move(output)) {}

StepProcess::StepProcess(StepProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      process_(std::move(other.process_)),
      output_(std::move(other.output_)),
      text_(std::move(other.text_)),
      has_ended_(other.has_ended_),
      status_(other.status_) {}

StepProcess& StepProcess::operator=(StepProcess&& other) noexcept {
  if (this != &other) {
    Kill();
    pid_ = std::exchange(other.pid_, -1);
    process_ = std::move(other.process_);
    output_ = std::move(other.output_);
    text_ = std::move(other.text_);
    has_ended_ = other.has_ended_;
    status_ = other.status_;
  }
  return *this;
}

StepProcess::~StepProcess() {
  Kill();
}

Outcome<StepProcess> StepProcess::Start(
    const std::string& id, const std::string& member,
    const std::vector<std::string>& command) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return std::unexpected(SystemFailure("pipe"));
  }
  FileDescriptor reader(ends[0]);
  const FileDescriptor writer(ends[1]);
  // Only our end: the command's output may block.
  fcntl(reader.get(), F_SETFL, O_NONBLOCK);
  const pid_t pid = fork();
  if (pid < 0) {
    return std::unexpected(SystemFailure("fork"));
  }
  if (pid == 0) {
    ChildMain(id, member, command, writer.get());
  }
  setpgid(pid, pid);  // whoever is first
  FileDescriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  return StepProcess(pid, std::move(process), std::move(reader));
}

void StepProcess::ReadOutput() {
  std::array<char, 16384> chunk{};
  while (output_.is_open()) {
    const ssize_t size = read(output_.get(), chunk.data(), chunk.size());
    if (size < 0) {
      return;  // nothing more now
    }
    if (size == 0) {
      output_.Reset();
      return;
    }
    text_.append(chunk.data(), static_cast<size_t>(size));
    if (text_.size() > kMaxOutput) {
      text_.erase(0, text_.size() - kMaxOutput);
    }
  }
}

void StepProcess::HandleExit() {
  if (has_ended_ || waitpid(pid_, &status_, WNOHANG) != pid_) {
    return;
  }
  has_ended_ = true;
  process_.Reset();
  ReadOutput();
}

std::string StepProcess::Ending() const {
  return WIFEXITED(status_) ? "exit " + std::to_string(WEXITSTATUS(status_))
                            : "signal " + std::to_string(WTERMSIG(status_));
}

std::optional<int> StepProcess::exit_status() const {
  if (!has_ended_) {
    return std::nullopt;
  }
  constexpr int kSignalled = 128;  // as shells say it
  return WIFEXITED(status_) ? WEXITSTATUS(status_)
                            : kSignalled + WTERMSIG(status_);
}

void StepProcess::Kill() {
  if (pid_ < 0) {
    return;
  }
  if (!has_ended_) {
    // The leader is not reaped yet, so its number is still the group's.
    kill(-pid_, SIGKILL);
    while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
    }
    has_ended_ = true;
  }
  process_.Reset();
  output_.Reset();
  pid_ = -1;
}

}  // namespace natkit::netsim
