#include <algorithm>
#include <cstdio>
#include <string>

#include "report.h"

namespace natkit::natcheck::conformance {
namespace {

std::string Padded(std::string_view text, size_t width) {
  std::string padded(text);
  padded.resize(std::max(width, padded.size()), ' ');
  return padded;
}

std::string AtSecond(Instant at) {
  char text[32];
  const double seconds =
      std::chrono::duration<double>(at.time_since_epoch()).count();
  (void)std::snprintf(text, sizeof(text), "%10.3f", seconds);
  return text;
}

std::string Row(const Finding& finding) {
  const Requirement& requirement = *finding.requirement;
  return Padded(VerdictWord(finding.verdict), 15) + Padded(requirement.id, 14) +
         Padded(LevelWord(requirement.level), 11) +
         std::string(requirement.title) + "\n" + std::string(15, ' ') +
         "section " + std::string(requirement.section) + ": " + finding.reason +
         "\n";
}

std::string EvidenceOf(const Finding& finding) {
  std::string text;
  for (const Evidence& entry : finding.record->entries) {
    text += std::string(17, ' ') + AtSecond(entry.at) + " ";
    if (entry.kind == Evidence::Kind::kNote) {
      text += "- ";
    } else {
      text += std::string(SideWord(entry.side)) +
              (entry.kind == Evidence::Kind::kSent ? " sends " : " sees ");
    }
    text += entry.text + "\n";
  }
  if (finding.record->left_out > 0) {
    text += std::string(17, ' ') + std::to_string(finding.record->left_out) +
            " more\n";
  }
  return text;
}

}  // namespace

Tally Count(const std::vector<Finding>& findings) {
  Tally tally;
  for (const Finding& finding : findings) {
    ++tally.counts[static_cast<size_t>(finding.verdict)];
    if (finding.verdict == Verdict::kFail) {
      ++(IsMandatory(finding.requirement->level) ? tally.failed_musts
                                                 : tally.failed_shoulds);
    }
  }
  return tally;
}

std::string RenderText(const Report& report, bool with_evidence) {
  const Tally tally = Count(report.findings);
  std::string text =
      "NAT conformance of " + report.subject + ": " +
      std::to_string(tally.failed_musts) + " MUST failed, " +
      std::to_string(tally.failed_shoulds) + " SHOULD failed, " +
      std::to_string(tally.of(Verdict::kPass)) + " passed, " +
      std::to_string(tally.of(Verdict::kInconclusive)) + " inconclusive, " +
      std::to_string(tally.of(Verdict::kNotApplicable)) + " not applicable\n";
  int rfc = 0;
  for (const Finding& finding : report.findings) {
    if (finding.requirement->rfc() != rfc) {
      rfc = finding.requirement->rfc();
      text += "\nRFC " + std::to_string(rfc) + "\n";
    }
    text += Row(finding);
    if (with_evidence && finding.record != nullptr) {
      text += EvidenceOf(finding);
    }
  }
  return text;
}

}  // namespace natkit::natcheck::conformance
