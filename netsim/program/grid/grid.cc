#include "grid.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <utility>

namespace natkit::netsim::grid {
namespace {

bool Deviates(const GridCase& grid_case, Found found) {
  return found !=
         (grid_case.expects_direct() ? Found::kDirect : Found::kNothing);
}

void Count(const PunchSpec& spec, const PunchResult& result, CellResult& cell) {
  ++cell.attempts;
  if (result.found == Found::kDirect) {
    ++cell.direct;
    cell.took.push_back(result.took);
  } else if (result.found == Found::kHalf) {
    ++cell.half;
  }
  if (!cell.first_deviation && Deviates(spec.grid_case, result.found)) {
    cell.first_deviation = {spec, result};
  }
}

CellResult RunCell(const GridPlan& plan, const GridCase& grid_case, double loss,
                   const Puncher& punch, GridResult& total) {
  CellResult cell{
      .grid_case = grid_case, .loss = loss, .took = {}, .first_deviation = {}};
  const auto attempt = [&](const PunchSpec& spec) {
    const PunchResult result = punch(spec);
    Count(spec, result, cell);
    ++total.attempts;
    total.packets += result.packets;
    total.simulated += result.simulated;
  };
  for (const uint64_t seed : plan.seeds) {
    for (const Duration delay : plan.delays) {
      for (const Controlling controlling : plan.controlling) {
        attempt({.grid_case = grid_case,
                 .loss = loss,
                 .delay = delay,
                 .controlling = controlling,
                 .seed = seed,
                 .agent = plan.agent});
      }
    }
  }
  std::ranges::sort(cell.took);
  if (cell.deviations() == 0) {
    cell.first_deviation.reset();  // by chance
  }
  return cell;
}

/// Whether so many successes lie within what three standard deviations of a
/// normal distribution span: neither tail is less likely than theirs.
bool IsLikely(size_t attempts, size_t successes, double chance) {
  constexpr double kTail = 0.00135;
  const auto count = static_cast<double>(attempts);
  double at_most = 0;
  double at_least = 0;
  for (size_t i = 0; i <= attempts; ++i) {
    const auto k = static_cast<double>(i);
    const double probability =
        std::exp(std::lgamma(count + 1) - std::lgamma(k + 1) -
                 std::lgamma(count - k + 1) + k * std::log(chance) +
                 (count - k) * std::log1p(-chance));
    at_most += i <= successes ? probability : 0;
    at_least += i >= successes ? probability : 0;
  }
  return at_most >= kTail && at_least >= kTail;
}

std::string Shortest(double value) {
  std::array<char, 32> text{};
  const int size = std::snprintf(text.data(), text.size(), "%.6g", value);
  return {text.data(), static_cast<size_t>(size)};
}

}  // namespace

size_t GridPlan::attempts() const {
  return cases.size() * losses.size() * seeds.size() * delays.size() *
         controlling.size();
}

size_t CellResult::deviations() const {
  if (!grid_case.expects_direct()) {
    return direct + half;
  }
  const double chance = grid_case.chance;
  if (chance >= 1) {
    return attempts - direct;
  }
  if (IsLikely(attempts, direct, chance)) {
    return 0;
  }
  const double mean = static_cast<double>(attempts) * chance;
  return static_cast<size_t>(
      std::ceil(std::abs(static_cast<double>(direct) - mean)));
}

Duration CellResult::Quantile(double share) const {
  if (took.empty()) {
    return Duration::zero();
  }
  const double rank = std::ceil(share * static_cast<double>(took.size()));
  const auto index = static_cast<size_t>(std::max(rank, 1.0)) - 1;
  return took[std::min(index, took.size() - 1)];
}

size_t GridResult::deviating_cells() const {
  return static_cast<size_t>(std::ranges::count_if(
      cells, [](const CellResult& cell) { return cell.deviations() > 0; }));
}

GridResult RunGrid(const GridPlan& plan, const Puncher& punch,
                   const Progress& progress) {
  GridResult result;
  result.plan = plan;
  for (const double loss : plan.losses) {
    for (const GridCase& grid_case : plan.cases) {
      if (progress) {
        progress(result.attempts, result.deviating_cells(), grid_case);
      }
      result.cells.push_back(RunCell(plan, grid_case, loss, punch, result));
    }
  }
  return result;
}

std::string ReplayCommand(const PunchSpec& spec) {
  std::string expectation;
  if (spec.grid_case.is_overridden) {
    expectation = " --expect " + spec.grid_case.name +
                  (spec.grid_case.expects_direct() ? "=yes" : "=no");
  }
  return std::string("netsim matrix") +
         (spec.grid_case.is_hard ? " --hard" : "") + " --cell " +
         spec.grid_case.name + " --loss " + PercentText(spec.loss) +
         " --delays " + MillisecondsText(spec.delay) + " --controlling " +
         (spec.controlling == Controlling::kA ? "a" : "b") +
         (spec.agent == AgentKind::kMesh ? "" : " --agent rfc8445") +
         expectation + " --seed " + std::to_string(spec.seed) +
         " --trace replay.pcapng";
}

std::string PercentText(double share) {
  return Shortest(share * 100);
}

std::string MillisecondsText(Duration time) {
  return Shortest(std::chrono::duration<double, std::milli>(time).count());
}

}  // namespace natkit::netsim::grid
