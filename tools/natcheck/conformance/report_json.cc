#include <nlohmann/json.hpp>
#include <string>

#include "natkit/base/encoding.h"
#include "report.h"

namespace natkit::natcheck::conformance {
namespace {

using Json = nlohmann::ordered_json;

std::string_view KindWord(Evidence::Kind kind) {
  switch (kind) {
    case Evidence::Kind::kSent:
      return "sent";
    case Evidence::Kind::kSeen:
      return "seen";
    case Evidence::Kind::kNote:
      break;
  }
  return "note";
}

Json EvidenceJson(const Evidence& entry) {
  Json json = {
      {"at",
       std::chrono::duration<double>(entry.at.time_since_epoch()).count()},
      {"kind", KindWord(entry.kind)}};
  if (entry.kind != Evidence::Kind::kNote) {
    json["side"] = SideWord(entry.side);
  }
  json["text"] = entry.text;
  return json;
}

Json FindingJson(const Finding& finding) {
  const Requirement& requirement = *finding.requirement;
  return {{"requirement", requirement.id},
          {"rfc", requirement.rfc()},
          {"section", requirement.section},
          {"level", LevelWord(requirement.level)},
          {"title", requirement.title},
          {"verdict", VerdictWord(finding.verdict)},
          {"reason", finding.reason},
          {"stated", finding.is_stated},
          {"test", finding.record ? Json(finding.record->test) : Json()}};
}

Json TestsJson(const Report& report) {
  Json tests = Json::object();
  for (const Finding& finding : report.findings) {
    if (finding.record == nullptr || tests.contains(finding.record->test)) {
      continue;
    }
    Json entries = Json::array();
    for (const Evidence& entry : finding.record->entries) {
      entries.push_back(EvidenceJson(entry));
    }
    tests[finding.record->test] = {{"evidence", std::move(entries)},
                                   {"left_out", finding.record->left_out}};
  }
  return tests;
}

}  // namespace

std::string RenderJson(const Report& report) {
  const Tally tally = Count(report.findings);
  Json findings = Json::array();
  for (const Finding& finding : report.findings) {
    findings.push_back(FindingJson(finding));
  }
  const Json json = {{"schema", 1},
                     {"subject", report.subject},
                     {"summary",
                      {{"failed_musts", tally.failed_musts},
                       {"failed_shoulds", tally.failed_shoulds},
                       {"pass", tally.of(Verdict::kPass)},
                       {"fail", tally.of(Verdict::kFail)},
                       {"inconclusive", tally.of(Verdict::kInconclusive)},
                       {"not_applicable", tally.of(Verdict::kNotApplicable)}}},
                     {"findings", std::move(findings)},
                     {"tests", TestsJson(report)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace natkit::natcheck::conformance
