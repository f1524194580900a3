#pragma once

#include "run/files.h"
#include "run/run_directory.h"

namespace natkit::netsim {

/// Moves this (single-threaded) process into one namespace of a run; first
/// into the run's user namespace if it has one. Fails when the keeper is dead.
[[nodiscard]] Outcome<void> EnterNamespace(const RunRecord& record,
                                           size_t index);

/// The parts of EnterNamespace, for a process that visits several: the user
/// namespace first, if the run has one.
[[nodiscard]] Outcome<void> EnterUserNamespace(const RunRecord& record);
[[nodiscard]] Outcome<void> EnterNetwork(const RunRecord& record, size_t index);

/// Runs `work` in a child process inside a namespace and waits for it.
template <class Work>
[[nodiscard]] Outcome<void> RunInside(const RunRecord& record, size_t index,
                                      const Work& work);

/// A child process at work inside a namespace.
struct Worker {
  pid_t pid = -1;
  FileDescriptor failure;  ///< says what went wrong, empty if nothing
};

/// The parts of RunInside: fork, and wait.
[[nodiscard]] Outcome<Worker> ForkWorker();
[[noreturn]] void FinishWorker(const Worker& worker,
                               const Outcome<void>& outcome);
[[nodiscard]] Outcome<void> WaitForWorker(Worker& worker);

template <class Work>
Outcome<Worker> StartInside(const RunRecord& record, size_t index,
                            const Work& work) {
  auto worker = ForkWorker();
  if (worker && worker->pid == 0) {
    auto outcome = EnterNamespace(record, index);
    if (outcome) {
      outcome = work();
    }
    FinishWorker(*worker, outcome);
  }
  return worker;
}

template <class Work>
Outcome<void> RunInside(const RunRecord& record, size_t index,
                        const Work& work) {
  auto worker = StartInside(record, index, work);
  if (!worker) {
    return std::unexpected(worker.error());
  }
  return WaitForWorker(*worker);
}

}  // namespace natkit::netsim
