#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grid_case.h"
#include "natkit/base/time.h"
#include "punch.h"

namespace natkit::netsim::grid {

/// Which attempts make up a grid: each case with everything else.
struct GridPlan {
  std::vector<GridCase> cases;
  std::vector<double> losses;
  std::vector<uint64_t> seeds;
  std::vector<Duration> delays;
  std::vector<Controlling> controlling;
  AgentKind agent = AgentKind::kMesh;

  [[nodiscard]] size_t attempts() const;
};

/// One attempt that did not end as expected.
struct Deviation {
  PunchSpec spec;
  PunchResult result;
};

/// One case at one loss rate.
struct CellResult {
  GridCase grid_case;
  double loss = 0;
  size_t attempts = 0;
  size_t direct = 0;
  size_t half = 0;
  std::vector<Duration> took;  ///< of the direct ones, ascending
  std::optional<Deviation> first_deviation;

  /// How many attempts are not as expected. Where chance has a part that is 0
  /// as long as the number of direct ones is within what it explains (three
  /// standard deviations).
  [[nodiscard]] size_t deviations() const;

  /// The value below which `share` of `took` lies; zero if there is none.
  [[nodiscard]] Duration Quantile(double share) const;
};

struct GridResult {
  GridPlan plan;                  ///< what was tried
  bool is_real = false;           ///< on a real network
  std::vector<CellResult> cells;  ///< by loss, then in the order of the cases
  size_t attempts = 0;
  uint64_t packets = 0;
  Duration simulated{};

  [[nodiscard]] size_t deviating_cells() const;
};

/// Runs one attempt: Punch(), or one on a real network.
using Puncher = std::function<PunchResult(const PunchSpec&)>;
/// Told before each cell how many attempts are done and how many cells differ.
using Progress =
    std::function<void(size_t attempts, size_t deviating, const GridCase&)>;

[[nodiscard]] GridResult RunGrid(const GridPlan& plan, const Puncher& punch,
                                 const Progress& progress = nullptr);

/// The command line that repeats one attempt and records its packets.
[[nodiscard]] std::string ReplayCommand(const PunchSpec& spec);

/// "5" for 0.05, "0.5" for 0.005.
[[nodiscard]] std::string PercentText(double share);

/// "12.5" for 12.5 ms.
[[nodiscard]] std::string MillisecondsText(Duration time);

}  // namespace natkit::netsim::grid
