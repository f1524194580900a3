#include <algorithm>
#include <string>
#include <string_view>

#include "report.h"

namespace natkit::netsim::grid {
namespace {

constexpr size_t kColumn = 8;

std::string Padded(std::string text, size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

/// "Y  84", "-", "1", or "!Y 3/20".
std::string CellText(const CellResult& cell) {
  const char reach = static_cast<char>(cell.grid_case.reach);
  if (cell.deviations() > 0) {
    return std::string("!") + reach + " " + std::to_string(cell.direct) + "/" +
           std::to_string(cell.attempts);
  }
  if (!cell.grid_case.expects_direct()) {
    return std::string(1, reach);
  }
  const auto median = MillisecondsText(
      std::chrono::round<std::chrono::milliseconds>(cell.Quantile(0.5)));
  return std::string(1, reach) + " " + median;
}

void AddMatrix(const GridResult& result, double loss, std::string& out) {
  bool has_any = false;
  std::string rows;
  for (size_t row = 0; row < kBehaviors; ++row) {
    std::string line = Padded(BehaviorName(row), kColumn);
    for (const CellResult& cell : result.cells) {
      const auto& position = cell.grid_case.position;
      if (cell.loss == loss && position && position->row == row) {
        line += Padded(CellText(cell), kColumn);
        has_any = true;
      }
    }
    while (line.back() == ' ') {
      line.pop_back();
    }
    rows += line + "\n";
  }
  if (!has_any) {
    return;
  }
  out += "loss " + PercentText(loss) + " %\n" + Padded("A \\ B", kColumn);
  for (size_t column = 0; column < kBehaviors; ++column) {
    out += Padded(BehaviorName(column), kColumn);
  }
  out += "\n" + rows + "\n";
}

bool IsWholeMatrix(const GridResult& result) {
  const auto pairs =
      std::ranges::count_if(result.cells, [](const CellResult& cell) {
        return cell.grid_case.position.has_value();
      });
  return static_cast<size_t>(pairs) % (kBehaviors * kBehaviors) == 0;
}

void AddList(const GridResult& result, bool with_matrix, std::string& out) {
  for (const CellResult& cell : result.cells) {
    if (!cell.grid_case.position || with_matrix) {
      out += Padded(PercentText(cell.loss) + " %", kColumn) +
             Padded(CellText(cell), kColumn) + cell.grid_case.name +
             (cell.grid_case.position ? "" : ": " + cell.grid_case.title) +
             "\n";
    }
  }
}

void AddDeviations(const GridResult& result, std::string& out) {
  for (const CellResult& cell : result.cells) {
    if (cell.first_deviation) {
      out += "\n" + cell.grid_case.name + " at " + PercentText(cell.loss) +
             " % loss: " + Verdict(cell) + "\n  " +
             ReplayCommand(cell.first_deviation->spec) + "\n";
    }
  }
}

}  // namespace

std::string_view FoundName(Found found) {
  switch (found) {
    case Found::kDirect:
      return "direct";
    case Found::kNothing:
      return "nothing";
    case Found::kHalf:
      return "half";
  }
  return "";
}

std::string Verdict(const CellResult& cell) {
  if (cell.deviations() == 0) {
    return "as expected";
  }
  return std::string("expected ") +
         (cell.grid_case.expects_direct() ? "direct" : "nothing") + ", found " +
         std::string(FoundName(cell.first_deviation->result.found)) + "; " +
         std::to_string(cell.deviations()) + " of " +
         std::to_string(cell.attempts) + " attempts differ";
}

std::vector<double> LossesOf(const GridResult& result) {
  std::vector<double> losses;
  for (const CellResult& cell : result.cells) {
    if (std::ranges::find(losses, cell.loss) == losses.end()) {
      losses.push_back(cell.loss);
    }
  }
  return losses;
}

std::string ReportText(const GridResult& result) {
  std::string out;
  const bool is_whole = IsWholeMatrix(result);
  if (is_whole) {
    for (const double loss : LossesOf(result)) {
      AddMatrix(result, loss, out);
    }
  }
  AddList(result, !is_whole, out);
  AddDeviations(result, out);
  out +=
      "\nY: direct expected, with the median time in ms; a: both ways, but "
      "over different\naddresses; 1: one way only; -: nothing. !: not as "
      "expected, with how many were\ndirect.\n";
  return out;
}

}  // namespace natkit::netsim::grid
