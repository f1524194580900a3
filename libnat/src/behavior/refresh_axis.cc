#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "behavior/axis_tests.h"
#include "behavior/mapping_watch.h"

namespace natkit::nat::behavior {
namespace {

/// Packets come after so much of a lifetime (nat.md 5.9): the second one is
/// beyond it, unless the first one prolonged it.
constexpr double kShare = 0.6;
constexpr int kInboundPackets = 5;
constexpr int kOutboundPackets = 3;

/// How both tests divide a lifetime.
struct Steps {
  Duration length{};
  int beyond = 0;  ///< so many are surely longer than the lifetime
};

/// Packets after something that is surely shorter than a lifetime.
std::optional<Steps> StepsOf(const BehaviorReport& report) {
  const auto found = report.lifetimes.find(Axis::kAssuredLifetime);
  if (found == report.lifetimes.end() || !found->second.dead ||
      found->second.alive < std::chrono::seconds(1)) {
    return std::nullopt;
  }
  const auto length =
      std::chrono::duration_cast<Duration>(found->second.alive * kShare);
  return Steps{.length = length,
               .beyond = static_cast<int>(*found->second.dead / length) + 1};
}

/// After priming X is silent, but the server sends to it now and then.
class InboundRefreshTest final : public AxisTest {
 public:
  explicit InboundRefreshTest(Session& session)
      : AxisTest(session), watch_(session, Axis::kInboundRefresh) {}

  Task<> Run() override;

 private:
  MappingWatch watch_;
};

Task<> InboundRefreshTest::Run() {
  const std::optional<Steps> steps = StepsOf(report());
  if (!steps) {
    session().Untested(Axis::kInboundRefresh, "no lifetime was seen to end");
    co_return;
  }
  Task<std::optional<WatchedMapping>> making = watch_.Make(Priming::kAssured);
  std::optional<WatchedMapping> mapping = co_await making;
  const int inbound = steps->beyond + kInboundPackets - 2;
  for (int i = 0; mapping && i < inbound; ++i) {
    Lab::Sleeper pause(lab(), lab().now() + steps->length);
    co_await pause;
    Task<Pulse> feeling = watch_.Feel(&*mapping);
    const Pulse pulse = co_await feeling;
    if (pulse.is_alive) {
      continue;
    }
    if (!pulse.is_known || i == 0) {
      session().DoNotKnow(Axis::kInboundRefresh,
                          "the mapping was gone too early");
      co_return;
    }
    traits().refreshed_by_inbound = false;
    session().Determine(
        Axis::kInboundRefresh, "no",
        "gone in spite of " + std::to_string(i) + " packets from outside");
    co_return;
  }
  if (!mapping) {
    session().DoNotKnow(Axis::kInboundRefresh, "no mapping could be made");
    co_return;
  }
  traits().refreshed_by_inbound = true;
  session().Determine(Axis::kInboundRefresh, "yes");
}

/// After priming toward A1, X sends to A2 alone.
class TimerScopeTest final : public AxisTest {
 public:
  explicit TimerScopeTest(Session& session)
      : AxisTest(session), watch_(session, Axis::kTimerScope) {}

  Task<> Run() override;

 private:
  MappingWatch watch_;
};

Task<> TimerScopeTest::Run() {
  const std::optional<Steps> steps = StepsOf(report());
  if (traits().mapping &&
      *traits().mapping != Dependence::kEndpointIndependent) {
    session().NotApplicable(Axis::kTimerScope,
                            "each destination has a mapping of its own");
    co_return;
  }
  if (!steps || !targets().a2p2) {
    session().Untested(Axis::kTimerScope, "no lifetime was seen to end");
    co_return;
  }
  Task<std::optional<WatchedMapping>> making = watch_.Make(Priming::kAssured);
  std::optional<WatchedMapping> mapping = co_await making;
  bool is_kept = mapping.has_value();
  const int outbound = std::max(kOutboundPackets, steps->beyond + 1);
  for (int i = 0; is_kept && i < outbound; ++i) {
    Lab::Sleeper pause(lab(), lab().now() + steps->length);
    co_await pause;
    Task<Exchange> asking = session().AskNoting(
        Axis::kTimerScope, Lab::From(mapping->socket, *targets().a2p2),
        "to another destination");
    is_kept = (co_await asking).mapped() == mapping->mapped;
  }
  if (!is_kept) {
    session().DoNotKnow(Axis::kTimerScope, "the mapping did not stay");
    co_return;
  }
  mapping->received = lab().ReceivedAt(mapping->socket.number());
  Task<Pulse> feeling = watch_.Feel(&*mapping);
  const Pulse pulse = co_await feeling;
  if (!pulse.is_known) {
    session().DoNotKnow(Axis::kTimerScope, "a control request failed");
    co_return;
  }
  session().Determine(Axis::kTimerScope, pulse.is_alive ? "mapping" : "session",
                      pulse.is_alive
                          ? "packets to any destination prolong it"
                          : "each remote endpoint has a timer of its own");
}

}  // namespace

AxisTestPtr MakeInboundRefreshTest(Session& session) {
  return std::make_unique<InboundRefreshTest>(session);
}

AxisTestPtr MakeTimerScopeTest(Session& session) {
  return std::make_unique<TimerScopeTest>(session);
}

}  // namespace natkit::nat::behavior
