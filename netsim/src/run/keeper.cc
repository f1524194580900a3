#include "run/keeper.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <sstream>
#include <utility>

namespace natkit::netsim {
namespace {

constexpr int kReportFd = 3;
constexpr int kCommitFd = 4;
constexpr int kFirstNamespaceFd = 8;

/// Becomes root of a new user namespace that only this user is mapped into.
bool EnterUserNamespace() {
  const std::string uid = std::to_string(geteuid());
  const std::string gid = std::to_string(getegid());
  return unshare(CLONE_NEWUSER) == 0 &&
         WriteExisting("/proc/self/uid_map", "0 " + uid + " 1") &&
         WriteExisting("/proc/self/setgroups", "deny") &&
         WriteExisting("/proc/self/gid_map", "0 " + gid + " 1");
}

/// Whether `up` failed or was killed before it committed.
bool IsAbandoned() {
  pollfd commit{kCommitFd, 0, 0};
  return poll(&commit, 1, 0) > 0;
}

/// Makes namespaces on descriptors kFirstNamespaceFd and up; returns the
/// report for the parent: "ok USERNS", then their inodes.
Outcome<std::string> MakeNamespaces(size_t count) {
  std::ostringstream report;
  bool in_user_namespace = false;
  for (size_t i = 0; i < count; ++i) {
    if (IsAbandoned()) {
      return std::unexpected(Failure{"`up` has ended"});
    }
    if (unshare(CLONE_NEWNET) != 0) {
      if (errno != EPERM || i > 0 || !EnterUserNamespace() ||
          unshare(CLONE_NEWNET) != 0) {
        return std::unexpected(SystemFailure(
            "cannot make network namespaces: needs root, or a kernel that "
            "allows unprivileged user namespaces"));
      }
      in_user_namespace = true;
    }
    if (i == 0) {
      report << "ok " << in_user_namespace;
    }
    const int wanted = kFirstNamespaceFd + static_cast<int>(i);
    const int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    struct stat status{};
    if (fd < 0 || (fd != wanted && dup2(fd, wanted) < 0) ||
        fstat(wanted, &status) != 0) {
      return std::unexpected(SystemFailure("cannot hold a namespace"));
    }
    if (fd != wanted) {
      close(fd);
    }
    report << ' ' << status.st_ino;
  }
  return report.str();
}

/// Gives up everything inherited: the terminal, pipes of the caller, and the
/// directory it stands in.
void Detach(int report, int commit) {
  const int moved_report = fcntl(report, F_DUPFD, 10);
  const int moved_commit = fcntl(commit, F_DUPFD, 10);
  const int null = open("/dev/null", O_RDWR);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    dup2(null, fd);
  }
  dup2(moved_report, kReportFd);
  dup2(moved_commit, kCommitFd);
  syscall(SYS_close_range, kCommitFd + 1, ~0U, 0);
  setsid();
  umask(077);
  if (chdir("/") != 0) {
    _exit(1);
  }
}

[[noreturn]] void KeeperMain(size_t count, const std::string& run,
                             int report_fd, int commit_fd) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  Detach(report_fd, commit_fd);
  SetTitle("netsim-keeper", run);
  const auto report = MakeNamespaces(count);
  const std::string text = report ? *report : report.error().text;
  if (write(kReportFd, text.data(), text.size()) < 0 || !report) {
    _exit(1);
  }
  close(kReportFd);
  sigset_t end;
  sigemptyset(&end);
  sigaddset(&end, SIGTERM);
  const int ended = signalfd(-1, &end, SFD_CLOEXEC);
  std::array<pollfd, 2> entries = {
      {{ended, POLLIN, 0}, {kCommitFd, POLLIN, 0}}};
  while (poll(entries.data(), entries.size(), -1) > 0 &&
         entries[0].revents == 0) {
    char word = 0;
    if (read(kCommitFd, &word, 1) != 1) {
      _exit(1);  // `up` failed or was killed
    }
    entries[1].fd = -1;  // committed: only the signal counts
  }
  _exit(0);
}

Outcome<Keeper> ReadReport(const FileDescriptor& reader, pid_t pid,
                           size_t count) {
  const auto text = ReadAll(reader);
  if (!text) {
    return std::unexpected(text.error());
  }
  std::istringstream words(*text);
  std::string verdict;
  Keeper keeper;
  words >> verdict >> keeper.has_user_namespace;
  for (size_t i = 0; i < count; ++i) {
    keeper.fds.push_back(kFirstNamespaceFd + static_cast<int>(i));
    words >> keeper.inodes.emplace_back();
  }
  if (verdict != "ok" || !words) {
    return std::unexpected(
        Failure{text->empty() ? "the keeper process died" : *text});
  }
  keeper.process = FindProcess(pid).value_or(ProcessId{pid, 0});
  return keeper;
}

}  // namespace

Outcome<Keeper> StartKeeper(size_t count, const std::string& run) {
  std::array<int, 2> report{};
  std::array<int, 2> commit{};
  if (pipe2(report.data(), O_CLOEXEC) != 0 ||
      pipe2(commit.data(), O_CLOEXEC) != 0) {
    return std::unexpected(SystemFailure("pipe"));
  }
  FileDescriptor report_reader(report[0]);
  FileDescriptor report_writer(report[1]);
  const FileDescriptor commit_reader(commit[0]);
  FileDescriptor commit_writer(commit[1]);
  const pid_t pid = fork();
  if (pid < 0) {
    return std::unexpected(SystemFailure("fork"));
  }
  if (pid == 0) {
    KeeperMain(count, run, report_writer.get(), commit_reader.get());
  }
  report_writer.Reset();
  auto keeper = ReadReport(report_reader, pid, count);
  if (keeper) {
    keeper->commit = std::move(commit_writer);
  }
  return keeper;
}

Outcome<void> Commit(Keeper& keeper) {
  const bool done = write(keeper.commit.get(), "c", 1) == 1;
  keeper.commit.Reset();
  if (!done) {
    return std::unexpected(SystemFailure("the keeper process died"));
  }
  return {};
}

}  // namespace natkit::netsim
