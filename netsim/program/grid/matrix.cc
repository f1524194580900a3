#include "matrix.h"

#include <fnmatch.h>

#include <algorithm>
#include <chrono>
#include <expected>
#include <numeric>
#include <ostream>
#include <string_view>
#include <utility>

#include "grid.h"
#include "natkit/netsim/pcapng.h"
#include "output_file.h"
#include "report.h"

namespace natkit::netsim::grid {
namespace {

constexpr int kDiffers = 1;
constexpr int kBadOptions = 2;

using Problem = std::unexpected<std::string>;

std::expected<std::vector<GridCase>, std::string> ChooseCases(
    const MatrixOptions& options) {
  std::vector<GridCase> cases = options.is_hard ? HardCases() : AllCases();
  const auto is_chosen = [&options](const GridCase& one) {
    return options.cells.empty() ||
           std::ranges::any_of(options.cells, [&one](const auto& pattern) {
             return fnmatch(pattern.c_str(), one.name.c_str(), 0) == 0;
           });
  };
  std::erase_if(cases, [&](const GridCase& one) { return !is_chosen(one); });
  if (cases.empty()) {
    return Problem("no such cell; `netsim matrix --list` names them");
  }
  return cases;
}

std::expected<void, std::string> OverrideExpectations(
    const MatrixOptions& options, std::vector<GridCase>& cases) {
  for (const std::string& text : options.expected) {
    const size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    const std::string value =
        equals == std::string::npos ? "" : text.substr(equals + 1);
    const auto found = std::ranges::find(cases, name, &GridCase::name);
    if (found == cases.end() || (value != "yes" && value != "no")) {
      return Problem("--expect takes CELL=yes or CELL=no, not " + text);
    }
    found->reach = value == "yes" ? Reach::kSymmetric : Reach::kNothing;
    found->is_overridden = true;
    found->chance = 1;
  }
  return {};
}

std::vector<uint64_t> SeedsOf(const MatrixOptions& options) {
  if (!options.only_seeds.empty()) {
    return options.only_seeds;
  }
  std::vector<uint64_t> seeds(options.seeds);
  std::iota(seeds.begin(), seeds.end(), uint64_t{1});
  return seeds;
}

std::expected<GridPlan, std::string> MakePlan(const MatrixOptions& options) {
  auto cases = ChooseCases(options);
  if (!cases) {
    return Problem(cases.error());
  }
  if (auto done = OverrideExpectations(options, *cases); !done) {
    return Problem(done.error());
  }
  GridPlan plan{.cases = std::move(*cases),
                .losses = {},
                .seeds = SeedsOf(options),
                .delays = {},
                .controlling = {},
                .agent = options.agent == "mesh" ? AgentKind::kMesh
                                                 : AgentKind::kRfc8445};
  for (const double percent : options.loss_percents) {
    plan.losses.push_back(percent / 100);
  }
  for (const double delay : options.delays_ms) {
    plan.delays.push_back(std::chrono::round<Duration>(
        std::chrono::duration<double, std::milli>(delay)));
  }
  if (options.controlling != "b") {
    plan.controlling.push_back(Controlling::kA);
  }
  if (options.controlling != "a") {
    plan.controlling.push_back(Controlling::kB);
  }
  return plan;
}

/// Calls `done` with each file that a report goes to, until one fails.
template <class Do>
bool ForEachFile(const MatrixOptions& options, std::ostream& error, Do done) {
  for (const std::string* path :
       {&options.trace_file, &options.junit_file, &options.html_file}) {
    if (path->empty()) {
      continue;
    }
    if (const auto result = done(*path); !result) {
      error << "netsim: " << result.error() << "\n";
      return false;
    }
  }
  return true;
}

bool WriteReports(const MatrixOptions& options, const GridResult& result,
                  const std::string& trace, std::ostream& error) {
  return ForEachFile(options, error, [&](const std::string& path) {
    return program::WriteFile(path, &path == &options.trace_file ? trace
                                    : &path == &options.junit_file
                                        ? ReportJunit(result)
                                        : ReportHtml(result));
  });
}

/// Says what is wrong with options that go together badly.
std::expected<void, std::string> CheckOptions(const MatrixOptions& options,
                                              const GridPlan& plan) {
  if (!options.trace_file.empty() && options.punch) {
    return Problem("--trace is for virtual time; tcpdump records the rest");
  }
  if (options.is_hard && options.punch) {
    return Problem("--hard is for virtual time");
  }
  if (!options.trace_file.empty() && plan.attempts() != 1) {
    return Problem(
        "--trace records one attempt; give one --cell, --loss, --delays, "
        "--controlling and --seed");
  }
  return {};
}

/// Runs the plan's only attempt and records it.
std::string TraceOf(const GridPlan& plan, GridResult& result) {
  std::string trace;
  PcapngWriter writer([&trace](ByteView block) { trace += AsText(block); });
  result = RunGrid(
      plan, [&writer](const PunchSpec& spec) { return Punch(spec, &writer); });
  return trace;
}

GridResult RunPlan(const GridPlan& plan, const MatrixOptions& options,
                   std::ostream& error) {
  const auto progress = [&](size_t attempts, size_t deviating,
                            const GridCase& next) {
    if (options.shows_progress) {
      error << "\r\033[K" << attempts << " of " << plan.attempts()
            << " attempts, " << deviating << " cells differ: " << next.name
            << std::flush;
    }
  };
  const auto in_virtual_time = [](const PunchSpec& spec) {
    return Punch(spec);
  };
  GridResult result =
      RunGrid(plan, options.punch ? options.punch : in_virtual_time, progress);
  if (options.shows_progress) {
    error << "\r\033[K" << std::flush;
  }
  return result;
}

void PrintSummary(const GridResult& result,
                  std::chrono::steady_clock::duration took, bool is_real,
                  std::ostream& error) {
  error << result.attempts << " attempts, " << result.packets << " packets in "
        << MillisecondsText(std::chrono::round<std::chrono::milliseconds>(took))
        << " ms; " << result.deviating_cells() << " of " << result.cells.size()
        << " cells differ\n";
  const auto first = std::ranges::find_if(
      result.cells,
      [](const CellResult& cell) { return cell.deviations() > 0; });
  if (first != result.cells.end()) {
    error << (is_real ? "in virtual time: " : "replay: ")
          << ReplayCommand(first->first_deviation->spec) << "\n";
  }
}

}  // namespace

int RunMatrix(const MatrixOptions& options, std::ostream& output,
              std::ostream& error) {
  const auto plan = MakePlan(options);
  if (!plan) {
    error << "netsim: " << plan.error() << "\n";
    return kBadOptions;
  }
  if (options.is_list) {
    for (const GridCase& one : plan->cases) {
      output << one.name << "  " << static_cast<char>(one.reach) << "  "
             << one.title << "\n";
    }
    return 0;
  }
  if (const auto good = CheckOptions(options, *plan); !good) {
    error << "netsim: " << good.error() << "\n";
    return kBadOptions;
  }
  // Hours of work are not for a name that is misspelt.
  if (!ForEachFile(options, error, program::CheckWritable)) {
    return kBadOptions;
  }
  const auto start = std::chrono::steady_clock::now();
  GridResult result;
  std::string trace;
  if (options.trace_file.empty()) {
    result = RunPlan(*plan, options, error);
  } else {
    trace = TraceOf(*plan, result);
  }
  result.is_real = options.punch != nullptr;
  output << (options.as_json ? ReportJson(result) : ReportText(result));
  PrintSummary(result, std::chrono::steady_clock::now() - start, result.is_real,
               error);
  if (!WriteReports(options, result, trace, error)) {
    return kBadOptions;
  }
  if (!output.flush()) {
    error << "netsim: cannot write to standard output\n";
    return kBadOptions;
  }
  return result.deviating_cells() == 0 ? 0 : kDiffers;
}

}  // namespace natkit::netsim::grid
