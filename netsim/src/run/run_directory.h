#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "natkit/netsim/control.h"
#include "run/process.h"

namespace natkit::netsim {

/// One namespace of a run: the keeper holds it open as descriptor `fd`.
struct KeptNamespace {
  std::string name;
  std::string kind;  ///< "fabric", "host", "nat", or "engine": a box that the
                     ///< engine process plays
  int fd = -1;
  uint64_t inode = 0;  ///< tells which processes are inside
};

/// What the file `state` of a run directory says.
struct RunRecord {
  std::string id;
  std::string token;  ///< random; in the environment of what runs inside
  ProcessId owner;    ///< the `up` that made the run
  ProcessId keeper;   ///< pid 0 until there is one
  ProcessId engine;   ///< pid 0 if there is none
  bool has_user_namespace = false;  ///< the keeper made its own
  bool is_ready = false;            ///< `up` has finished
  std::vector<KeptNamespace> namespaces;

  [[nodiscard]] const KeptNamespace* Find(std::string_view name) const;
  /// /proc/KEEPER/fd/N of the i-th namespace.
  [[nodiscard]] std::string NamespacePath(size_t index) const;
};

[[nodiscard]] std::string FormatRecord(const RunRecord& record);
/// nullopt unless `text` is what FormatRecord writes.
[[nodiscard]] std::optional<RunRecord> ParseRecord(std::string_view text);

/// The directory with the runs of this user: $NATKIT_NETSIM_DIR, or
/// natkit-netsim-UID in $XDG_RUNTIME_DIR, /run or /tmp. Created with mode
/// 0700; refused when it belongs to somebody else.
[[nodiscard]] Outcome<std::string> RunsDirectory();

/// RunsDirectory() + "/" + id.
[[nodiscard]] Outcome<std::string> DirectoryOf(std::string_view id);

/// Creates the directory of a run; exactly one caller succeeds per id. An
/// empty id picks a free one. The record has id, token and owner.
[[nodiscard]] Outcome<RunRecord> ReserveRun(std::string id);

[[nodiscard]] Outcome<void> SaveRecord(const RunRecord& record);
[[nodiscard]] Outcome<RunRecord> LoadRecord(std::string_view id);
[[nodiscard]] Outcome<std::vector<std::string>> RunIds();
[[nodiscard]] Outcome<void> RemoveRunDirectory(std::string_view id);
[[nodiscard]] RunState StateOf(const RunRecord& record);

/// The scenario that a run was made from.
[[nodiscard]] Outcome<Scenario> LoadScenario(std::string_view id);
[[nodiscard]] Outcome<void> SaveScenario(std::string_view id,
                                         const Scenario& scenario);

}  // namespace natkit::netsim
