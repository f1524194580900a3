#pragma once

#include "run/run_directory.h"

namespace natkit::netsim {

/// What `list` and `up` tell about a run.
[[nodiscard]] RunSummary Summarize(const RunRecord& record);

}  // namespace natkit::netsim
