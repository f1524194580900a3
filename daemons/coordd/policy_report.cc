#include "policy_report.h"

#include <cstdio>
#include <utility>

#include "natkit/base/text.h"

namespace natkit::coordd {

using nlohmann::json;

namespace {

/// What comes from files may be no UTF-8.
std::string Dump(const json& value) {
  return value.dump(2, ' ', false, json::error_handler_t::replace);
}

json RuleOf(const policy::CompiledPolicy& compiled,
            const policy::Decision& decision) {
  if (!decision.rule) {
    return nullptr;
  }
  const policy::RuleOrigin& origin = compiled.rules()[*decision.rule].origin;
  json rule = {{"text", origin.text}};
  if (!origin.section.empty()) {
    rule["section"] = origin.section;
    rule["index"] = origin.index;
    rule["line"] = origin.at.line;
    rule["column"] = origin.at.column;
  }
  return rule;
}

const char* NameOf(policy::DenyReason reason) {
  switch (reason) {
    case policy::DenyReason::kNone:
      return "rule";
    case policy::DenyReason::kNoSource:
      return "no-source";
    case policy::DenyReason::kNoDestination:
      return "no-destination";
    case policy::DenyReason::kNoRule:
      return "no-rule";
    case policy::DenyReason::kOtherPort:
      return "other-port";
    case policy::DenyReason::kPosture:
      return "posture";
    case policy::DenyReason::kWindow:
      return "window";
  }
  return "";
}

const char* NameOf(policy::ChangeKind kind) {
  switch (kind) {
    case policy::ChangeKind::kOpened:
      return "opened";
    case policy::ChangeKind::kClosed:
      return "closed";
    case policy::ChangeKind::kOtherHours:
      return "other-hours";
  }
  return "";
}

json DecisionOf(const policy::CompiledPolicy& compiled,
                const policy::Decision& decision) {
  return {{"decision", decision.is_accepted ? "accept" : "deny"},
          {"reason", NameOf(decision.reason)},
          {"rule", RuleOf(compiled, decision)},
          {"text", decision.text}};
}

}  // namespace

void PolicyReport::AddFindings(
    const std::string& file,
    const std::vector<policy::Diagnostic>& diagnostics) {
  for (const policy::Diagnostic& diagnostic : diagnostics) {
    if (format_ == ReportFormat::kText) {
      std::fprintf(stderr, "%s:%s\n", EscapeControls(file).c_str(),
                   EscapeControls(policy::ToString(diagnostic)).c_str());
    }
    const bool is_error = diagnostic.severity == policy::Severity::kError;
    findings_.push_back({{"file", file},
                         {"line", diagnostic.at.line},
                         {"column", diagnostic.at.column},
                         {"severity", is_error ? "error" : "warning"},
                         {"message", diagnostic.text}});
  }
}

void PolicyReport::AddError(const std::string& text) {
  if (format_ == ReportFormat::kText) {
    std::fprintf(stderr, "coordd: %s\n", EscapeControls(text, "\n").c_str());
  }
  error_ = error_.empty() ? text : error_ + "; " + text;
}

void PolicyReport::Print(const std::string& text, json object) const {
  if (format_ == ReportFormat::kText) {
    std::fputs(EscapeControls(text, "\n").c_str(), stdout);
    return;
  }
  object["findings"] = findings_;
  if (!error_.empty()) {
    object["error"] = error_;
  }
  std::puts(Dump(object).c_str());
}

json ToJson(const policy::CompiledPolicy& compiled,
            const policy::PairDecision& shown,
            const std::vector<policy::PairDecision>& pairs) {
  json object = DecisionOf(compiled, shown.decision);
  object["pairs"] = json::array();
  for (const policy::PairDecision& pair : pairs) {
    json one = DecisionOf(compiled, pair.decision);
    one["src"] = pair.source.ToString();
    one["dst"] = pair.destination.ToString();
    object["pairs"].push_back(std::move(one));
  }
  return object;
}

json ToJson(const policy::PolicyChange& change) {
  json object = {
      {"change", NameOf(change.kind)}, {"src", change.source},
      {"dst", change.destination},     {"protocols", json::array()},
      {"ports", json::array()},        {"text", policy::ToString(change)}};
  for (const uint8_t protocol : change.protocols) {
    object["protocols"].push_back(policy::ProtocolName(protocol));
  }
  for (const policy::PortRange& range : change.ports) {
    object["ports"].push_back(policy::ToString(policy::Ports{range}));
  }
  return object;
}

}  // namespace natkit::coordd
