#include <cstdio>
#include <string>

#include "natkit/base/text.h"
#include "report.h"

namespace natkit::natcheck::conformance {
namespace {

constexpr std::string_view kHead = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>NAT conformance</title><style>
:root{color-scheme:light dark}
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:70rem;
padding:0 1rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;
border-bottom:1px solid #8884}
.v{font-weight:600;white-space:nowrap}
.pass{color:#1a7f37}.fail{color:#cf222e}.warn{color:#b35900}
.inconclusive,.not-applicable{color:#6e7781}
details pre{overflow-x:auto;font-size:12px;background:#8881;padding:.6rem}
</style></head><body>
)";

/// A failed SHOULD has another colour than a failed MUST.
std::string_view ClassOf(const Finding& finding) {
  return finding.verdict == Verdict::kFail &&
                 !IsMandatory(finding.requirement->level)
             ? "warn"
             : VerdictWord(finding.verdict);
}

std::string At(Instant at) {
  char text[32];
  (void)std::snprintf(
      text, sizeof(text), "%10.3f ",
      std::chrono::duration<double>(at.time_since_epoch()).count());
  return text;
}

std::string EvidenceOf(const Record& record) {
  std::string text = "<details><summary>" +
                     std::to_string(record.entries.size()) +
                     " entries of evidence (test " + EscapeXml(record.test) +
                     ")</summary><pre>";
  for (const Evidence& entry : record.entries) {
    text += At(entry.at);
    if (entry.kind == Evidence::Kind::kNote) {
      text += "- ";
    } else {
      text += std::string(SideWord(entry.side)) +
              (entry.kind == Evidence::Kind::kSent ? " sends " : " sees ");
    }
    text += EscapeXml(entry.text) + "\n";
  }
  if (record.left_out > 0) {
    text += std::to_string(record.left_out) + " more\n";
  }
  return text + "</pre></details>";
}

std::string Row(const Finding& finding) {
  const Requirement& requirement = *finding.requirement;
  return "<tr><td class=\"v " + std::string(ClassOf(finding)) + "\">" +
         std::string(VerdictWord(finding.verdict)) + "</td><td>" +
         std::string(requirement.id) + "</td><td>" +
         std::string(LevelWord(requirement.level)) + "</td><td>" +
         EscapeXml(requirement.title) + "<br><small>section " +
         std::string(requirement.section) + ": " + EscapeXml(finding.reason) +
         "</small>" + (finding.record ? EvidenceOf(*finding.record) : "") +
         "</td></tr>\n";
}

}  // namespace

std::string RenderHtml(const Report& report) {
  const Tally tally = Count(report.findings);
  std::string text(kHead);
  text += "<h1>NAT conformance</h1><p>" + EscapeXml(report.subject) +
          "</p><p><b class=\"" + (tally.failed_musts > 0 ? "fail" : "pass") +
          "\">" + std::to_string(tally.failed_musts) + " MUST failed</b>, " +
          std::to_string(tally.failed_shoulds) + " SHOULD failed, " +
          std::to_string(tally.of(Verdict::kPass)) + " passed, " +
          std::to_string(tally.of(Verdict::kInconclusive)) + " inconclusive, " +
          std::to_string(tally.of(Verdict::kNotApplicable)) +
          " not applicable</p>\n";
  int rfc = 0;
  for (const Finding& finding : report.findings) {
    if (finding.requirement->rfc() != rfc) {
      text += rfc == 0 ? "" : "</table>\n";
      rfc = finding.requirement->rfc();
      text += "<h2>RFC " + std::to_string(rfc) +
              "</h2><table><tr><th>Verdict</th><th>Requirement</th>"
              "<th>Level</th><th>What, and why</th></tr>\n";
    }
    text += Row(finding);
  }
  return text + (rfc == 0 ? "" : "</table>") + "\n</body></html>\n";
}

}  // namespace natkit::natcheck::conformance
