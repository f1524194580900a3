#include "control/control_why.h"

#include <map>

#include "control/json_text.h"

namespace natkit::meshnode {

namespace {

const Json& List(const Json& object, const char* key) {
  static const Json kEmpty = Json::array();
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : kEmpty;
}

std::string CellText(const Json& cell) {
  return ShownText(cell, "ours") + " against " + ShownText(cell, "theirs") +
         ": " + ShownText(cell, "reach");
}

/// A line each; how many of each kind where they are many.
std::vector<std::string> CellLines(const Json& cells) {
  constexpr size_t kMostLines = 9;
  std::vector<std::string> lines;
  std::map<std::string, size_t> reaches;
  for (const Json& cell : cells) {
    lines.push_back(CellText(cell));
    ++reaches[ShownText(cell, "reach")];
  }
  if (lines.size() <= kMostLines) {
    return lines;
  }
  std::string counts;
  for (const auto& [reach, count] : reaches) {
    counts +=
        (counts.empty() ? "" : ", ") + std::to_string(count) + " " + reach;
  }
  return {std::to_string(lines.size()) + " fit what is known: " + counts +
          " (--json names them)"};
}

/// "  title   first\n", then the others below it.
std::string Rows(std::string title, const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) {
    title.resize(10, ' ');
    out += "  " + title + line + "\n";
    title.clear();
  }
  return out;
}

}  // namespace

Json WhyToJson(std::string_view peer, const nat::PathDiagnosis& diagnosis) {
  Json out;
  out["peer"] = peer;
  out["reason"] = nat::PathReasonName(diagnosis.reason);
  out["summary"] = diagnosis.summary;
  out["ours"] = diagnosis.ours;
  out["theirs"] = diagnosis.theirs;
  out["cells"] = Json::array();
  for (const nat::PunchCell& cell : diagnosis.cells) {
    out["cells"].push_back({{"ours", nat::BehaviorName(cell.ours)},
                            {"theirs", nat::BehaviorName(cell.theirs)},
                            {"reach", nat::ReachName(cell.reach)}});
  }
  out["tried"] = Json::array();
  for (const std::string& text : diagnosis.tried) {
    out["tried"].push_back(text);
  }
  out["fixes"] = Json::array();
  for (const nat::Fix& fix : diagnosis.fixes) {
    out["fixes"].push_back({{"code", nat::FixCodeName(fix.code)},
                            {"side", nat::FixSideName(fix.side)},
                            {"reason", fix.reason}});
  }
  return out;
}

std::string WhyText(const Json& why) {
  std::string out =
      ShownText(why, "peer") + ": " + ShownText(why, "summary") + "\n";
  out += Rows("reason", {ShownText(why, "reason")});
  out += Rows("we", {ShownText(why, "ours")});
  out += Rows("peer", {ShownText(why, "theirs")});
  out += Rows("cells", CellLines(List(why, "cells")));
  std::vector<std::string> lines;
  for (const Json& text : List(why, "tried")) {
    lines.push_back(text.is_string() ? text.get<std::string>() : "");
  }
  out += Rows("tried", lines);
  lines.clear();
  for (const Json& fix : List(why, "fixes")) {
    lines.push_back(ShownText(fix, "code") + " (" + ShownText(fix, "side") +
                    "): " + ShownText(fix, "reason"));
  }
  return out + Rows("helps", lines);
}

}  // namespace natkit::meshnode
