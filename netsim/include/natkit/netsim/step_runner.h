#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "natkit/base/time.h"
#include "natkit/netsim/control.h"
#include "natkit/netsim/scenario.h"

namespace natkit::netsim {

enum class StepStatus : uint8_t {
  kPassed,
  kFailed,
  kNotRun,  ///< an earlier step failed, or the run was interrupted
};

/// What came of one step.
struct StepResult {
  Step step;
  size_t number = 0;  ///< its position in the scenario, from 1
  StepStatus status = StepStatus::kNotRun;
  Duration took{};
  uint32_t tries = 0;
  std::string expected;  ///< "exit 0, output matching /pong/"
  std::string found;     ///< "exit 1"; empty if not run
  std::string output;    ///< of the last try, both streams; its last 64 KiB
};

/// Runs the steps of a scenario, in order, on a run that is up. Stops at the
/// first that fails; when a background process fails, after the step at work,
/// which is not tried again. One thread; background processes end with the
/// runner.
class StepRunner {
 public:
  /// Told before a step begins (with kNotRun) and when it has ended; once more
  /// about a background step whose process failed later.
  using Progress = std::function<void(const StepResult&)>;

  /// `id` is a run of `scenario`. SIGINT, SIGTERM and SIGHUP are blocked from
  /// here on and looked at between and during steps.
  StepRunner(std::string id, const Scenario& scenario);
  ~StepRunner();
  StepRunner(const StepRunner&) = delete;
  StepRunner& operator=(const StepRunner&) = delete;

  /// One result per step, in order.
  [[nodiscard]] std::vector<StepResult> Run(const Progress& progress);

  /// The signal that ended the run early; 0 if none did.
  [[nodiscard]] int interrupted_by() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace natkit::netsim
