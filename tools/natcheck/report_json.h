#pragma once

#include <string>
#include <vector>

#include "natkit/nat/behavior_report.h"

namespace natkit::natcheck {

/// What the reports of both address families are printed from.
struct FamilyReport {
  AddressFamily family = AddressFamily::kIpv4;
  nat::BehaviorReport report;
};

/// The version of the JSON; a change that breaks readers raises it.
inline constexpr int kJsonSchema = 1;

/// The JSON that docs/nat-behavior.md describes, indented.
[[nodiscard]] std::string ToJson(const std::vector<FamilyReport>& reports);

}  // namespace natkit::natcheck
