#include "run/engine_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include "run/engine_server.h"
#include "run/enter.h"
#include "run/fabric_plan.h"

namespace natkit::netsim {
namespace {

constexpr std::string_view kSocketName = "engine.sock";
constexpr std::string_view kLogName = "engine.log";
constexpr int kReportFd = 3;

uint64_t RandomSeed() {
  uint64_t seed = 0;
  static_cast<void>(getrandom(&seed, sizeof(seed), 0));
  return seed;
}

/// Gives up everything inherited but the report pipe; complaints go to a file
/// of the run directory.
void Detach(int report, const std::string& directory) {
  const int moved_report = fcntl(report, F_DUPFD, 10);
  const int null = open("/dev/null", O_RDWR);
  const int log = open((directory + "/" + std::string(kLogName)).c_str(),
                       O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(null, STDIN_FILENO);
  dup2(null, STDOUT_FILENO);
  dup2(log < 0 ? null : log, STDERR_FILENO);
  dup2(moved_report, kReportFd);
  syscall(SYS_close_range, kReportFd + 1, ~0U, 0);
  setsid();
  umask(077);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0);
}

/// A unix socket address is short, a directory's name may be long: so the
/// directory is reached by descriptor.
Outcome<sockaddr_un> SocketAddress(const FileDescriptor& directory) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(directory.get()) +
                           "/" + std::string(kSocketName);
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  return address;
}

Outcome<FileDescriptor> OpenDirectory(std::string_view id) {
  const auto path = DirectoryOf(id);
  if (!path) {
    return std::unexpected(path.error());
  }
  FileDescriptor directory(
      open(path->c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open()) {
    return std::unexpected(SystemFailure(*path));
  }
  return directory;
}

Outcome<FileDescriptor> ListenForControl(std::string_view id) {
  const auto directory = OpenDirectory(id);
  if (!directory) {
    return std::unexpected(directory.error());
  }
  const auto address = SocketAddress(*directory);
  FileDescriptor control(
      socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!control.is_open() || !address ||
      bind(control.get(), reinterpret_cast<const sockaddr*>(&*address),
           sizeof(*address)) != 0 ||
      listen(control.get(), 16) != 0) {
    return std::unexpected(SystemFailure("cannot listen in the run directory"));
  }
  return control;
}

Outcome<FileDescriptor> OpenDevice(const RunRecord& record,
                                   const PortDevice& device, DeviceKind kind) {
  auto entered = EnterNetwork(record, device.namespace_index);
  if (!entered) {
    return std::unexpected(entered.error());
  }
  if (kind == DeviceKind::kTap) {
    return OpenTap(device.interface, device.mtu);
  }
  auto ready = MakeCompleteChecksums(device.interface);
  if (ready) {
    ready = EnterNetwork(record, 0);
  }
  if (!ready) {
    return std::unexpected(ready.error());
  }
  return OpenPacketSocket(FabricInterface(device.port));
}

Outcome<std::unique_ptr<EngineServer>> MakeServer(const RunRecord& record,
                                                  const Scenario& scenario,
                                                  DeviceKind kind) {
  FileDescriptor keeper(
      static_cast<int>(syscall(SYS_pidfd_open, record.keeper.pid, 0)));
  auto control = ListenForControl(record.id);
  if (!control) {
    return std::unexpected(control.error());
  }
  if (auto entered = EnterUserNamespace(record); !entered) {
    return std::unexpected(entered.error());
  }
  if (!keeper.is_open() || !IsAlive(record.keeper)) {
    return std::unexpected(Failure{"the keeper process died"});
  }
  FabricPlan plan = MakeFabricPlan(scenario, RandomSeed());
  std::vector<FileDescriptor> devices;
  for (const PortDevice& device : plan.devices) {
    auto opened = OpenDevice(record, device, kind);
    if (!opened) {
      return std::unexpected(opened.error());
    }
    devices.push_back(*std::move(opened));
  }
  if (auto entered = EnterNetwork(record, 0); !entered) {
    return std::unexpected(entered.error());
  }
  return std::make_unique<EngineServer>(std::move(plan), std::move(devices),
                                        *std::move(control), std::move(keeper));
}

[[noreturn]] void EngineMain(const RunRecord& record, const Scenario& scenario,
                             DeviceKind kind, int report) {
  Detach(report, DirectoryOf(record.id).value_or(""));
  SetTitle("netsim-engine", record.id);
  auto server = MakeServer(record, scenario, kind);
  const std::string text = server ? "ok" : server.error().text;
  if (write(kReportFd, text.data(), text.size()) < 0 || !server) {
    _exit(1);
  }
  close(kReportFd);
  const auto done = (*server)->Run();
  if (!done) {
    dprintf(STDERR_FILENO, "%s\n", done.error().text.c_str());
  }
  _exit(done ? 0 : 1);
}

}  // namespace

Outcome<ProcessId> StartEngine(const RunRecord& record,
                               const Scenario& scenario, DeviceKind kind) {
  std::array<int, 2> report{};
  if (pipe2(report.data(), O_CLOEXEC) != 0) {
    return std::unexpected(SystemFailure("pipe"));
  }
  const FileDescriptor reader(report[0]);
  FileDescriptor writer(report[1]);
  const pid_t pid = fork();
  if (pid < 0) {
    return std::unexpected(SystemFailure("fork"));
  }
  if (pid == 0) {
    EngineMain(record, scenario, kind, writer.get());
  }
  writer.Reset();
  const auto text = ReadAll(reader);
  if (!text || *text != "ok") {
    return std::unexpected(
        Failure{text && !text->empty() ? *text : "the engine process died"});
  }
  return FindProcess(pid).value_or(ProcessId{pid, 0});
}

Outcome<std::string> AskEngine(std::string_view id,
                               const std::string& request) {
  const auto directory = OpenDirectory(id);
  if (!directory) {
    return std::unexpected(directory.error());
  }
  const auto address = SocketAddress(*directory);
  const FileDescriptor engine(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{60, 0};  // a dead one closes its socket at once
  setsockopt(engine.get(), SOL_SOCKET, SO_RCVTIMEO, &patience,
             sizeof(patience));
  const std::string line = request + "\n";
  if (!address ||
      connect(engine.get(), reinterpret_cast<const sockaddr*>(&*address),
              sizeof(*address)) != 0 ||
      send(engine.get(), line.data(), line.size(), MSG_NOSIGNAL) !=
          static_cast<ssize_t>(line.size())) {
    return std::unexpected(SystemFailure(
        "run '" + std::string(id) + "': its engine process does not answer"));
  }
  auto answer = ReadAll(engine);
  if (!answer) {
    return answer;
  }
  if (answer->starts_with("ok\n")) {
    return answer->substr(3);
  }
  return std::unexpected(Failure{answer->starts_with("error\n")
                                     ? answer->substr(6)
                                     : "the engine process died"});
}

}  // namespace natkit::netsim
