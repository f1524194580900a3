#include "run/enter.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

namespace natkit::netsim {
namespace {

/// /sys shows the network devices of the namespace it was mounted in, so what
/// runs inside gets its own, as under `ip netns exec`. Without the right to
/// mount, /sys keeps showing the outside; nothing else depends on it.
void RemountSys() {
  if (unshare(CLONE_NEWNS) != 0 ||
      mount("", "/", "none", MS_SLAVE | MS_REC, nullptr) != 0) {
    return;
  }
  mount("sysfs", "/sys", "sysfs", 0, nullptr);
}

void SetEnvironment(const RunRecord& record, std::string_view member) {
  // NOLINTBEGIN(concurrency-mt-unsafe): one thread
  setenv("NATKIT_NETSIM_ID", record.id.c_str(), 1);
  setenv("NATKIT_NETSIM_HOST", std::string(member).c_str(), 1);
  setenv("NATKIT_NETSIM_TOKEN", record.token.c_str(), 1);
  // NOLINTEND(concurrency-mt-unsafe)
}

}  // namespace

Outcome<void> EnterNamespace(const RunRecord& record, size_t index) {
  const std::string path = record.NamespacePath(index);
  const FileDescriptor network(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const std::string user_path =
      "/proc/" + std::to_string(record.keeper.pid) + "/ns/user";
  const FileDescriptor user(open(user_path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!IsAlive(record.keeper)) {
    return std::unexpected(
        Failure{"run '" + record.id + "' is dead; `netsim clean` removes it"});
  }
  if (!network.is_open() || !user.is_open() ||
      (record.has_user_namespace && setns(user.get(), CLONE_NEWUSER) != 0) ||
      setns(network.get(), CLONE_NEWNET) != 0) {
    return std::unexpected(SystemFailure(
        "cannot enter '" + record.namespaces.at(index).name + "' of run '" +
        record.id + "' (was it made by another user?)"));
  }
  return {};
}

Outcome<void> EnterUserNamespace(const RunRecord& record) {
  if (!record.has_user_namespace) {
    return {};
  }
  const std::string path =
      "/proc/" + std::to_string(record.keeper.pid) + "/ns/user";
  const FileDescriptor user(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!user.is_open() || setns(user.get(), CLONE_NEWUSER) != 0) {
    return std::unexpected(SystemFailure("cannot enter the user namespace"));
  }
  return {};
}

Outcome<void> EnterNetwork(const RunRecord& record, size_t index) {
  const FileDescriptor network(
      open(record.NamespacePath(index).c_str(), O_RDONLY | O_CLOEXEC));
  if (!network.is_open() || setns(network.get(), CLONE_NEWNET) != 0) {
    return std::unexpected(SystemFailure("cannot enter '" +
                                         record.namespaces.at(index).name +
                                         "' of run '" + record.id + "'"));
  }
  return {};
}

Outcome<Worker> ForkWorker() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return std::unexpected(SystemFailure("pipe"));
  }
  FileDescriptor reader(ends[0]);
  FileDescriptor writer(ends[1]);
  const pid_t pid = fork();
  if (pid < 0) {
    return std::unexpected(SystemFailure("fork"));
  }
  return Worker{pid, pid == 0 ? std::move(writer) : std::move(reader)};
}

void FinishWorker(const Worker& worker, const Outcome<void>& outcome) {
  if (outcome) {
    _exit(0);
  }
  const std::string& text = outcome.error().text;
  const ssize_t written = write(worker.failure.get(), text.data(), text.size());
  _exit(written < 0 ? 2 : 1);
}

Outcome<void> WaitForWorker(Worker& worker) {
  const auto text = ReadAll(worker.failure);
  int status = 0;
  while (waitpid(worker.pid, &status, 0) < 0 && errno == EINTR) {
  }
  worker.failure.Reset();
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    return {};
  }
  return std::unexpected(
      Failure{text && !text->empty() ? *text : "a worker process died"});
}

Outcome<void> Enter(std::string_view id, std::string_view member) {
  const auto record = LoadRecord(id);
  if (!record) {
    return std::unexpected(record.error());
  }
  const KeptNamespace* kept = record->Find(member);
  if (kept == nullptr) {
    return std::unexpected(Failure{"run '" + record->id +
                                   "' has no host or box '" +
                                   std::string(member) + "'"});
  }
  if (kept->kind == "engine") {
    return std::unexpected(
        Failure{"'" + kept->name +
                "' is played by the engine process; nothing runs on it "
                "(`netsim show " +
                kept->name + "` looks into it)"});
  }
  const auto index = static_cast<size_t>(kept - record->namespaces.data());
  auto entered = EnterNamespace(*record, index);
  if (entered) {
    RemountSys();
    SetEnvironment(*record, member);
  }
  return entered;
}

}  // namespace natkit::netsim
