// What a report is about: enough to repeat it.

#include <algorithm>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "json_text.h"
#include "report.h"

namespace natkit::netsim::grid {
namespace {

template <class Item, class ToText>
std::string List(const std::vector<Item>& items, std::string_view separator,
                 ToText to_text) {
  std::string out;
  for (const Item& item : items) {
    out += (out.empty() ? "" : std::string(separator)) + to_text(item);
  }
  return out;
}

std::string SeedText(uint64_t seed) {
  return std::to_string(seed);
}

/// 1, 2, 3, ...: what --seeds makes.
bool IsCount(const std::vector<uint64_t>& seeds) {
  std::vector<uint64_t> count(seeds.size());
  std::iota(count.begin(), count.end(), uint64_t{1});
  return seeds == count;
}

std::string ControllingWord(const GridPlan& plan) {
  return plan.controlling.size() > 1                   ? "both"
         : plan.controlling.front() == Controlling::kA ? "a"
                                                       : "b";
}

}  // namespace

std::string_view AgentName(AgentKind kind) {
  return kind == AgentKind::kMesh ? "mesh" : "rfc8445";
}

std::string_view Version() {
  return NATKIT_VERSION;
}

std::string RepeatCommand(const GridResult& result) {
  const GridPlan& plan = result.plan;
  std::string out = "netsim matrix";
  out += result.is_real ? " --real" : "";
  const bool is_hard = !plan.cases.empty() && plan.cases.front().is_hard;
  out += is_hard ? " --hard" : "";
  out += IsCount(plan.seeds) ? " --seeds " + std::to_string(plan.seeds.size())
                             : " --seed " + List(plan.seeds, ",", SeedText);
  out += " --loss " + List(plan.losses, ",", PercentText);
  out += " --delays " + List(plan.delays, ",", MillisecondsText);
  out += " --controlling " + ControllingWord(plan);
  out += " --agent " + std::string(AgentName(plan.agent));
  const size_t all = is_hard ? HardCases().size() : AllCases().size();
  const bool has_all = plan.cases.size() == all;
  for (const GridCase& one : plan.cases) {
    out += has_all ? "" : " --cell " + one.name;
  }
  for (const GridCase& one : plan.cases) {
    out += one.is_overridden ? " --expect " + one.name +
                                   (one.expects_direct() ? "=yes" : "=no")
                             : "";
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> AboutOf(
    const GridResult& result) {
  const GridPlan& plan = result.plan;
  const std::string seeds = IsCount(plan.seeds)
                                ? "1 to " + std::to_string(plan.seeds.size())
                                : List(plan.seeds, ", ", SeedText);
  return {
      {"netsim", std::string(Version())},
      {"agent", "libnat " + std::string(Version()) + ", settings " +
                    std::string(AgentName(plan.agent))},
      {"form", result.is_real ? "real network" : "virtual time"},
      {"seeds", seeds},
      {"first seed", plan.seeds.empty() ? "" : SeedText(plan.seeds.front())},
      {"losses (%)", List(plan.losses, ", ", PercentText)},
      {"delays (ms)", List(plan.delays, ", ", MillisecondsText)},
      {"controlling", ControllingWord(plan)},
      {"attempts per cell",
       std::to_string(plan.seeds.size() * plan.delays.size() *
                      plan.controlling.size())},
      {"repeat", RepeatCommand(result)},
  };
}

std::string AboutJson(const GridResult& result) {
  const GridPlan& plan = result.plan;
  return "\"schema\": \"natkit-netsim-matrix-1\", \"version\": \"" +
         std::string(Version()) + "\", \"agent\": {\"name\": \"libnat\", " +
         "\"version\": \"" + std::string(Version()) + "\", \"settings\": \"" +
         std::string(AgentName(plan.agent)) +
         "\"}, \"real\": " + (result.is_real ? "true" : "false") +
         ", \"seeds\": [" + List(plan.seeds, ", ", SeedText) +
         "], \"first_seed\": " +
         (plan.seeds.empty() ? "null" : SeedText(plan.seeds.front())) +
         ", \"loss_percents\": [" + List(plan.losses, ", ", PercentText) +
         "], \"delays_ms\": [" + List(plan.delays, ", ", MillisecondsText) +
         "], \"controlling\": \"" + ControllingWord(plan) +
         "\", \"repeat\": " + program::Json(RepeatCommand(result));
}

}  // namespace natkit::netsim::grid
