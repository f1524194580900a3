#pragma once

#include <set>
#include <vector>

#include "behavior/session.h"
#include "natkit/nat/behavior_report.h"

namespace natkit::nat::behavior {

/// A test and its place among the others.
struct PlannedTest {
  AxisTestPtr (*make)(Session&) = nullptr;
  std::set<Axis> answers;  ///< axes that it leaves verdicts of
  std::set<Axis> needs;    ///< axes whose verdicts it looks at
  /// Makes no sense unless a server answers over UDP.
  bool needs_server = true;
  /// With a pool of addresses most of its RESPONSE-PORT requests go to find
  /// sockets that share one, and servers answer few: not along with others.
  bool is_alone_with_pool = false;

  [[nodiscard]] bool AnswersAnyOf(const std::set<Axis>& axes) const;
};

/// All tests by stages, one after the other: who needs what others find comes
/// later. Tests of one stage run side by side; who would be disturbed has a
/// stage alone. Mapping and filtering come before the tests that make many
/// mappings: some NATs change under load.
[[nodiscard]] const std::vector<std::vector<PlannedTest>>& TestPlan();

/// `wanted` and all axes that these need.
[[nodiscard]] std::set<Axis> WithNeeds(std::set<Axis> wanted);

}  // namespace natkit::nat::behavior
