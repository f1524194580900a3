#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <utility>

#include "commands.h"
#include "load_file.h"
#include "natkit/netsim/control.h"
#include "output_file.h"
#include "run_report.h"

namespace natkit::netsim::program {
namespace {

constexpr int kBadUsage = 2;

/// From here on they are pending, and the runner looks at them: the network is
/// always taken down.
void HoldSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    sigaddset(&signals, signal);
  }
  sigprocmask(SIG_BLOCK, &signals, nullptr);
}

Duration Since(std::chrono::steady_clock::time_point start) {
  return std::chrono::steady_clock::now() - start;
}

/// Says what happens: a line per step, and on a terminal also the step that
/// is at work.
class ProgressPrinter {
 public:
  explicit ProgressPrinter(std::ostream& out, bool is_terminal)
      : out_(out), is_terminal_(is_terminal) {}

  void Show(const StepResult& result) {
    if (result.status != StepStatus::kNotRun) {
      ClearLine();
      out_ << RenderStep(result) << std::flush;
      return;
    }
    if (is_terminal_) {
      out_ << "... " << result.number << ' ' << result.step.name << std::flush;
    }
  }

 private:
  void ClearLine() {
    if (is_terminal_) {
      out_ << "\r\x1b[K";
    }
  }

  std::ostream& out_;
  bool is_terminal_;
};

void RunOnNetwork(const Scenario& scenario, std::ostream& out, bool is_terminal,
                  RunReport& report) {
  StepRunner runner(report.run_id, scenario);
  ProgressPrinter printer(out, is_terminal);
  const auto start = std::chrono::steady_clock::now();
  report.steps = runner.Run(
      [&printer](const StepResult& result) { printer.Show(result); });
  report.took = Since(start);
  report.interrupted_by = runner.interrupted_by();
  if (report.interrupted_by != 0) {
    report.problem =
        "interrupted by signal " + std::to_string(report.interrupted_by);
    out << "netsim: " << report.problem << '\n';
  }
  report.has_passed = true;
  for (const StepResult& result : report.steps) {
    report.has_passed =
        report.has_passed && result.status == StepStatus::kPassed;
    if (result.status == StepStatus::kFailed) {
      out << RenderFailure(report.file, result) << std::flush;
    }
  }
}

}  // namespace

void Commands::RunSteps() {
  const auto scenario = LoadFile(file, exit_status);
  if (!scenario) {
    return;
  }
  if (scenario->steps.empty()) {
    Fail(file + " has no [[step]] tables: nothing to run");
    exit_status = kBadUsage;
    return;
  }
  if (!junit_file.empty()) {
    if (const auto good = CheckWritable(junit_file); !good) {
      Fail(good.error());
      exit_status = kBadUsage;
      return;
    }
  }
  // Steps find the files next to their scenario by this.
  const auto folder = std::filesystem::absolute(file).parent_path();
  setenv("NATKIT_SCENARIO_DIR", folder.c_str(), 1);
  HoldSignals();
  RunReport report;
  report.file = file;
  report.scenario = scenario->name;
  const auto start = std::chrono::steady_clock::now();
  const auto run = netsim::Up(
      *scenario, id, keep ? Lifetime::kUntilDown : Lifetime::kWithCaller);
  report.up_took = Since(start);
  if (run) {
    report.run_id = run->id;
    // With --json the report is alone on standard output.
    RunOnNetwork(*scenario, as_json ? std::cerr : std::cout,
                 isatty(as_json ? STDERR_FILENO : STDOUT_FILENO) != 0, report);
    Leave(run->id);
  } else {
    report.problem = run.error().text;
    Fail(report.problem);
  }
  WriteReport(report);
}

/// Takes the network down, or says how.
void Commands::Leave(const std::string& run) {
  if (keep) {
    std::cerr << "netsim: run " << run << " stays up; `netsim down " << run
              << "` ends it\n";
  } else if (const auto done = netsim::Down(run); !done) {
    Fail(done.error().text);
  }
}

void Commands::WriteReport(const RunReport& report) {
  constexpr int kSignalled = 128;  // as shells say it
  if (report.interrupted_by != 0) {
    exit_status = kSignalled + report.interrupted_by;
  } else if (!report.has_passed) {
    exit_status = 1;
  }
  if (as_json) {
    std::cout << RenderReportJson(report) << std::flush;
    if (!std::cout) {
      Fail("cannot write to standard output");
    }
  }
  if (!junit_file.empty()) {
    const auto done = WriteFile(junit_file, RenderReportJunit(report));
    if (!done) {
      Fail(done.error());
    }
  }
}

}  // namespace natkit::netsim::program
