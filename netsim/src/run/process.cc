#include "run/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <span>
#include <sstream>

#include "run/files.h"

namespace natkit::netsim {
namespace {

FileDescriptor OpenProcess(const ProcessId& process) {
  FileDescriptor fd(static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0)));
  if (!IsAlive(process)) {
    fd.Reset();
  }
  return fd;
}

void Signal(const FileDescriptor& process, int signal) {
  syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0);
}

/// Waits until every process has ended or the deadline has come; keeps those
/// that have not. A deadline of nullopt is never.
void WaitForEnd(std::vector<FileDescriptor>& processes,
                std::optional<std::chrono::steady_clock::time_point> deadline) {
  while (!processes.empty()) {
    pollfd entry{processes.back().get(), POLLIN, 0};
    int timeout = -1;
    if (deadline) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(
          *deadline - std::chrono::steady_clock::now());
      timeout = static_cast<int>(std::max<int64_t>(0, left.count()));
    }
    const int ready = poll(&entry, 1, timeout);
    if (ready == 0) {
      break;
    }
    if (ready > 0) {
      processes.pop_back();
    }
  }
  std::erase_if(processes, [](const FileDescriptor& process) {
    pollfd entry{process.get(), POLLIN, 0};
    return poll(&entry, 1, 0) > 0;
  });
}

/// Hands `text` to a child as its standard input.
FileDescriptor MakeInput(std::string_view text) {
  FileDescriptor file(memfd_create("netsim-input", MFD_CLOEXEC));
  if (file.is_open() && (write(file.get(), text.data(), text.size()) !=
                             static_cast<ssize_t>(text.size()) ||
                         lseek(file.get(), 0, SEEK_SET) != 0)) {
    file.Reset();
  }
  return file;
}

[[noreturn]] void ExecChild(const std::string& path,
                            const std::vector<std::string>& command, int input,
                            int output) {
  dup2(input, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  std::vector<char*> arguments;
  for (const std::string& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  execv(path.c_str(), arguments.data());
  _exit(127);
}

}  // namespace

std::optional<ProcessId> FindProcess(pid_t pid) {
  const auto stat = ReadFile("/proc/" + std::to_string(pid) + "/stat");
  if (!stat) {
    return std::nullopt;
  }
  // The name in parentheses may hold anything; fields count from its end.
  const size_t name_end = stat->rfind(')');
  if (name_end == std::string::npos) {
    return std::nullopt;
  }
  std::istringstream fields(stat->substr(name_end + 1));
  std::string state;
  fields >> state;
  std::string skipped;
  for (int field = 4; field < 22; ++field) {
    fields >> skipped;
  }
  ProcessId process{pid, 0};
  fields >> process.start_time;
  if (!fields || state == "Z" || state == "X") {
    return std::nullopt;
  }
  return process;
}

ProcessId ThisProcess() {
  return FindProcess(getpid()).value_or(ProcessId{getpid(), 0});
}

bool IsAlive(const ProcessId& process) {
  return FindProcess(process.pid) == process;
}

std::vector<ProcessId> AllProcesses() {
  std::vector<ProcessId> processes;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  while (proc != nullptr) {
    const dirent* entry = readdir(proc.get());
    if (entry == nullptr) {
      break;
    }
    const std::string_view name(entry->d_name);
    pid_t pid = 0;
    const auto [end, error] =
        std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size()) {
      continue;
    }
    if (const auto process = FindProcess(pid)) {
      processes.push_back(*process);
    }
  }
  return processes;
}

void SetTitle(const std::string& name, const std::string& run) {
  prctl(PR_SET_NAME, name.c_str());
  // Fields 48 and 49 of proc_pid_stat(5): where the arguments lie. What is
  // behind them, the environment, is looked at by Clean().
  constexpr int kFieldsBefore = 45;  // the name ends the second one
  const std::string stat = ReadFile("/proc/self/stat").value_or("");
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < kFieldsBefore; ++i) {
    fields >> skipped;
  }
  uintptr_t begin = 0;
  uintptr_t end = 0;
  if (!(fields >> begin >> end) || begin == 0 || end <= begin + 1) {
    return;
  }
  const std::string title = name + " " + run;
  const std::span<char> room(reinterpret_cast<char*>(begin), end - begin);
  std::ranges::fill(room, '\0');
  std::ranges::copy(title.substr(0, room.size() - 1), room.begin());
}

void EndProcesses(const std::vector<ProcessId>& processes,
                  std::chrono::milliseconds grace) {
  std::vector<FileDescriptor> open;
  for (const ProcessId& process : processes) {
    FileDescriptor fd = OpenProcess(process);
    if (fd.is_open()) {
      open.push_back(std::move(fd));
    }
  }
  for (const FileDescriptor& process : open) {
    Signal(process, SIGTERM);
    Signal(process, SIGCONT);  // a stopped process ends only once it continues
  }
  WaitForEnd(open, std::chrono::steady_clock::now() + grace);
  for (const FileDescriptor& process : open) {
    Signal(process, SIGKILL);
  }
  WaitForEnd(open, std::nullopt);
}

std::optional<std::string> FindProgram(std::string_view program) {
  if (program.contains('/')) {
    return std::string(program);
  }
  const char* path =
      std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): one thread
  std::istringstream folders(std::string(path == nullptr ? "" : path) +
                             ":/usr/local/sbin:/usr/sbin:/sbin");
  std::string folder;
  while (std::getline(folders, folder, ':')) {
    const std::string candidate = folder + "/" + std::string(program);
    if (!folder.empty() && access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return std::nullopt;
}

Outcome<void> RunProgram(const std::vector<std::string>& command,
                         std::string_view input) {
  const auto path = FindProgram(command.front());
  if (!path) {
    return std::unexpected(Failure{"program not found: " + command.front()});
  }
  const FileDescriptor in = MakeInput(input);
  std::array<int, 2> ends{};
  if (!in.is_open() || pipe2(ends.data(), O_CLOEXEC) != 0) {
    return std::unexpected(SystemFailure("cannot start " + command.front()));
  }
  FileDescriptor reader(ends[0]);
  FileDescriptor writer(ends[1]);
  const pid_t child = fork();
  if (child < 0) {
    return std::unexpected(SystemFailure("fork"));
  }
  if (child == 0) {
    ExecChild(*path, command, in.get(), writer.get());
  }
  writer.Reset();
  const auto output = ReadAll(reader);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    return {};
  }
  return std::unexpected(
      Failure{command.front() + " failed: " + output.value_or("")});
}

}  // namespace natkit::netsim
