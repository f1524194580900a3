#include "render.h"

#include <iomanip>
#include <sstream>

#include "json_text.h"
#include "natkit/netsim/plan.h"
#include "natkit/netsim/profile.h"
#include "natkit/netsim/scenario.h"

namespace natkit::netsim::program {
namespace {

std::string_view StateName(RunState state) {
  switch (state) {
    case RunState::kRunning:
      return "running";
    case RunState::kStarting:
      return "starting";
    case RunState::kLeftover:
      return "leftover";
  }
  return "?";
}

/// How well the kernel plays a box of this profile: "exact", "near" or "no".
std::string_view KernelFit(const ProfileInfo& info) {
  Nat nat;
  nat.config = info.make();
  nat.config.ipv6 = Ipv6Mode::kDrop;
  nat.addresses.resize(1);
  if (!info.carrier.empty() || KernelObstacle(nat)) {
    return "no";
  }
  return KernelDifferences(nat).empty() ? "exact" : "near";
}

}  // namespace

std::string RenderProfiles() {
  std::ostringstream out;
  out << std::left;
  const auto row = [&out](std::string_view name, std::string_view mapping,
                          std::string_view filtering,
                          std::string_view summary) {
    out << std::setw(20) << name << std::setw(9) << mapping << std::setw(11)
        << filtering << summary << '\n';
  };
  row("PROFILE", "MAPPING", "FILTERING", "WHAT IT DOES");
  for (const ProfileInfo& info : Profiles()) {
    row(info.name, info.mapping, info.filtering, info.summary);
  }
  return out.str();
}

std::string RenderProfilesJson() {
  std::ostringstream out;
  std::string_view separator =
      "{\"schema\":\"natkit-netsim-profiles-1\",\"profiles\":[\n ";
  for (const ProfileInfo& info : Profiles()) {
    out << separator << "{\"name\":" << Json(info.name)
        << ",\"aliases\":" << Json(info.aliases)
        << ",\"mapping\":" << Json(info.mapping)
        << ",\"filtering\":" << Json(info.filtering)
        << ",\"summary\":" << Json(info.summary)
        << ",\"source\":" << Json(info.source)
        << ",\"carrier\":" << Json(info.carrier)
        << ",\"kernel\":" << Json(KernelFit(info)) << '}';
    separator = ",\n ";
  }
  out << "]}\n";
  return out.str();
}

std::string RenderParameters() {
  std::ostringstream out;
  for (const Parameter& parameter : NatParameters()) {
    out << std::left << std::setw(26) << parameter.key << parameter.meaning
        << "\n"
        << std::setw(26) << "" << "  " << parameter.values << '\n';
  }
  return out.str();
}

std::string RenderParametersJson() {
  std::ostringstream out;
  std::string_view separator =
      "{\"schema\":\"natkit-netsim-parameters-1\",\"parameters\":[\n ";
  for (const Parameter& parameter : NatParameters()) {
    out << separator << "{\"key\":" << Json(parameter.key)
        << ",\"values\":" << Json(parameter.values)
        << ",\"meaning\":" << Json(parameter.meaning) << '}';
    separator = ",\n ";
  }
  out << "]}\n";
  return out.str();
}

std::string RenderRuns(const std::vector<RunSummary>& runs) {
  std::ostringstream out;
  out << std::left;
  for (const RunSummary& run : runs) {
    out << std::setw(18) << run.id << std::setw(10) << StateName(run.state)
        << std::setw(16) << run.scenario << ' '
        << CountOf(run.members.size(), "member", "members") << '\n';
  }
  return out.str();
}

std::string RenderRunJson(const RunSummary& run) {
  std::ostringstream out;
  out << "{\"schema\":\"natkit-netsim-up-1\",\"id\":" << Json(run.id)
      << ",\"scenario\":" << Json(run.scenario)
      << ",\"state\":" << Json(StateName(run.state))
      << ",\"directory\":" << Json(run.directory) << ",\"engine_pid\":"
      << (run.engine_pid ? std::to_string(*run.engine_pid) : "null")
      << ",\"members\":[";
  std::string_view separator;
  for (const Member& member : run.members) {
    out << separator << "{\"name\":" << Json(member.name)
        << ",\"kind\":" << Json(member.kind)
        << ",\"namespace\":" << Json(member.namespace_path) << '}';
    separator = ",";
  }
  out << "]}";
  return out.str();
}

std::string RenderRunsJson(const std::vector<RunSummary>& runs) {
  std::string out = "{\"schema\":\"natkit-netsim-list-1\",\"runs\":[";
  std::string_view separator;
  for (const RunSummary& run : runs) {
    out += separator;
    out += RenderRunJson(run);
    separator = ",\n ";
  }
  return out + "]}\n";
}

}  // namespace natkit::netsim::program
