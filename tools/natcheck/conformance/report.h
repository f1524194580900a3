#pragma once

#include <string>
#include <vector>

#include "verdict.h"

namespace natkit::natcheck::conformance {

/// What a report is about.
struct Report {
  std::string subject;  ///< the box, such as "profile full-cone, seed 1"
  std::vector<Finding> findings;
};

/// How many findings have each verdict, by Verdict's number.
struct Tally {
  size_t counts[4] = {};
  size_t failed_musts = 0;
  size_t failed_shoulds = 0;
};

[[nodiscard]] Tally Count(const std::vector<Finding>& findings);

/// For people: a table, and what failed first. `with_evidence` adds what was
/// sent and seen.
[[nodiscard]] std::string RenderText(const Report& report, bool with_evidence);
/// For programs; docs/conformance.md describes the schema.
[[nodiscard]] std::string RenderJson(const Report& report);

}  // namespace natkit::natcheck::conformance
