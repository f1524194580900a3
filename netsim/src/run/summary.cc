#include "run/summary.h"

#include <cstdlib>

namespace natkit::netsim {

RunSummary Summarize(const RunRecord& record) {
  RunSummary summary;
  summary.id = record.id;
  summary.state = StateOf(record);
  summary.directory = DirectoryOf(record.id).value_or("");
  if (const auto scenario = LoadScenario(record.id)) {
    summary.scenario = scenario->name;
  }
  if (record.engine.pid != 0) {
    summary.engine_pid = record.engine.pid;
  }
  for (size_t i = 1; i < record.namespaces.size(); ++i) {
    summary.members.push_back({record.namespaces[i].name,
                               record.namespaces[i].kind,
                               record.NamespacePath(i)});
  }
  return summary;
}

Outcome<std::vector<RunSummary>> List() {
  const auto ids = RunIds();
  if (!ids) {
    return std::unexpected(ids.error());
  }
  std::vector<RunSummary> runs;
  for (const std::string& id : *ids) {
    if (const auto record = LoadRecord(id)) {
      runs.push_back(Summarize(*record));
    }
  }
  return runs;
}

Outcome<std::string> DefaultRun() {
  const char* chosen = std::getenv(
      "NATKIT_NETSIM_ID");  // NOLINT(concurrency-mt-unsafe): one thread
  if (chosen != nullptr && *chosen != '\0') {
    return chosen;
  }
  const auto runs = List();
  if (!runs) {
    return std::unexpected(runs.error());
  }
  std::string only;
  for (const RunSummary& run : *runs) {
    if (run.state != RunState::kRunning) {
      continue;
    }
    if (!only.empty()) {
      return std::unexpected(
          Failure{"several runs are up: choose one with --id (`netsim list`)"});
    }
    only = run.id;
  }
  if (only.empty()) {
    return std::unexpected(
        Failure{"no run is up; `netsim up FILE` starts one"});
  }
  return only;
}

}  // namespace natkit::netsim
