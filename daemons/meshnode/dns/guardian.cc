#include "dns/guardian.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <vector>

#include "natkit/shell/error_text.h"

namespace natkit::meshnode {
namespace {

constexpr char kDismissed = 'd';

void IgnoreWhatEndsTheParent() {
  for (int signal = 1; signal < NSIG; ++signal) {
    ::signal(signal, SIG_DFL);
  }
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) {
    ::signal(signal, SIG_IGN);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// Closes all but `keep`: an inherited socket would keep its port taken, an
/// inherited TUN device its interface.
void CloseOthers(std::vector<int> keep) {
  std::ranges::sort(keep);
  unsigned int next = 0;
  for (const int fd : keep) {
    const auto kept = static_cast<unsigned int>(fd);
    if (kept > next) {
      ::close_range(next, kept - 1, 0);
    }
    next = kept + 1;
  }
  ::close_range(next, ~0U, 0);
}

void OpenStandardStreams() {
  while (true) {  // the lowest free descriptor each time
    const int fd = ::open("/dev/null", O_RDWR);
    if (fd < 0) {
      return;
    }
    if (fd > STDERR_FILENO) {
      ::close(fd);
      return;
    }
  }
}

/// True if the other end was closed without a word.
bool WaitForEnd(int pipe) {
  char word = 0;
  ssize_t size = 0;
  do {
    size = ::read(pipe, &word, 1);
  } while (size < 0 && errno == EINTR);
  return size != 1 || word != kDismissed;
}

[[noreturn]] void ChildMain(int pipe, const std::function<void()>& tidy_up,
                            std::span<const int> keep, const char* name) {
  ::setsid();
  IgnoreWhatEndsTheParent();
  ::prctl(PR_SET_NAME, name);
  std::vector<int> kept(keep.begin(), keep.end());
  kept.push_back(pipe);
  CloseOthers(std::move(kept));
  OpenStandardStreams();
  ::umask(022);
  if (::chdir("/") == 0 && WaitForEnd(pipe)) {
    tidy_up();
  }
  ::_exit(0);
}

}  // namespace

shell::Outcome<Guardian> Guardian::Start(const std::function<void()>& tidy_up,
                                         std::span<const int> keep,
                                         const char* name) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return std::unexpected(shell::SystemError("pipe"));
  }
  const io::UniqueFd reader(ends[0]);
  io::UniqueFd writer(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) {
    return std::unexpected(shell::SystemError("fork"));
  }
  if (pid == 0) {
    ChildMain(reader.get(), tidy_up, keep, name);
  }
  return Guardian(std::move(writer), pid);
}

Guardian::~Guardian() {
  if (pid_ > 0) {
    pipe_.Reset();
    Wait();
  }
}

void Guardian::Dismiss() {
  // A guardian that is gone must not end this process: the signal is taken
  // from this thread before it is let through again.
  sigset_t broken_pipe;
  sigset_t before;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
  if (::write(pipe_.get(), &kDismissed, 1) < 0) {
    constexpr timespec kAtOnce{};
    ::sigtimedwait(&broken_pipe, nullptr, &kAtOnce);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pipe_.Reset();
  Wait();
}

void Guardian::Wait() {
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

}  // namespace natkit::meshnode
