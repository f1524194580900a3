#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/netsim/control.h"

namespace natkit::netsim {

/// A process that cannot be mistaken for a later one with the same number.
struct ProcessId {
  pid_t pid = 0;
  uint64_t start_time = 0;  ///< clock ticks since boot
  bool operator==(const ProcessId&) const = default;
};

/// The process with this number; nullopt if there is none, or only a zombie.
[[nodiscard]] std::optional<ProcessId> FindProcess(pid_t pid);
[[nodiscard]] ProcessId ThisProcess();
[[nodiscard]] bool IsAlive(const ProcessId& process);

/// What `ps` shows of this process, in both of its columns: its name, and in
/// place of the command line it was forked from `name` and the run, as far as
/// there is room.
void SetTitle(const std::string& name, const std::string& run);

/// Every process of the system, by number.
[[nodiscard]] std::vector<ProcessId> AllProcesses();

/// Asks processes to end, and makes those end that have not after `grace`.
/// Returns when none is left.
void EndProcesses(const std::vector<ProcessId>& processes,
                  std::chrono::milliseconds grace);

/// Runs a program that reads `input`; a non-zero exit is a failure that
/// quotes what it printed. Looked up in $PATH and the sbin directories.
[[nodiscard]] Outcome<void> RunProgram(const std::vector<std::string>& command,
                                       std::string_view input);

/// Where `program` is, or nullopt.
[[nodiscard]] std::optional<std::string> FindProgram(std::string_view program);

}  // namespace natkit::netsim
