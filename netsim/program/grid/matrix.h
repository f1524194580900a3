#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "grid.h"

namespace natkit::netsim::grid {

/// The options of `netsim matrix`, as text where they are checked later.
struct MatrixOptions {
  uint64_t seeds = 20;
  std::vector<uint64_t> only_seeds;  ///< instead of 1 to `seeds`
  std::vector<double> loss_percents = {0, 5};
  std::vector<double> delays_ms = {5, 25, 80};
  std::string controlling = "both";   ///< "a", "b" or "both"
  std::string agent = "mesh";         ///< or "rfc8445"
  std::vector<std::string> cells;     ///< names or globs; empty: all
  std::vector<std::string> expected;  ///< "CELL=yes" or "CELL=no"
  bool is_hard = false;               ///< HardCases() instead of AllCases()
  bool as_json = false;
  bool is_list = false;  ///< only say which cells there are
  std::string trace_file;
  std::string junit_file;
  std::string html_file;
  bool shows_progress = false;
  /// Instead of Punch(), and then no trace can be written.
  Puncher punch;
};

/// Runs the grid and writes its reports; complains to `error`. Returns the exit
/// status: 0 all as expected, 1 some cell is not, 2 the options are wrong or a
/// file cannot be written.
[[nodiscard]] int RunMatrix(const MatrixOptions& options, std::ostream& output,
                            std::ostream& error);

}  // namespace natkit::netsim::grid
