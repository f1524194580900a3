#include "natkit/nat/behavior_discovery.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "behavior/axis_plan.h"
#include "behavior/lab.h"
#include "behavior/session.h"
#include "behavior/task.h"
#include "natkit/base/check.h"

namespace natkit::nat {

using behavior::AxisTestPtr;
using behavior::Lab;
using behavior::PlannedTest;
using behavior::Session;
using behavior::Task;
using behavior::WhenAll;

/// Runs the tests that are wanted, stage by stage.
class BehaviorDiscovery::Impl {
 public:
  Impl(BehaviorConfig config, Rng& rng)
      : config_(std::move(config)),
        axes_(behavior::WithNeeds(config_.axes)),
        lab_(config_, rng),
        session_(lab_, report_) {
    NATKIT_CHECK(!config_.servers.empty());
    NATKIT_CHECK(!config_.local_addresses.empty());
    for (const Axis axis : AllAxes()) {
      report_.verdicts[axis];
    }
  }

  void Start(Instant now) {
    lab_.Start(now);
    main_.emplace(Main());
    main_->Start();
    Note();
  }

  void Abort(Instant now);
  /// Brings the counters of the report up to date.
  void Note();

  [[nodiscard]] Lab& lab() { return lab_; }

  [[nodiscard]] const BehaviorReport& report() const { return report_; }

  [[nodiscard]] bool is_finished() const {
    return is_aborted_ || (main_ && main_->is_done());
  }

 private:
  Task<> Main();
  /// Runs tests side by side.
  Task<> RunAll(std::vector<PlannedTest> planned);
  [[nodiscard]] bool IsWanted(const PlannedTest& test) const;
  /// Whether a fresh socket gets an answer from the server.
  Task<bool> IsAnswered();
  /// Leaves the axes of a stage open.
  void GiveUp(const std::vector<PlannedTest>& stage);

  BehaviorConfig config_;
  std::set<Axis> axes_;
  BehaviorReport report_;
  Lab lab_;
  Session session_;
  bool is_aborted_ = false;
  std::optional<Task<>> main_;  // last: dies first
};

Task<> BehaviorDiscovery::Impl::Main() {
  for (const auto& stage : behavior::TestPlan()) {
    if (lab_.IsSilent()) {
      Task<bool> asking = IsAnswered();
      if (!co_await asking) {
        GiveUp(stage);
        continue;
      }
    }
    std::vector<PlannedTest> together;
    for (const PlannedTest& test : stage) {
      if (!IsWanted(test)) {
        continue;
      }
      if (test.is_alone_with_pool && session_.HasPool()) {
        Task<> running = RunAll({test});
        co_await running;
      } else {
        together.push_back(test);
      }
    }
    Task<> running = RunAll(std::move(together));
    co_await running;
    session_.NoteExternalAddresses();
  }
}

Task<bool> BehaviorDiscovery::Impl::IsAnswered() {
  Task<std::optional<behavior::Socket>> opening = lab_.Open(0, 0);
  const std::optional<behavior::Socket> socket = co_await opening;
  if (!socket) {
    co_return false;
  }
  Task<behavior::Exchange> asking =
      lab_.Transact(Lab::From(*socket, session_.targets.a1p1));
  co_return (co_await asking).ok();
}

void BehaviorDiscovery::Impl::GiveUp(const std::vector<PlannedTest>& stage) {
  for (const PlannedTest& test : stage) {
    for (const Axis axis : test.answers) {
      if (axes_.contains(axis)) {
        session_.DoNotKnow(axis,
                           "nothing is answered any more: the server is down, "
                           "or the NAT makes no more mappings");
      }
    }
  }
}

bool BehaviorDiscovery::Impl::IsWanted(const PlannedTest& test) const {
  const bool is_answered = report_.server.port != 0;
  return test.AnswersAnyOf(axes_) && (is_answered || !test.needs_server);
}

Task<> BehaviorDiscovery::Impl::RunAll(std::vector<PlannedTest> planned) {
  std::vector<AxisTestPtr> tests;
  std::vector<Task<>> runs;
  for (const PlannedTest& test : planned) {
    tests.push_back(test.make(session_));
    runs.push_back(tests.back()->Run());
  }
  WhenAll all(runs);
  co_await all;
}

void BehaviorDiscovery::Impl::Abort(Instant now) {
  lab_.HandleTimeout(now);
  main_.reset();
  is_aborted_ = true;
  for (auto& [axis, verdict] : report_.verdicts) {
    if (verdict.outcome == Outcome::kUntested && !verdict.evidence.empty()) {
      session_.DoNotKnow(axis, "ended early");
    }
  }
  Note();
}

void BehaviorDiscovery::Impl::Note() {
  report_.datagrams_sent = lab_.datagrams_sent();
  report_.datagrams_received = lab_.datagrams_received();
  report_.took = lab_.now() - lab_.started();
}

BehaviorDiscovery::BehaviorDiscovery(BehaviorConfig config, Rng& rng)
    : impl_(std::make_unique<Impl>(std::move(config), rng)) {}

BehaviorDiscovery::~BehaviorDiscovery() = default;

void BehaviorDiscovery::Start(Instant now) {
  impl_->Start(now);
}

void BehaviorDiscovery::HandleSocketOpened(Instant now, SocketNumber socket,
                                           const Result<Endpoint>& local) {
  impl_->lab().HandleSocketOpened(now, socket, local);
  impl_->Note();
}

void BehaviorDiscovery::HandleDatagram(Instant now, SocketNumber socket,
                                       const Endpoint& from,
                                       ByteView datagram) {
  impl_->lab().HandleDatagram(now, socket, from, datagram);
  impl_->Note();
}

void BehaviorDiscovery::HandleStreamData(Instant now, SocketNumber socket,
                                         ByteView bytes) {
  impl_->lab().HandleStreamData(now, socket, bytes);
  impl_->Note();
}

void BehaviorDiscovery::HandleIcmpError(Instant now, SocketNumber socket,
                                        const IcmpNotice& notice) {
  impl_->lab().HandleIcmpError(now, socket, notice);
  impl_->Note();
}

void BehaviorDiscovery::HandleTimeout(Instant now) {
  impl_->lab().HandleTimeout(now);
  impl_->Note();
}

void BehaviorDiscovery::Abort(Instant now) {
  impl_->Abort(now);
}

std::optional<BehaviorAction> BehaviorDiscovery::PollAction() {
  return impl_->lab().PollAction();
}

std::optional<Instant> BehaviorDiscovery::NextTimeout() const {
  return impl_->lab().NextTimeout();
}

bool BehaviorDiscovery::is_finished() const {
  return impl_->is_finished();
}

const BehaviorReport& BehaviorDiscovery::report() const {
  return impl_->report();
}

}  // namespace natkit::nat
