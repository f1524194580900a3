#include <string>

#include "natkit/base/text.h"
#include "report.h"

namespace natkit::natcheck::conformance {
namespace {

std::string Attribute(std::string_view name, std::string_view value) {
  return " " + std::string(name) + "=\"" + EscapeXml(value) + "\"";
}

std::string Message(std::string_view element, const Finding& finding) {
  return "<" + std::string(element) +
         Attribute("message", std::string(VerdictWord(finding.verdict)) + ": " +
                                  finding.reason) +
         "/>";
}

/// A SHOULD that is not followed is no failure of a build: it is skipped, with
/// its verdict in the message.
std::string Outcome(const Finding& finding) {
  switch (finding.verdict) {
    case Verdict::kPass:
      return "";
    case Verdict::kFail:
      return Message(
          IsMandatory(finding.requirement->level) ? "failure" : "skipped",
          finding);
    case Verdict::kInconclusive:
    case Verdict::kNotApplicable:
      break;
  }
  return Message("skipped", finding);
}

std::string Case(const Finding& finding) {
  const Requirement& requirement = *finding.requirement;
  const std::string rfc = std::to_string(requirement.rfc());
  return "  <testcase" + Attribute("classname", "RFC" + rfc) +
         Attribute("name", std::string(requirement.id) + " " +
                               std::string(LevelWord(requirement.level)) +
                               " (section " + std::string(requirement.section) +
                               ") " + std::string(requirement.title)) +
         ">" + Outcome(finding) + "<system-out>" + EscapeXml(finding.reason) +
         "</system-out></testcase>\n";
}

}  // namespace

std::string RenderJunit(const Report& report) {
  const Tally tally = Count(report.findings);
  const size_t skipped = tally.of(Verdict::kInconclusive) +
                         tally.of(Verdict::kNotApplicable) +
                         tally.failed_shoulds;
  std::string text =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite" +
      Attribute("name", "NAT conformance of " + report.subject) +
      Attribute("tests", std::to_string(report.findings.size())) +
      Attribute("failures", std::to_string(tally.failed_musts)) +
      Attribute("errors", "0") + Attribute("skipped", std::to_string(skipped)) +
      ">\n";
  for (const Finding& finding : report.findings) {
    text += Case(finding);
  }
  return text + "</testsuite>\n";
}

}  // namespace natkit::natcheck::conformance
