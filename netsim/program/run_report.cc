#include "run_report.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iomanip>
#include <sstream>

#include "json_text.h"
#include "natkit/base/text.h"

namespace natkit::netsim::program {
namespace {

std::string Seconds(Duration duration) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(3)
      << std::chrono::duration<double>(duration).count();
  return out.str();
}

std::string_view StatusName(StepStatus status) {
  switch (status) {
    case StepStatus::kPassed:
      return "passed";
    case StepStatus::kFailed:
      return "failed";
    case StepStatus::kNotRun:
      return "not-run";
  }
  return "?";
}

std::string_view KindOf(const Step& step) {
  return !step.event.empty()  ? "event"
         : step.is_background ? "background"
                              : "command";
}

/// What happens in a step, as one would type it.
std::string ActionOf(const Step& step) {
  std::string text = step.event;
  if (!step.argument.empty()) {
    text += " " + step.argument;
  }
  for (const std::string& word : step.command) {
    text += (text.empty() ? "" : " ") + word;
  }
  return text;
}

size_t Count(const RunReport& report, StepStatus status) {
  return static_cast<size_t>(
      std::ranges::count(report.steps, status, &StepResult::status));
}

std::string JsonStep(const StepResult& result) {
  std::ostringstream out;
  out << "{\"name\":" << Json(result.step.name)
      << ",\"line\":" << result.step.line
      << ",\"on\":" << Json(result.step.member)
      << ",\"kind\":" << Json(KindOf(result.step))
      << ",\"action\":" << Json(ActionOf(result.step))
      << ",\"status\":" << Json(StatusName(result.status))
      << ",\"seconds\":" << Seconds(result.took)
      << ",\"tries\":" << result.tries
      << ",\"expected\":" << Json(result.expected)
      << ",\"found\":" << Json(result.found)
      << ",\"output\":" << Json(result.output) << '}';
  return out.str();
}

std::string JunitCase(const RunReport& report, const StepResult& result) {
  std::ostringstream out;
  out << "  <testcase classname=\"" << EscapeXml(report.scenario)
      << "\" name=\"" << EscapeXml(result.step.name) << "\" file=\""
      << EscapeXml(report.file) << "\" line=\"" << result.step.line
      << "\" time=\"" << Seconds(result.took) << "\">";
  if (result.status == StepStatus::kFailed) {
    out << "<failure message=\""
        << EscapeXml("expected " + result.expected + "; found " + result.found)
        << "\">" << EscapeXml(RenderFailure(report.file, result))
        << "</failure>";
  } else if (result.status == StepStatus::kNotRun) {
    out << "<skipped/>";
  }
  if (!result.output.empty()) {
    out << "<system-out>" << EscapeXml(result.output) << "</system-out>";
  }
  out << "</testcase>\n";
  return out.str();
}

}  // namespace

std::string RenderStep(const StepResult& result) {
  std::ostringstream out;
  out << (result.status == StepStatus::kPassed ? "ok " : "FAILED ")
      << result.number << ' ' << result.step.name << " ("
      << Seconds(result.took) << " s";
  if (result.tries > 1) {
    out << ", " << result.tries << " tries";
  }
  out << ")\n";
  return out.str();
}

std::string RenderFailure(const std::string& file, const StepResult& result) {
  std::ostringstream out;
  out << file << ':' << result.step.line
      << ": step failed: " << result.step.name << '\n'
      << "  on " << result.step.member << ": " << ActionOf(result.step) << '\n'
      << "  expected: " << result.expected << '\n'
      << "  found:    " << result.found;
  if (result.tries > 1) {
    out << " (the last of " << result.tries << " tries)";
  }
  out << '\n';
  if (!result.output.empty()) {
    out << "  output:\n";
    std::istringstream lines(result.output);
    for (std::string line; std::getline(lines, line);) {
      out << "    | " << line << '\n';
    }
  }
  return out.str();
}

std::string RenderReportJson(const RunReport& report) {
  std::ostringstream out;
  out << "{\"schema\":\"natkit-netsim-run-1\",\"file\":" << Json(report.file)
      << ",\"scenario\":" << Json(report.scenario)
      << ",\"id\":" << Json(report.run_id)
      << ",\"passed\":" << (report.has_passed ? "true" : "false")
      << ",\"problem\":" << Json(report.problem)
      << ",\"up_seconds\":" << Seconds(report.up_took)
      << ",\"seconds\":" << Seconds(report.took) << ",\"steps\":[";
  std::string_view separator = "\n ";
  for (const StepResult& result : report.steps) {
    out << separator << JsonStep(result);
    separator = ",\n ";
  }
  out << "]}\n";
  return out.str();
}

std::string RenderReportJunit(const RunReport& report) {
  std::ostringstream out;
  const bool is_broken = !report.problem.empty();
  out << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      << "<testsuite name=\"" << EscapeXml(report.scenario) << "\" tests=\""
      << report.steps.size() << "\" failures=\""
      << Count(report, StepStatus::kFailed) << "\" skipped=\""
      << Count(report, StepStatus::kNotRun) << "\" errors=\""
      << (is_broken ? 1 : 0) << "\" time=\"" << Seconds(report.took) << "\">\n";
  for (const StepResult& result : report.steps) {
    out << JunitCase(report, result);
  }
  if (is_broken) {
    out << "  <system-err>" << EscapeXml(report.problem) << "</system-err>\n";
  }
  out << "</testsuite>\n";
  return out.str();
}

}  // namespace natkit::netsim::program
