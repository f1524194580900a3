#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grid.h"

namespace natkit::netsim::grid {

/// The matrix per loss rate, the other cases, and what differs, for a terminal.
[[nodiscard]] std::string ReportText(const GridResult& result);

/// One object, schema "natkit-netsim-matrix-1" (docs/netsim.md).
[[nodiscard]] std::string ReportJson(const GridResult& result);

/// One test suite per loss rate, one test case per cell.
[[nodiscard]] std::string ReportJunit(const GridResult& result);

/// A page without external resources: a coloured matrix per loss rate with the
/// distribution of the time to a direct path in each cell.
[[nodiscard]] std::string ReportHtml(const GridResult& result);

/// "mesh" or "rfc8445", as --agent has it.
[[nodiscard]] std::string_view AgentName(AgentKind kind);

/// Of netsim, and of the libnat whose agents it runs.
[[nodiscard]] std::string_view Version();

/// The command line that makes the same attempts.
[[nodiscard]] std::string RepeatCommand(const GridResult& result);

/// What a report is about, as names and values for people: versions, seeds,
/// losses, delays, and the command that repeats it.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> AboutOf(
    const GridResult& result);

/// The same as the first members of a JSON object.
[[nodiscard]] std::string AboutJson(const GridResult& result);

/// "direct", "nothing" or "half".
[[nodiscard]] std::string_view FoundName(Found found);

/// "expected direct, found: nothing in 3 of 20", or "as expected".
[[nodiscard]] std::string Verdict(const CellResult& cell);

/// The loss rates of a result, in order.
[[nodiscard]] std::vector<double> LossesOf(const GridResult& result);

}  // namespace natkit::netsim::grid
