#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "natkit/base/text.h"
#include "report.h"

namespace natkit::netsim::grid {
namespace {

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--ok:#c9ead0;--no:#e4e6ea;--bad:#f5b5b0;
--ink:#1d2733;--page:#fff;--bar:#2c7a4b;--line:#9aa4b0}
@media(prefers-color-scheme:dark){:root{--ok:#1f4a30;--no:#2b3139;--bad:#7a2a26;
--ink:#e6e9ee;--page:#14181d;--bar:#7fd6a0;--line:#5b6672}}
body{font:14px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--page);
margin:2rem auto;max-width:80rem;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:separate;border-spacing:3px}
th{font-weight:600;text-align:left;padding:2px 6px;white-space:nowrap}
td{padding:4px 6px;border-radius:4px;vertical-align:top;white-space:nowrap}
td.ok{background:var(--ok)}td.no{background:var(--no)}td.bad{background:var(--bad)}
td b{font-size:1.05rem}td small{display:block}
svg rect{fill:var(--bar)}svg line{stroke:var(--line)}
.about{columns:20rem;padding-left:1.2rem}
.scroll{overflow-x:auto}code{font-size:.9em}
)";

constexpr size_t kBins = 24;
constexpr double kPlotWidth = 84;
constexpr double kPlotHeight = 22;
// Times from 5 ms to 5 s, on a logarithmic scale.
constexpr double kFirstMs = 5;
constexpr double kLastMs = 5'000;

double Milliseconds(Duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

size_t BinOf(Duration time) {
  const double clamped = std::clamp(Milliseconds(time), kFirstMs, kLastMs);
  const double share =
      std::log(clamped / kFirstMs) / std::log(kLastMs / kFirstMs);
  return std::min(kBins - 1,
                  static_cast<size_t>(share * static_cast<double>(kBins)));
}

std::string Number(double value) {
  return std::to_string(static_cast<int>(std::lround(value)));
}

/// How long the direct paths of a cell took, as a histogram.
std::string Histogram(const CellResult& cell) {
  std::vector<size_t> bins(kBins);
  for (const Duration time : cell.took) {
    ++bins[BinOf(time)];
  }
  const auto most = static_cast<double>(*std::ranges::max_element(bins));
  std::string out =
      "<svg width=\"" + Number(kPlotWidth) + "\" height=\"" +
      Number(kPlotHeight) + "\" role=\"img\" aria-label=\"" +
      "time to direct\"><title>" + Number(Milliseconds(cell.Quantile(0))) +
      " to " + Number(Milliseconds(cell.Quantile(1))) + " ms, half within " +
      Number(Milliseconds(cell.Quantile(0.5))) +
      " ms</title><line x1=\"0\" y1=\"" + Number(kPlotHeight - 1) + "\" x2=\"" +
      Number(kPlotWidth) + "\" y2=\"" + Number(kPlotHeight - 1) + "\"/>";
  for (size_t bin = 0; bin < kBins; ++bin) {
    if (bins[bin] > 0) {
      const double height = std::max(
          1.0, static_cast<double>(bins[bin]) / most * (kPlotHeight - 2));
      out += "<rect x=\"" +
             Number(static_cast<double>(bin) * kPlotWidth / kBins) + "\" y=\"" +
             Number(kPlotHeight - 1 - height) + "\" width=\"3\" height=\"" +
             Number(height) + "\"/>";
    }
  }
  return out + "</svg>";
}

std::string CellHtml(const CellResult& cell) {
  const bool is_bad = cell.deviations() > 0;
  const bool is_direct = cell.grid_case.expects_direct();
  std::string out = "<td class=\"";
  out += is_bad ? "bad" : is_direct ? "ok" : "no";
  out += "\" title=\"" +
         EscapeXml(cell.grid_case.title + ": " + Verdict(cell)) + "\"><b>" +
         EscapeXml(std::string(1, static_cast<char>(cell.grid_case.reach))) +
         "</b> " + std::to_string(cell.direct) + "/" +
         std::to_string(cell.attempts);
  if (!cell.took.empty()) {
    out += "<small>" + Number(Milliseconds(cell.Quantile(0.5))) + " ms, 95 % " +
           Number(Milliseconds(cell.Quantile(0.95))) + "</small>" +
           Histogram(cell);
  }
  return out + "</td>";
}

std::string MatrixHtml(const GridResult& result, double loss) {
  std::string rows;
  for (size_t row = 0; row < kBehaviors; ++row) {
    std::string cells;
    for (const CellResult& cell : result.cells) {
      const auto& position = cell.grid_case.position;
      if (cell.loss == loss && position && position->row == row) {
        cells += CellHtml(cell);
      }
    }
    if (!cells.empty()) {
      rows += "<tr><th>" + BehaviorName(row) + "</th>" + cells + "</tr>\n";
    }
  }
  if (rows.empty()) {
    return rows;
  }
  std::string head = "<tr><th>A \\ B</th>";
  for (size_t column = 0; column < kBehaviors; ++column) {
    head += "<th>" + BehaviorName(column) + "</th>";
  }
  return "<h2>All pairs, loss " + PercentText(loss) +
         " %</h2>\n<div class=\"scroll\"><table>\n" + head + "</tr>\n" + rows +
         "</table></div>\n";
}

/// The cases beside the matrix: one row each, one column per loss rate.
std::string OthersHtml(const GridResult& result) {
  std::vector<std::string> titles;
  std::map<std::string, std::string> rows;
  for (const CellResult& cell : result.cells) {
    const std::string& title = cell.grid_case.title;
    if (cell.grid_case.position) {
      continue;
    }
    if (!rows.contains(title)) {
      titles.push_back(title);
    }
    rows[title] += CellHtml(cell);
  }
  if (titles.empty()) {
    return {};
  }
  std::string out =
      "<h2>Carriers and shared boxes</h2>\n<div class=\"scroll\"><table>\n"
      "<tr><th>case</th>";
  for (const double loss : LossesOf(result)) {
    out += "<th>loss " + PercentText(loss) + " %</th>";
  }
  out += "</tr>\n";
  for (const std::string& title : titles) {
    out += "<tr><th>" + EscapeXml(title) + "</th>" + rows[title] + "</tr>\n";
  }
  return out + "</table></div>\n";
}

std::string AboutHtml(const GridResult& result) {
  std::string out = "<ul class=\"about\">\n";
  for (const auto& [name, value] : AboutOf(result)) {
    const bool is_command = name == "repeat";
    out += "<li>" + EscapeXml(name) + ": " + (is_command ? "<code>" : "<b>") +
           EscapeXml(value) + (is_command ? "</code>" : "</b>") + "</li>\n";
  }
  return out + "</ul>\n";
}

std::string DeviationsHtml(const GridResult& result) {
  std::string items;
  for (const CellResult& cell : result.cells) {
    if (cell.first_deviation) {
      items += "<li>" + EscapeXml(cell.grid_case.title) + " at " +
               PercentText(cell.loss) + " % loss: " + EscapeXml(Verdict(cell)) +
               "<br><code>" +
               EscapeXml(ReplayCommand(cell.first_deviation->spec)) +
               "</code></li>\n";
    }
  }
  return items.empty() ? "<p>Every cell is as expected.</p>\n"
                       : "<h2>Not as expected</h2>\n<ul>\n" + items + "</ul>\n";
}

}  // namespace

std::string ReportHtml(const GridResult& result) {
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
      "<meta name=\"viewport\" content=\"width=device-width\"/>"
      "<title>netsim matrix</title>\n<style>" +
      std::string(kStyle) +
      "</style></head><body>\n<h1>Which NATs two ICE agents get through</h1>\n"
      "<p>" +
      std::to_string(result.attempts) + " attempts, " +
      std::to_string(result.packets) + " packets, " +
      Number(std::chrono::duration<double>(result.simulated).count()) +
      " s of virtual time. Behaviours are mapping-filtering in RFC 4787's "
      "words: endpoint-independent, address-dependent, "
      "address-and-port-dependent. Y: direct expected; a: packets pass both "
      "ways, but over different addresses; 1: one way only; -: nothing. Then "
      "how many attempts were direct, and the time they took from when both "
      "sides knew of each other: median, 95 %, and a histogram from 5 ms to "
      "5 s on a logarithmic scale.</p>\n";
  out += AboutHtml(result) + DeviationsHtml(result);
  for (const double loss : LossesOf(result)) {
    out += MatrixHtml(result, loss);
  }
  return out + OthersHtml(result) + "</body></html>\n";
}

}  // namespace natkit::netsim::grid
