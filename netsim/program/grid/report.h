#pragma once

#include <string>

#include "grid.h"

namespace natkit::netsim::grid {

/// The matrix per loss rate, the other cases, and what differs, for a terminal.
[[nodiscard]] std::string ReportText(const GridResult& result);

/// {"attempts", "packets", "deviating_cells", "cells": [...]}; times in ms.
[[nodiscard]] std::string ReportJson(const GridResult& result);

/// One test suite per loss rate, one test case per cell.
[[nodiscard]] std::string ReportJunit(const GridResult& result);

/// A page without external resources: a coloured matrix per loss rate with the
/// distribution of the time to a direct path in each cell.
[[nodiscard]] std::string ReportHtml(const GridResult& result);

/// `text` with &, <, >, " and ' as XML entities.
[[nodiscard]] std::string EscapeXml(std::string_view text);

/// "direct", "nothing" or "half".
[[nodiscard]] std::string_view FoundName(Found found);

/// "expected direct, found: nothing in 3 of 20", or "as expected".
[[nodiscard]] std::string Verdict(const CellResult& cell);

/// The loss rates of a result, in order.
[[nodiscard]] std::vector<double> LossesOf(const GridResult& result);

}  // namespace natkit::netsim::grid
