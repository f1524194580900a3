#pragma once

#include <string>
#include <vector>

#include "run/files.h"
#include "run/process.h"

namespace natkit::netsim {

/// A process that does nothing but hold network namespaces open. It dies with
/// the `up` that started it unless Commit() is called; when it dies, and
/// nothing runs inside any more, the kernel removes everything.
struct Keeper {
  ProcessId process;
  bool has_user_namespace = false;
  std::vector<int> fds;  ///< in the keeper, one per namespace
  std::vector<uint64_t> inodes;
  FileDescriptor commit;  ///< closing it without Commit() ends the keeper
};

/// Starts a keeper with `count` fresh network namespaces for `run`. Without
/// privileges it makes a user namespace of its own first.
[[nodiscard]] Outcome<Keeper> StartKeeper(size_t count, const std::string& run);

/// Lets the keeper outlive this process.
[[nodiscard]] Outcome<void> Commit(Keeper& keeper);

}  // namespace natkit::netsim
