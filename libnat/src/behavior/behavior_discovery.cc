#include "natkit/nat/behavior_discovery.h"

#include <algorithm>
#include <utility>

#include "behavior/axis_tests.h"
#include "behavior/lab.h"
#include "behavior/session.h"
#include "behavior/task.h"
#include "natkit/base/check.h"

namespace natkit::nat {

using behavior::AxisTestPtr;
using behavior::Lab;
using behavior::Session;
using behavior::Task;
using behavior::WhenAll;

/// Puts the tests in order: who needs what others found comes later, who would
/// disturb others runs alone.
class BehaviorDiscovery::Impl {
 public:
  Impl(BehaviorConfig config, Rng& rng)
      : config_(std::move(config)),
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
  using Factory = AxisTestPtr (*)(Session&);

  Task<> Main();
  Task<> Lifetimes();
  /// Runs tests side by side.
  Task<> RunAll(std::vector<Factory> factories);

  BehaviorConfig config_;
  BehaviorReport report_;
  Lab lab_;
  Session session_;
  bool is_aborted_ = false;
  std::optional<Task<>> main_;  // last: dies first
};

Task<> BehaviorDiscovery::Impl::RunAll(std::vector<Factory> factories) {
  std::vector<AxisTestPtr> tests;
  std::vector<Task<>> runs;
  for (const Factory factory : factories) {
    tests.push_back(factory(session_));
    runs.push_back(tests.back()->Run());
  }
  WhenAll all(runs);
  co_await all;
}

Task<> BehaviorDiscovery::Impl::Main() {
  std::vector<std::vector<Factory>> stages = {
      {behavior::MakeServerTest, behavior::MakePortalTest},
      {behavior::MakeAllocationTest},
      {behavior::MakeMappingTest, behavior::MakeNat64Test},
      {behavior::MakeFilteringTest, behavior::MakeOverloadingTest},
      {behavior::MakeHairpinningTest, behavior::MakeFragmentsTest,
       behavior::MakePayloadTest, behavior::MakePortMappingTest,
       behavior::MakeTcpTest},
      {behavior::MakeDepthTest, behavior::MakeDeterminismTest},
  };
  for (std::vector<Factory>& stage : stages) {
    Task<> running = RunAll(std::move(stage));
    co_await running;
    if (report_.server.port == 0) {
      Task<> asking = RunAll({behavior::MakeTcpTest});
      co_await asking;
      co_return;  // nobody answers: nothing else can be asked
    }
  }
  if (config_.tests_lifetimes) {
    Task<> running = Lifetimes();
    co_await running;
  }
}

Task<> BehaviorDiscovery::Impl::Lifetimes() {
  std::vector<Factory> all = {behavior::MakeUnrepliedLifetimeTest,
                              behavior::MakeOneExchangeLifetimeTest,
                              behavior::MakeAssuredLifetimeTest};
  std::vector<std::vector<Factory>> stages;
  if (report_.traits.pooling == Pooling::kArbitrary) {
    // Most RESPONSE-PORT requests go to find sockets that share an address,
    // and servers answer few of them: not all at once.
    for (const Factory factory : all) {
      stages.push_back({factory});
    }
  } else {
    stages.push_back(std::move(all));
  }
  stages.push_back(
      {behavior::MakeInboundRefreshTest, behavior::MakeTimerScopeTest});
  for (std::vector<Factory>& stage : stages) {
    Task<> running = RunAll(std::move(stage));
    co_await running;
  }
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
