#pragma once

#include "run/device.h"
#include "run/run_directory.h"

namespace natkit::netsim {

/// Starts the process that plays the run's engine boxes and described links;
/// returns once the members' interfaces exist. The keeper must live, and the
/// fabric namespace be configured. The process ends with the keeper, so that
/// nothing stays when anything is killed; when it ends, its TAP devices go.
[[nodiscard]] Outcome<ProcessId> StartEngine(const RunRecord& record,
                                             const Scenario& scenario,
                                             DeviceKind kind);

/// Sends one request line to the engine process of a run and returns the body
/// of its answer.
[[nodiscard]] Outcome<std::string> AskEngine(std::string_view id,
                                             const std::string& request);

}  // namespace natkit::netsim
