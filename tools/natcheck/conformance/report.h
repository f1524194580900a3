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

  [[nodiscard]] size_t of(Verdict verdict) const {
    return counts[static_cast<size_t>(verdict)];
  }
};

[[nodiscard]] Tally Count(const std::vector<Finding>& findings);

/// For people: a table, and what failed first. `with_evidence` adds what was
/// sent and seen.
[[nodiscard]] std::string RenderText(const Report& report, bool with_evidence);
/// For programs; docs/conformance.md describes the schema.
[[nodiscard]] std::string RenderJson(const Report& report);
/// For CI: one test case per requirement; only failed MUSTs are failures.
[[nodiscard]] std::string RenderJunit(const Report& report);
/// One page that needs nothing else.
[[nodiscard]] std::string RenderHtml(const Report& report);
/// The packets that were sent and seen, with the test and its requirements as
/// comments; interfaces "inside" and "outside".
[[nodiscard]] std::vector<uint8_t> RenderPcapng(const Report& report);

}  // namespace natkit::natcheck::conformance
