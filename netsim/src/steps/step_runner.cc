#include "natkit/netsim/step_runner.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <regex>
#include <sstream>
#include <utility>

#include "scenario/units.h"
#include "steps/step_process.h"

namespace natkit::netsim {
namespace {

/// How long a background command without `output` is watched before the next
/// step begins: one that cannot start has said so by then.
constexpr Duration kSettling = std::chrono::milliseconds(100);

/// Between two tries of a step that has time `within`.
constexpr Duration kPause = std::chrono::milliseconds(100);

Instant Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Instant(std::chrono::seconds(now.tv_sec) +
                 std::chrono::nanoseconds(now.tv_nsec));
}

std::string Expectation(const Step& step) {
  if (!step.event.empty()) {
    return "done";
  }
  std::string text = step.is_background
                         ? "runs"
                         : "exit " + std::to_string(step.expected_exit);
  if (!step.expected_output.empty()) {
    text += ", output matching /" + step.expected_output + "/";
  }
  if (step.within > Duration::zero()) {
    text += ", within " + FormatDuration(step.within);
  }
  return text;
}

/// Whether the pattern is found in a line. Line by line, and the beginning of
/// long ones: std::regex recurses as deep as the text is long.
bool Matches(const std::string& output, const std::string& pattern) {
  constexpr size_t kLongestLine = 4096;
  const std::regex regex(pattern);
  std::istringstream lines(output);
  bool is_found = pattern.empty();
  for (std::string line; !is_found && std::getline(lines, line);) {
    is_found = std::regex_search(line.substr(0, kLongestLine), regex);
  }
  return is_found;
}

std::vector<std::string> Words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) {
    words.push_back(std::move(word));
  }
  return words;
}

/// Whether a background process has ended, and not as it may. One that could
/// not be started is a failure in any case: the steps met an empty stage.
bool HasFailed(const StepProcess& process, const Step& step) {
  constexpr int kNotExecutable = 126;
  constexpr int kNotFound = 127;
  const int status = process.exit_status().value_or(0);
  return status == kNotExecutable || status == kNotFound ||
         (status != 0 && !step.may_exit);
}

FileDescriptor CatchSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    sigaddset(&signals, signal);
  }
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  return FileDescriptor(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

}  // namespace

class StepRunner::Impl {
 public:
  Impl(std::string id, const Scenario& scenario)
      : id_(std::move(id)), scenario_(scenario), signals_(CatchSignals()) {}

  std::vector<StepResult> Run(const Progress& progress);

  [[nodiscard]] int interrupted_by() const { return interrupted_by_; }

 private:
  void RunOne(StepResult& result, size_t index);
  [[nodiscard]] bool IsAnyDead() const;
  /// Notes which background processes failed. True if one did.
  bool FailDead(std::vector<StepResult>& results, const Progress& progress);
  void RunEvent(StepResult& result);
  void RunBackground(StepResult& result, size_t index);
  void RunCommand(StepResult& result);
  /// One try of a command. True if it did what is expected.
  bool Try(StepResult& result, Instant deadline);

  /// Serves every process until `is_done`, the deadline, or a signal.
  template <class Condition>
  void Wait(Instant deadline, StepProcess* process, const Condition& is_done);
  void Serve(StepProcess* process, Duration timeout);
  void HandleSignal();

  std::string id_;
  Scenario scenario_;
  FileDescriptor signals_;

  /// A background step's process, and the index of its step.
  struct Background {
    StepProcess process;
    size_t step;
  };

  std::vector<Background> background_;
  int interrupted_by_ = 0;
};

StepRunner::StepRunner(std::string id, const Scenario& scenario)
    : impl_(std::make_unique<Impl>(std::move(id), scenario)) {}

StepRunner::~StepRunner() = default;

std::vector<StepResult> StepRunner::Run(const Progress& progress) {
  return impl_->Run(progress);
}

int StepRunner::interrupted_by() const {
  return impl_->interrupted_by();
}

std::vector<StepResult> StepRunner::Impl::Run(const Progress& progress) {
  std::vector<StepResult> results;
  for (const Step& step : scenario_.steps) {
    StepResult& result = results.emplace_back();
    result.step = step;
    result.number = results.size();
    result.expected = Expectation(step);
  }
  for (StepResult& result : results) {
    HandleSignal();
    if (interrupted_by_ != 0) {
      break;
    }
    progress(result);
    const Instant start = Now();
    RunOne(result, static_cast<size_t>(&result - results.data()));
    result.took = Now() - start;
    progress(result);
    Serve(nullptr, Duration::zero());
    const bool is_dead = FailDead(results, progress);
    if (is_dead || result.status != StepStatus::kPassed) {
      break;
    }
  }
  background_.clear();
  return results;
}

bool StepRunner::Impl::IsAnyDead() const {
  return std::ranges::any_of(background_, [this](const Background& one) {
    return HasFailed(one.process, scenario_.steps[one.step]);
  });
}

bool StepRunner::Impl::FailDead(std::vector<StepResult>& results,
                                const Progress& progress) {
  if (interrupted_by_ != 0) {
    return false;  // whoever did it may have ended them too
  }
  bool is_any = false;
  for (const Background& background : background_) {
    StepResult& result = results[background.step];
    if (HasFailed(background.process, result.step)) {
      result.status = StepStatus::kFailed;
      result.found = background.process.Ending();
      result.output = background.process.output();
      progress(result);
      is_any = true;
    }
  }
  return is_any;
}

void StepRunner::Impl::RunOne(StepResult& result, size_t index) {
  if (!result.step.event.empty()) {
    RunEvent(result);
  } else if (result.step.is_background) {
    RunBackground(result, index);
  } else {
    RunCommand(result);
  }
  if (interrupted_by_ != 0) {
    result.status = StepStatus::kFailed;
    result.found = "interrupted";
  }
}

void StepRunner::Impl::RunEvent(StepResult& result) {
  result.tries = 1;
  const Step& step = result.step;
  const auto event = ParseEvent(step.event, Words(step.argument));
  const auto done = event ? Apply(id_, step.member, *event)
                          : Outcome<void>(std::unexpected(event.error()));
  result.status = done ? StepStatus::kPassed : StepStatus::kFailed;
  result.found = done ? "done" : done.error().text;
}

void StepRunner::Impl::RunBackground(StepResult& result, size_t index) {
  result.tries = 1;
  const Step& step = result.step;
  auto process = StepProcess::Start(id_, step.member, step.command);
  if (!process) {
    result.status = StepStatus::kFailed;
    result.found = process.error().text;
    return;
  }
  bool is_ready = step.expected_output.empty();
  if (is_ready) {
    Wait(Now() + kSettling, &*process, [&] { return process->has_ended(); });
    is_ready = !HasFailed(*process, step);
  } else {
    Wait(Now() + step.timeout, &*process, [&] {
      is_ready = Matches(process->output(), step.expected_output);
      return is_ready || process->has_ended();
    });
  }
  result.output = process->output();
  result.status = is_ready ? StepStatus::kPassed : StepStatus::kFailed;
  result.found = is_ready                ? "runs"
                 : !process->has_ended() ? "no such output in time"
                 : step.expected_output.empty()
                     ? process->Ending()
                     : process->Ending() + " before that";
  if (is_ready) {
    background_.push_back({*std::move(process), index});
  }
}

void StepRunner::Impl::RunCommand(StepResult& result) {
  const Step& step = result.step;
  const Instant end = Now() + step.within;
  while (interrupted_by_ == 0) {
    ++result.tries;
    const Instant give_up = Now() + step.timeout;
    const bool is_bounded = step.within > Duration::zero();
    if (Try(result, is_bounded ? std::min(give_up, end) : give_up)) {
      result.status = StepStatus::kPassed;
      return;
    }
    if (Now() + kPause >= end || IsAnyDead()) {
      break;
    }
    Wait(Now() + kPause, nullptr, [] { return false; });
  }
  result.status = StepStatus::kFailed;
}

bool StepRunner::Impl::Try(StepResult& result, Instant deadline) {
  const Instant start = Now();
  const Step& step = result.step;
  auto process = StepProcess::Start(id_, step.member, step.command);
  if (!process) {
    result.found = process.error().text;
    return false;
  }
  Wait(deadline, &*process, [&process] { return process->has_ended(); });
  result.output = process->output();
  if (!process->has_ended()) {
    result.found = "still running after " +
                   FormatDuration(std::chrono::round<std::chrono::milliseconds>(
                       deadline - start));
    return false;
  }
  const bool is_matching = Matches(result.output, step.expected_output);
  result.found = process->Ending();
  if (!step.expected_output.empty()) {
    result.found += is_matching ? ", such output" : ", no such output";
  }
  return is_matching && process->exit_status() == step.expected_exit;
}

template <class Condition>
void StepRunner::Impl::Wait(Instant deadline, StepProcess* process,
                            const Condition& is_done) {
  while (interrupted_by_ == 0 && !is_done()) {
    const Instant now = Now();
    if (now >= deadline) {
      return;
    }
    Serve(process, deadline - now);
  }
}

void StepRunner::Impl::Serve(StepProcess* process, Duration timeout) {
  std::vector<StepProcess*> served;
  for (Background& one : background_) {
    served.push_back(&one.process);
  }
  if (process != nullptr) {
    served.push_back(process);
  }
  // poll() passes over negative descriptors.
  std::vector<pollfd> entries = {{signals_.get(), POLLIN, 0}};
  for (const StepProcess* one : served) {
    entries.push_back({one->output_fd(), POLLIN, 0});
    entries.push_back({one->exit_fd(), POLLIN, 0});
  }
  constexpr Duration kLongest = std::chrono::minutes(1);
  const auto milliseconds =
      std::chrono::ceil<std::chrono::milliseconds>(std::min(timeout, kLongest));
  poll(entries.data(), entries.size(), static_cast<int>(milliseconds.count()));
  for (StepProcess* one : served) {
    one->ReadOutput();
    one->HandleExit();
  }
  HandleSignal();
}

void StepRunner::Impl::HandleSignal() {
  signalfd_siginfo info{};
  if (read(signals_.get(), &info, sizeof(info)) ==
      static_cast<ssize_t>(sizeof(info))) {
    interrupted_by_ = static_cast<int>(info.ssi_signo);
  }
}

}  // namespace natkit::netsim
