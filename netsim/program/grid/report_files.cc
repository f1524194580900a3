// JSON and JUnit.

#include <string>
#include <string_view>

#include "json_text.h"
#include "natkit/base/text.h"
#include "report.h"

namespace natkit::netsim::grid {
namespace {

using program::Json;

std::string ChanceJson(const CellResult& cell) {
  const double chance = cell.grid_case.chance;
  return chance < 1 ? ", \"chance\": " + std::to_string(chance) : "";
}

std::string CellJson(const CellResult& cell) {
  std::string out =
      "{\"case\": " + Json(cell.grid_case.name) +
      ", \"title\": " + Json(cell.grid_case.title) +
      ", \"loss_percent\": " + PercentText(cell.loss) + ", \"reach\": " +
      Json(std::string(1, static_cast<char>(cell.grid_case.reach))) +
      ", \"expected_direct\": " +
      (cell.grid_case.expects_direct() ? "true" : "false") + ChanceJson(cell) +
      ", \"attempts\": " + std::to_string(cell.attempts) +
      ", \"direct\": " + std::to_string(cell.direct) +
      ", \"half\": " + std::to_string(cell.half) +
      ", \"as_expected\": " + (cell.deviations() == 0 ? "true" : "false") +
      ", \"milliseconds\": [";
  for (size_t i = 0; i < cell.took.size(); ++i) {
    out += (i == 0 ? "" : ", ") + MillisecondsText(cell.took[i]);
  }
  out += "]";
  if (cell.first_deviation) {
    out +=
        ", \"found\": " + Json(FoundName(cell.first_deviation->result.found)) +
        ", \"replay\": " + Json(ReplayCommand(cell.first_deviation->spec));
  }
  return out + "}";
}

std::string PropertiesJunit(const GridResult& result) {
  std::string out = "    <properties>\n";
  for (const auto& [name, value] : AboutOf(result)) {
    out += "      <property name=\"" + EscapeXml(name) + "\" value=\"" +
           EscapeXml(value) + "\"/>\n";
  }
  return out + "    </properties>\n";
}

std::string CellJunit(const CellResult& cell) {
  std::string out = "    <testcase classname=\"matrix.loss" +
                    PercentText(cell.loss) + "\" name=\"" +
                    EscapeXml(cell.grid_case.name) + "\"";
  if (!cell.first_deviation) {
    return out + "/>\n";
  }
  return out + ">\n      <failure message=\"" + EscapeXml(Verdict(cell)) +
         "\">" + EscapeXml(ReplayCommand(cell.first_deviation->spec)) +
         "</failure>\n    </testcase>\n";
}

}  // namespace

std::string ReportJson(const GridResult& result) {
  std::string out =
      "{" + AboutJson(result) +
      ", \"attempts\": " + std::to_string(result.attempts) +
      ", \"packets\": " + std::to_string(result.packets) +
      ", \"simulated_seconds\": " +
      std::to_string(std::chrono::duration<double>(result.simulated).count()) +
      ", \"deviating_cells\": " + std::to_string(result.deviating_cells()) +
      ", \"cells\": [\n";
  for (size_t i = 0; i < result.cells.size(); ++i) {
    out += CellJson(result.cells[i]);
    out += i + 1 < result.cells.size() ? ",\n" : "\n";
  }
  return out + "]}\n";
}

std::string ReportJunit(const GridResult& result) {
  std::string out =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
  for (const double loss : LossesOf(result)) {
    std::string cases;
    size_t tests = 0;
    size_t failures = 0;
    for (const CellResult& cell : result.cells) {
      if (cell.loss == loss) {
        ++tests;
        failures += cell.deviations() > 0 ? 1 : 0;
        cases += CellJunit(cell);
      }
    }
    out += "  <testsuite name=\"netsim matrix, loss " + PercentText(loss) +
           " %\" tests=\"" + std::to_string(tests) + "\" failures=\"" +
           std::to_string(failures) + "\">\n" + PropertiesJunit(result) +
           cases + "  </testsuite>\n";
  }
  return out + "</testsuites>\n";
}

}  // namespace natkit::netsim::grid
