#pragma once

#include <iosfwd>

#include "natkit/nat/behavior_report.h"

namespace natkit::natcheck {

/// Whether probes are printed below each verdict.
enum class Evidence : uint8_t { kOmit, kPrint };

/// Prints what it means, then a table with a line for each axis.
void PrintText(std::ostream& out, const nat::BehaviorReport& report,
               Evidence evidence);

}  // namespace natkit::natcheck
