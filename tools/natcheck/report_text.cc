#include "report_text.h"

#include <algorithm>
#include <chrono>
#include <iomanip>
#include <ostream>
#include <string>

#include "outlook.h"

namespace natkit::natcheck {
namespace {

constexpr size_t kNameWidth = 24;
constexpr size_t kValueWidth = 30;

std::string Padded(std::string text, size_t width) {
  text.resize(std::max(text.size() + 1, width), ' ');
  return text;
}

std::string NameOf(nat::Axis axis) {
  std::string name(nat::AxisName(axis));
  std::ranges::replace(name, '_', ' ');
  return name;
}

std::string ValueOf(const nat::Verdict& verdict) {
  switch (verdict.outcome) {
    case nat::Outcome::kDetermined:
      return verdict.value;
    case nat::Outcome::kInconclusive:
      return verdict.value.empty() ? "inconclusive"
                                   : "inconclusive (" + verdict.value + "?)";
    case nat::Outcome::kNotApplicable:
      return "not applicable";
    case nat::Outcome::kUntested:
      return "untested";
  }
  return "";
}

void PrintProbe(std::ostream& out, const nat::Probe& probe) {
  out << "      " << std::fixed << std::setprecision(3)
      << std::chrono::duration<double>(probe.at).count() << " s  "
      << probe.local.ToString() << " -> " << probe.to.ToString() << "  "
      << probe.asked << " x" << probe.sent;
  if (probe.answered) {
    out << "; from " << probe.answered_from.ToString();
    if (probe.arrived_at != probe.local) {
      out << " at " << probe.arrived_at.ToString();
    }
    if (probe.mapped) {
      out << ", sees " << probe.mapped->ToString();
    }
  } else {
    out << "; no answer";
  }
  out << (probe.note.empty() ? "" : " (" + probe.note + ")") << '\n';
}

}  // namespace

void PrintText(std::ostream& out, const nat::BehaviorReport& report,
               Evidence evidence) {
  for (const std::string& line : Summarize(report)) {
    out << line << '\n';
  }
  const std::string_view classic = nat::ClassicName(report.traits);
  if (!classic.empty()) {
    out << "(In the words of RFC 3489: " << classic << ".)\n";
  }
  out << '\n';
  for (const nat::Axis axis : nat::AllAxes()) {
    const nat::Verdict& verdict = report.verdict(axis);
    if (verdict.outcome == nat::Outcome::kUntested && verdict.reason.empty()) {
      continue;
    }
    out << "  " << Padded(NameOf(axis), kNameWidth)
        << (verdict.reason.empty()
                ? ValueOf(verdict)
                : Padded(ValueOf(verdict), kValueWidth) + verdict.reason)
        << '\n';
    if (evidence == Evidence::kPrint) {
      for (const nat::Probe& probe : verdict.evidence) {
        PrintProbe(out, probe);
      }
    }
  }
  if (!report.traits.external_addresses.empty()) {
    out << "  " << Padded("external addresses", kNameWidth);
    for (const IpAddress& address : report.traits.external_addresses) {
      out << address.ToString() << ' ';
    }
    out << '\n';
  }
}

}  // namespace natkit::natcheck
