#include <algorithm>
#include <sstream>
#include <utility>

#include "natkit/netsim/plan.h"
#include "run/conntrack.h"
#include "run/engine_commands.h"
#include "run/engine_process.h"
#include "run/enter.h"
#include "run/member_view.h"
#include "scenario/user_network.h"

namespace natkit::netsim {
namespace {

Outcome<void> LoadRules(const std::string& rules) {
  return RunProgram({"nft", "-f", "-"}, rules);
}

Outcome<void> Ip(const std::string& batch) {
  return RunProgram({"ip", "-batch", "-"}, batch);
}

Outcome<void> Forget(const Nat& nat) {
  auto done = LoadRules(MakeRuleset(nat));
  return done ? FlushConntrack() : done;
}

/// The member's routes, as commands that also work where they exist.
std::string RoutesBatch(const Scenario& scenario, size_t index) {
  const Plan plan = MakePlan(scenario, [](size_t) { return "-"; });
  std::istringstream lines(plan.namespaces.at(index).ip_batch);
  std::string batch;
  constexpr std::string_view kAdd = "route add ";
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(kAdd)) {
      batch += "route replace " + line.substr(kAdd.size()) + "\n";
    }
  }
  return batch;
}

/// Routes go with the last address of their interface, so they come back
/// after the new one.
std::string ReaddressBatch(const Scenario& scenario, const Nat& nat,
                           const IpAddress& address) {
  const std::string suffix =
      "/" + std::to_string(scenario.FindNetwork(nat.outside)->cidr.length()) +
      " dev wan0\n";
  std::string batch;
  for (const IpAddress& old : nat.addresses) {
    batch += "addr del " + old.ToString() + suffix;
  }
  return batch + "addr add " + address.ToString() + suffix;
}

class Action {
 public:
  Action(Scenario scenario, RunRecord record, size_t index)
      : scenario_(std::move(scenario)),
        record_(std::move(record)),
        index_(index) {}

  Outcome<void> Run(const Event& event);

 private:
  [[nodiscard]] bool IsEngineBox() const {
    return nat() != nullptr && nat()->backend == Backend::kEngine;
  }

  [[nodiscard]] Outcome<void> CheckCable(const Event& event) const;
  Outcome<void> AskForIt(const Event& event);
  Outcome<void> RunOnKernel(const Event& event);

  [[nodiscard]] const Nat* nat() const {
    return scenario_.FindNat(record_.namespaces.at(index_).name);
  }

  Outcome<void> Readdress(const Event& event);
  Outcome<void> SetLink(std::string_view state);
  template <class Work>
  Outcome<void> InBox(const Work& work);

  Scenario scenario_;
  RunRecord record_;
  size_t index_;
};

template <class Work>
Outcome<void> Action::InBox(const Work& work) {
  if (nat() == nullptr) {
    return std::unexpected(Failure{"'" + record_.namespaces.at(index_).name +
                                   "' is a host; this happens to boxes only"});
  }
  return RunInside(record_, index_, work);
}

Outcome<void> Action::Readdress(const Event& event) {
  const IpAddress address = event.new_address.value_or(IpAddress());
  if (nat() == nullptr || !nat()->Translates()) {
    return std::unexpected(
        Failure{"only a box that translates can be readdressed"});
  }
  Scenario changed = scenario_;
  const auto box = std::ranges::find(changed.nats, nat()->name, &Nat::name);
  if (IsEngineBox()) {
    box->addresses.front() = address;  // the primary one of its pool
  } else {
    box->addresses = {address};
  }
  box->config.external = box->addresses;
  // The scenario's own rules say whether the address is usable.
  if (const auto checked = ParseScenario(FormatScenario(changed)); !checked) {
    return std::unexpected(Failure{checked.error().front().text});
  }
  if (IsEngineBox()) {
    auto done = AskForIt(event);
    return done ? SaveScenario(record_.id, changed) : done;
  }
  auto done = RunInside(record_, index_, [&] {
    auto moved = Ip(ReaddressBatch(scenario_, *nat(), address) +
                    RoutesBatch(changed, index_));
    return moved ? Forget(*box) : moved;
  });
  return done ? SaveScenario(record_.id, changed) : done;
}

Outcome<void> Action::SetLink(std::string_view state) {
  std::string batch = "link set " +
                      std::string(nat() != nullptr ? "wan0 " : "eth0 ") +
                      std::string(state) + "\n";
  if (state == "up") {
    batch += RoutesBatch(scenario_, index_);  // they went down with it
  }
  return RunInside(record_, index_, [&batch] { return Ip(batch); });
}

/// Cables can be changed where the engine process carries their frames.
Outcome<void> Action::CheckCable(const Event& event) const {
  const std::string& member = record_.namespaces.at(index_).name;
  const Host* host = scenario_.FindHost(member);
  std::vector<std::string> networks;
  if (host != nullptr) {
    networks = {host->network};
  } else if (nat() != nullptr) {
    networks = {nat()->inside, nat()->outside};
  }
  if (!event.network.empty()) {
    if (std::ranges::find(networks, event.network) == networks.end()) {
      return std::unexpected(Failure{"'" + member + "' is not on network '" +
                                     event.network + "'"});
    }
    networks = {event.network};
  }
  for (const std::string& network : networks) {
    if (IsUserNetwork(scenario_, network)) {
      return {};
    }
  }
  return std::unexpected(Failure{
      "network '" + networks.front() +
      "' is a bridge of the kernel, which cannot do this; describe the cable "
      "with a [[link]] table and the engine process carries it"});
}

Outcome<void> Action::AskForIt(const Event& event) {
  const auto answer = AskEngine(
      record_.id, FormatRequest(record_.namespaces.at(index_).name, event));
  if (!answer) {
    return std::unexpected(answer.error());
  }
  return {};
}

Outcome<void> Action::Run(const Event& event) {
  if (event.kind == EventKind::kReaddress) {
    return Readdress(event);
  }
  if (event.kind == EventKind::kBlackhole ||
      event.kind == EventKind::kSetLink) {
    const auto possible = CheckCable(event);
    return possible ? AskForIt(event) : possible;
  }
  return IsEngineBox() ? AskForIt(event) : RunOnKernel(event);
}

Outcome<void> Action::RunOnKernel(const Event& event) {
  switch (event.kind) {
    case EventKind::kReboot:
      return InBox([this] { return Forget(*nat()); });
    case EventKind::kBlockUdp:
      return InBox([] { return LoadRules(MakeUdpBlock()); });
    case EventKind::kUnblockUdp:
      return InBox([] { return LoadRules(MakeUdpUnblock()); });
    case EventKind::kLinkDown:
      return SetLink("down");
    case EventKind::kLinkUp:
      return SetLink("up");
    case EventKind::kReaddress:
    case EventKind::kBlackhole:
    case EventKind::kSetLink:
      break;
  }
  return std::unexpected(Failure{"unknown event"});
}

}  // namespace

Outcome<void> Apply(std::string_view id, std::string_view member,
                    const Event& event) {
  auto record = LoadRecord(id);
  if (!record) {
    return std::unexpected(record.error());
  }
  auto scenario = LoadScenario(id);
  if (!scenario) {
    return std::unexpected(scenario.error());
  }
  const auto index = FindNamespace(*scenario, member);
  if (!index || *index >= record->namespaces.size()) {
    return std::unexpected(Failure{"run '" + std::string(id) +
                                   "' has no host or box '" +
                                   std::string(member) + "'"});
  }
  return Action(*std::move(scenario), *std::move(record), *index).Run(event);
}

Outcome<MemberView> Show(std::string_view id, std::string_view member) {
  const auto record = LoadRecord(id);
  if (!record) {
    return std::unexpected(record.error());
  }
  if (record->Find(member) == nullptr) {
    return std::unexpected(Failure{"run '" + record->id +
                                   "' has no host or box '" +
                                   std::string(member) + "'"});
  }
  if (record->engine.pid == 0) {
    return std::unexpected(
        Failure{"run '" + record->id + "' is all kernel; use `netsim exec " +
                std::string(member) + " -- nft list ruleset` and the like"});
  }
  const auto answer = AskEngine(id, "show " + std::string(member));
  if (!answer) {
    return std::unexpected(answer.error());
  }
  auto view = ParseView(*answer);
  if (!view) {
    return std::unexpected(Failure{"the engine process answers nonsense"});
  }
  return *std::move(view);
}

}  // namespace natkit::netsim
