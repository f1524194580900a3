#include <algorithm>
#include <sstream>
#include <utility>

#include "natkit/netsim/plan.h"
#include "run/conntrack.h"
#include "run/enter.h"

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
  [[nodiscard]] const Nat* nat() const {
    return scenario_.FindNat(record_.namespaces.at(index_).name);
  }

  Outcome<void> Readdress(const IpAddress& address);
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

Outcome<void> Action::Readdress(const IpAddress& address) {
  if (nat() == nullptr || !nat()->Translates()) {
    return std::unexpected(
        Failure{"only a box that translates can be readdressed"});
  }
  Scenario changed = scenario_;
  const auto box = std::ranges::find(changed.nats, nat()->name, &Nat::name);
  box->addresses = {address};
  box->config.external = {address};
  // The scenario's own rules say whether the address is usable.
  if (const auto checked = ParseScenario(FormatScenario(changed)); !checked) {
    return std::unexpected(Failure{checked.error().front().text});
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

Outcome<void> Action::Run(const Event& event) {
  switch (event.kind) {
    case EventKind::kReboot:
      return InBox([this] { return Forget(*nat()); });
    case EventKind::kReaddress:
      return Readdress(event.new_address.value_or(IpAddress()));
    case EventKind::kBlockUdp:
      return InBox([] { return LoadRules(MakeUdpBlock()); });
    case EventKind::kUnblockUdp:
      return InBox([] { return LoadRules(MakeUdpUnblock()); });
    case EventKind::kLinkDown:
      return SetLink("down");
    case EventKind::kLinkUp:
      return SetLink("up");
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

}  // namespace natkit::netsim
