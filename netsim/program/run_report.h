#pragma once

#include <string>
#include <vector>

#include "natkit/netsim/step_runner.h"

namespace natkit::netsim::program {

/// What `netsim run` found out.
struct RunReport {
  std::string file;
  std::string scenario;
  std::string run_id;
  bool has_passed = false;
  Duration took{};         ///< steps only
  Duration up_took{};      ///< building the network
  std::string problem;     ///< why not all steps ran, if no step is why
  int interrupted_by = 0;  ///< the signal; 0 if none
  std::vector<StepResult> steps;
};

/// One line about a step that has ended: "ok 2 NAME (0.10 s)".
[[nodiscard]] std::string RenderStep(const StepResult& result);
/// Why a step failed, with where it is written and what it printed.
[[nodiscard]] std::string RenderFailure(const std::string& file,
                                        const StepResult& result);
/// The report as one JSON object (docs/netsim.md has the schema).
[[nodiscard]] std::string RenderReportJson(const RunReport& report);
/// The report as JUnit XML: a test suite with a test case per step.
[[nodiscard]] std::string RenderReportJunit(const RunReport& report);

}  // namespace natkit::netsim::program
