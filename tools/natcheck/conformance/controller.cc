#include "controller.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace natkit::natcheck::conformance {
namespace {

using enum Verdict;

/// Longer than any test; a test that hangs is a bug, not the box's fault.
constexpr Duration kLongest = std::chrono::hours(4);

constexpr int kCarrierRfc = 6888;

/// Between the starts of two tests, so that boxes that limit how fast
/// mappings come are not pressed.
constexpr Duration kStagger = std::chrono::milliseconds(200);

/// What RFC 6888 REQ-1 refers to.
bool IsProtocolMust(const Requirement& requirement) {
  const int rfc = requirement.rfc();
  return rfc != kCarrierRfc && rfc != 7857 && IsMandatory(requirement.level);
}

}  // namespace

bool Options::Wants(const Requirement& requirement) const {
  return only.empty() || std::ranges::any_of(only, [&](const std::string& one) {
           return one == requirement.id ||
                  one == std::to_string(requirement.rfc());
         });
}

Controller::Controller(Site site, Options options, Rng& rng)
    : options_(std::move(options)), lab_(std::move(site), rng) {
  facts_.is_carrier = options_.is_carrier;
}

Controller::~Controller() {
  all_.reset();  // before what it waits for
  for (const auto& running : running_) {
    running->task.reset();
  }
}

void Controller::Start(Instant now) {
  lab_.HandleTimeout(now);
  conductor_ = std::make_unique<Trial>(lab_, "facts");
  all_.emplace(RunAll());
  all_->Start();
  CheckDone();
}

void Controller::HandlePacket(Instant now, Side side, ByteView packet) {
  lab_.HandlePacket(now, side, packet);
  CheckDone();
}

void Controller::HandleTimeout(Instant now) {
  lab_.HandleTimeout(now);
  CheckDone();
}

std::optional<Injection> Controller::PollTransmit() {
  return lab_.PollTransmit();
}

std::optional<Instant> Controller::NextTimeout() const {
  return is_done_ ? std::nullopt : lab_.NextTimeout();
}

bool Controller::IsWanted(const TestCase& test) const {
  return std::ranges::any_of(test.requirements, [this](std::string_view id) {
    const Requirement* requirement = FindRequirement(id);
    return requirement != nullptr && options_.Wants(*requirement) &&
           (requirement->rfc() != kCarrierRfc || options_.is_carrier);
  });
}

std::string Controller::Obstacle(const TestCase& test) const {
  if (test.slot == Slot::kLong && !options_.is_long) {
    return "not run: takes hours (--long)";
  }
  switch (test.needs) {
    case Needs::kUdp:
      return facts_.passes_udp ? "" : "UDP does not pass the box";
    case Needs::kTcp:
      return facts_.passes_tcp ? "" : "TCP does not pass the box";
    case Needs::kIcmp:
      return facts_.passes_icmp ? "" : "ICMP queries do not pass the box";
  }
  return "";
}

Controller::Running& Controller::Begin(const TestCase& test) {
  Running& running = *running_.emplace_back(std::make_unique<Running>());
  running.trial = std::make_unique<Trial>(lab_, std::string(test.name));
  running.task.emplace(test.run(*running.trial, facts_));
  running.task->Start();
  return running;
}

Task<void> Controller::RunAll() {
  co_await FindFacts(*conductor_, facts_);
  if (!facts_.is_translated) {
    co_return;
  }
  for (const TestCase& test : TestCases()) {
    if (test.slot != Slot::kAlone && IsWanted(test) && Obstacle(test).empty()) {
      Begin(test);
      co_await conductor_->Sleep(kStagger);
    }
  }
  co_await conductor_->Until(kLongest, [this] {
    return std::ranges::all_of(
        running_, [](const auto& one) { return one->task->is_done(); });
  });
  for (const TestCase& test : TestCases()) {
    if (test.slot == Slot::kAlone && IsWanted(test) && Obstacle(test).empty()) {
      const Running& running = Begin(test);
      co_await conductor_->Until(
          kLongest, [&running] { return running.task->is_done(); });
    }
  }
}

Finding Controller::Default(const Requirement& requirement) const {
  Finding finding;
  finding.requirement = &requirement;
  finding.verdict = kInconclusive;
  finding.reason = "no test judged it";
  if (!facts_.is_translated &&
      (facts_.passes_udp || facts_.passes_tcp || facts_.passes_icmp)) {
    finding.verdict = kNotApplicable;
    finding.reason = "no translation was seen: this is not a NAT";
    return finding;
  }
  for (const Unseen& unseen : UnseenRequirements()) {
    if (unseen.requirement == requirement.id) {
      finding.reason = unseen.reason;
    }
  }
  for (const TestCase& test : TestCases()) {
    const bool judges = std::ranges::find(test.requirements, requirement.id) !=
                        test.requirements.end();
    if (judges && !Obstacle(test).empty()) {
      finding.reason = Obstacle(test);
    }
  }
  return finding;
}

/// What the tests said, or why none did. Of several, one that could not say
/// anything does not count.
Finding Controller::Judge(const Requirement& requirement) const {
  Finding finding = Default(requirement);
  for (const auto& running : running_) {
    for (const Finding& found : running->trial->findings()) {
      if (found.requirement == &requirement &&
          (found.verdict != kInconclusive ||
           finding.verdict == kInconclusive)) {
        finding = found;
      }
    }
  }
  ApplyStatement(finding);
  if (requirement.rfc() == kCarrierRfc && !options_.is_carrier) {
    finding.verdict = kNotApplicable;
    finding.reason = "for carriers' boxes (--carrier)";
    finding.record = nullptr;
    finding.is_stated = false;
  }
  return finding;
}

/// Packets have the last word where they say anything.
void Controller::ApplyStatement(Finding& finding) const {
  const auto stated = options_.stated.find(finding.requirement->id);
  if (stated == options_.stated.end() || finding.verdict != kInconclusive) {
    return;
  }
  finding.verdict = stated->second.verdict;
  finding.reason = "stated by the operator: " + stated->second.why;
  finding.is_stated = true;
}

void Controller::Finish() {
  for (const Requirement& requirement : Requirements()) {
    if (options_.Wants(requirement)) {
      findings_.push_back(Judge(requirement));
    }
  }
  DoubtLifetimes();
  JudgeAllProtocols();
}

/// Tests that run together have some hundred mappings of one host. A box that
/// allows fewer may have taken what another test was waiting for.
void Controller::DoubtLifetimes() {
  constexpr size_t kAtOnce = 400;
  constexpr auto kWaiting = std::to_array<std::string_view>(
      {"udp-lifetime", "udp-icmp", "tcp-idle", "tcp-transitory", "tcp-icmp",
       "tcp-reset", "tcp-closing", "icmp-lifetime"});
  if (!lab_.host_limit || *lab_.host_limit >= kAtOnce) {
    return;
  }
  for (Finding& finding : findings_) {
    if (finding.verdict == kFail && finding.record != nullptr &&
        std::ranges::find(kWaiting, finding.record->test) != kWaiting.end()) {
      finding.verdict = kInconclusive;
      finding.reason += "; but the box lets a host have about " +
                        std::to_string(*lab_.host_limit) +
                        " mappings, fewer than the run makes at a time: judge "
                        "it alone (--only)";
    }
  }
}

/// RFC 6888 REQ-1: all that the others demand. One of them that was not judged
/// may be the one that fails.
void Controller::JudgeAllProtocols() {
  std::string failed;
  std::string unknown;
  size_t judged = 0;
  for (const Finding& finding : findings_) {
    if (!IsProtocolMust(*finding.requirement)) {
      continue;
    }
    const std::string id = " " + std::string(finding.requirement->id);
    ++judged;
    failed += finding.verdict == kFail ? id : "";
    unknown += finding.verdict == kInconclusive ? id : "";
  }
  const auto all = std::ranges::find(
      findings_, std::string_view("6888-1"),
      [](const Finding& finding) { return finding.requirement->id; });
  if (all == findings_.end() || all->verdict == kNotApplicable ||
      !facts_.is_translated) {
    return;
  }
  const bool is_complete = judged == static_cast<size_t>(std::ranges::count_if(
                                         Requirements(), IsProtocolMust)) &&
                           unknown.empty();
  all->verdict = !failed.empty() ? kFail : is_complete ? kPass : kInconclusive;
  all->reason = !failed.empty() ? "MUSTs that fail:" + failed
                : is_complete   ? "no MUST of RFC 4787, 5382 and 5508 fails"
                : !unknown.empty()
                    ? "MUSTs that could not be judged:" + unknown
                    : "not all MUSTs of the other RFCs were tested";
  all->is_stated = false;
  ApplyStatement(*all);
}

void Controller::CheckDone() {
  if (!is_done_ && all_ && all_->is_done()) {
    is_done_ = true;
    Finish();
  }
}

}  // namespace natkit::natcheck::conformance
