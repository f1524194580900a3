#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "run/files.h"
#include "run/run_directory.h"

namespace natkit::netsim {
namespace {

constexpr std::chrono::milliseconds kGrace{2000};

uint64_t NetworkNamespaceOf(pid_t pid) {
  struct stat status{};
  const std::string path = "/proc/" + std::to_string(pid) + "/ns/net";
  return stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

bool CarriesToken(pid_t pid, const std::string& token) {
  const auto environment =
      ReadFile("/proc/" + std::to_string(pid) + "/environ");
  return environment && environment->contains("NATKIT_NETSIM_TOKEN=" + token);
}

/// The processes inside a run's namespaces. While the keeper lives, the
/// namespaces' inode numbers are theirs alone. Afterwards the kernel may have
/// given a number to somebody else's namespace, so a process must then also
/// carry the run's token in its environment.
std::vector<ProcessId> ProcessesInside(const RunRecord& record) {
  std::set<uint64_t> inodes;
  for (const KeptNamespace& kept : record.namespaces) {
    inodes.insert(kept.inode);
  }
  const bool kept = record.keeper.pid != 0 && IsAlive(record.keeper);
  std::vector<ProcessId> inside = AllProcesses();
  std::erase_if(inside, [&](const ProcessId& process) {
    // The engine process is the last to go: what ends inside may still talk.
    return process == record.keeper || process == record.engine ||
           process.pid == getpid() ||
           !inodes.contains(NetworkNamespaceOf(process.pid)) ||
           (!kept && !CarriesToken(process.pid, record.token));
  });
  return inside;
}

Outcome<void> Remove(const RunRecord& record) {
  // What is being ended may start another process: look until none is left.
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds && !record.namespaces.empty(); ++round) {
    const std::vector<ProcessId> inside = ProcessesInside(record);
    if (inside.empty()) {
      break;
    }
    EndProcesses(inside, kGrace);
  }
  for (const ProcessId& process : {record.engine, record.keeper}) {
    if (process.pid != 0) {
      EndProcesses({process}, kGrace);
    }
  }
  return RemoveRunDirectory(record.id);
}

}  // namespace

Outcome<void> Down(std::string_view id) {
  const auto record = LoadRecord(id);
  if (!record) {
    return std::unexpected(record.error());
  }
  if (StateOf(*record) == RunState::kStarting &&
      record->owner != ThisProcess()) {
    return std::unexpected(Failure{"run '" + record->id +
                                   "' is being started by process " +
                                   std::to_string(record->owner.pid)});
  }
  return Remove(*record);
}

Outcome<std::vector<std::string>> Clean() {
  const auto ids = RunIds();
  if (!ids) {
    return std::unexpected(ids.error());
  }
  std::vector<std::string> removed;
  for (const std::string& id : *ids) {
    const auto record = LoadRecord(id);
    if (!record || StateOf(*record) != RunState::kLeftover) {
      continue;
    }
    if (auto done = Remove(*record); !done) {
      return std::unexpected(done.error());
    }
    removed.push_back(id);
  }
  return removed;
}

}  // namespace natkit::netsim
