#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "natkit/netsim/plan.h"
#include "run/device.h"
#include "run/engine_process.h"
#include "run/enter.h"
#include "run/files.h"
#include "run/keeper.h"
#include "run/run_directory.h"
#include "run/summary.h"
#include "scenario/user_network.h"

namespace natkit::netsim {
namespace {

/// How many namespaces are being configured at a time.
constexpr size_t kWorkers = 4;

Outcome<void> CheckPrograms(const Scenario& scenario) {
  if (!FindProgram("ip")) {
    return std::unexpected(
        Failure{"the program 'ip' is not installed (package iproute2)"});
  }
  const bool needs_nft = std::ranges::any_of(scenario.nats, [](const Nat& nat) {
    return nat.backend == Backend::kKernel;
  });
  if (needs_nft && !FindProgram("nft")) {
    return std::unexpected(
        Failure{"the program 'nft' is not installed (package nftables)"});
  }
  return {};
}

/// A kernel without IPv6 has nothing to switch off there.
Outcome<void> ApplySysctls(
    const std::vector<std::pair<std::string, std::string>>& sysctls) {
  for (const auto& [name, value] : sysctls) {
    const auto written = WriteExisting("/proc/sys/" + name, value);
    if (!written && !(name.starts_with("net/ipv6/") && value != "0" &&
                      access("/proc/sys/net/ipv6", F_OK) != 0)) {
      return written;
    }
  }
  return {};
}

Outcome<void> Configure(const NamespacePlan& plan) {
  auto done = ApplySysctls(plan.sysctls);
  if (done && !plan.ip_batch.empty()) {
    done = RunProgram({"ip", "-batch", "-"}, plan.ip_batch);
  }
  if (done && !plan.nft_ruleset.empty()) {
    done = RunProgram({"nft", "-f", "-"}, plan.nft_ruleset);
  }
  if (done) {
    done = ApplySysctls(plan.conntrack_sysctls);
  }
  if (!done) {
    done.error().text = plan.name + ": " + done.error().text;
  }
  return done;
}

/// All but the fabric, a few at a time.
Outcome<void> ConfigureMembers(const RunRecord& record, const Plan& plan) {
  Outcome<void> outcome;
  std::vector<Worker> workers;
  size_t next = 1;
  while (outcome && (next < plan.namespaces.size() || !workers.empty())) {
    if (next < plan.namespaces.size() && workers.size() < kWorkers) {
      const NamespacePlan& one = plan.namespaces[next];
      auto worker =
          StartInside(record, next, [&one] { return Configure(one); });
      if (!worker) {
        return std::unexpected(worker.error());
      }
      workers.push_back(*std::move(worker));
      ++next;
    } else {
      outcome = WaitForWorker(workers.front());
      workers.erase(workers.begin());
    }
  }
  for (Worker& worker : workers) {
    static_cast<void>(WaitForWorker(worker));  // the first failure is reported
  }
  return outcome;
}

void NameNamespaces(const Scenario& scenario, const Keeper& keeper,
                    RunRecord& record) {
  const auto add = [&](const std::string& name, const std::string& kind) {
    const size_t index = record.namespaces.size();
    record.namespaces.push_back(
        {name, kind, keeper.fds.at(index), keeper.inodes.at(index)});
  };
  add("fabric", "fabric");
  for (const Host& host : scenario.hosts) {
    add(host.name, "host");
  }
  for (const Nat& nat : scenario.nats) {
    add(nat.name, nat.backend == Backend::kEngine ? "engine" : "nat");
  }
}

/// The fabric and the engine process make everybody's interfaces.
Outcome<void> ConfigureAll(const Scenario& scenario, RunRecord& record) {
  const DeviceKind kind = ChooseDeviceKind();
  const Plan plan = MakePlan(
      scenario, [&record](size_t i) { return record.NamespacePath(i); }, kind);
  auto outcome = RunInside(
      record, 0, [&plan] { return Configure(plan.namespaces.front()); });
  if (outcome && HasUserNetworks(scenario)) {
    const auto engine = StartEngine(record, scenario, kind);
    if (!engine) {
      return std::unexpected(engine.error());
    }
    record.engine = *engine;
    outcome = SaveRecord(record);
  }
  return outcome ? ConfigureMembers(record, plan) : outcome;
}

Outcome<void> Build(const Scenario& scenario, RunRecord& record,
                    Lifetime lifetime) {
  auto keeper = StartKeeper(CountNamespaces(scenario), record.id);
  if (!keeper) {
    return std::unexpected(keeper.error());
  }
  record.keeper = keeper->process;
  record.has_user_namespace = keeper->has_user_namespace;
  NameNamespaces(scenario, *keeper, record);
  auto outcome = SaveScenario(record.id, scenario);
  if (outcome) {
    outcome = SaveRecord(record);
  }
  if (outcome) {
    outcome = ConfigureAll(scenario, record);
  }
  if (outcome && lifetime == Lifetime::kWithCaller) {
    // The keeper goes on waiting, until the pipe closes with this process.
    static_cast<void>(keeper->commit.Release());
  } else if (outcome) {
    outcome = Commit(*keeper);
  }
  return outcome;
}

}  // namespace

Outcome<RunSummary> Up(const Scenario& scenario, std::string id,
                       Lifetime lifetime) {
  if (auto programs = CheckPrograms(scenario); !programs) {
    return std::unexpected(programs.error());
  }
  signal(SIGPIPE, SIG_IGN);
  auto record = ReserveRun(std::move(id));
  if (!record) {
    return std::unexpected(record.error());
  }
  auto outcome = Build(scenario, *record, lifetime);
  if (outcome) {
    record->is_ready = true;
    outcome = SaveRecord(*record);
  }
  if (!outcome) {
    static_cast<void>(Down(record->id));  // the first failure is reported
    return std::unexpected(outcome.error());
  }
  return Summarize(*record);
}

}  // namespace natkit::netsim
