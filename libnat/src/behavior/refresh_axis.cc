#include <algorithm>
#include <chrono>
#include <cstddef>
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
/// Mappings that are watched until the misses are no accident.
constexpr int kTries = 4;

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

void HasNoLifetime(Session& session, Axis axis) {
  if (session.report().verdict(Axis::kAssuredLifetime).outcome ==
      Outcome::kInconclusive) {
    session.DoNotKnow(axis, "the lifetime is not known");
  } else {
    session.Untested(axis, "no lifetime was seen to end");
  }
}

/// X sends once while its mapping lives, and nothing comes back to it; does the
/// mapping outlive what it would have had?
class OutboundRefreshTest final : public AxisTest {
 public:
  explicit OutboundRefreshTest(Session& session)
      : AxisTest(session), watch_(session, Axis::kOutboundRefresh) {}

  Task<> Run() override;

 private:
  /// Whether one mapping lived longer; nullopt if that was not to be seen.
  Task<std::optional<bool>> Try();

  MappingWatch watch_;
  LifetimeBracket life_;
  size_t misses_ = 0;
};

Task<> OutboundRefreshTest::Run() {
  const auto found = report().lifetimes.find(Axis::kAssuredLifetime);
  if (found == report().lifetimes.end() || !found->second.dead) {
    HasNoLifetime(session(), Axis::kOutboundRefresh);
    co_return;
  }
  life_ = found->second;
  for (int i = 0; i < kTries; ++i) {
    Task<std::optional<bool>> trying = Try();
    const std::optional<bool> is_refreshed = co_await trying;
    if (is_refreshed == true) {
      traits().refreshed_by_outbound = true;
      session().Determine(Axis::kOutboundRefresh, "yes");
      co_return;
    }
    if (is_refreshed == false && misses_ >= watch_.decisive()) {
      traits().refreshed_by_outbound = false;
      session().Determine(Axis::kOutboundRefresh, "no",
                          "gone in spite of a packet from inside");
      co_return;
    }
  }
  session().DoNotKnow(Axis::kOutboundRefresh, "no mapping could be watched");
}

Task<std::optional<bool>> OutboundRefreshTest::Try() {
  constexpr double kLate = 0.8;
  constexpr auto kGuard = std::chrono::seconds(1);
  Task<std::optional<WatchedMapping>> making = watch_.Make(Priming::kAssured);
  std::optional<WatchedMapping> mapping = co_await making;
  if (!mapping) {
    co_return std::nullopt;
  }
  Lab::Sleeper first(
      lab(), mapping->last_packet +
                 std::chrono::duration_cast<Duration>(life_.alive * kLate));
  co_await first;
  Task<std::optional<Instant>> sending = watch_.Send(&*mapping);
  const std::optional<Instant> sent = co_await sending;
  if (!sent || *sent - mapping->last_packet >= life_.alive) {
    co_return std::nullopt;
  }
  Lab::Sleeper second(lab(), mapping->last_packet + *life_.dead + kGuard);
  co_await second;
  Task<Pulse> feeling = watch_.Feel(&*mapping);
  const Pulse pulse = co_await feeling;
  if (!pulse.is_known) {
    co_return std::nullopt;
  }
  if (pulse.is_alive) {
    co_return true;
  }
  // A packet that came too late for a prolonged mapping, too, tells nothing.
  const Duration latest = *sent - mapping->last_packet + life_.alive;
  const auto telling = std::ranges::count_if(
      pulse.misses, [latest](Duration miss) { return miss < latest; });
  misses_ += static_cast<size_t>(telling);
  co_return telling > 0 ? std::optional(false) : std::nullopt;
}

/// After priming X is silent, but the server sends to it now and then.
class InboundRefreshTest final : public AxisTest {
 public:
  explicit InboundRefreshTest(Session& session)
      : AxisTest(session), watch_(session, Axis::kInboundRefresh) {}

  Task<> Run() override;

 private:
  /// Whether one mapping lived on; nullopt if that was not to be seen.
  Task<std::optional<bool>> Try(Steps steps);

  MappingWatch watch_;
  size_t misses_ = 0;
};

Task<> InboundRefreshTest::Run() {
  const std::optional<Steps> steps = StepsOf(report());
  if (!steps) {
    HasNoLifetime(session(), Axis::kInboundRefresh);
    co_return;
  }
  for (int i = 0; i < kTries; ++i) {
    Task<std::optional<bool>> trying = Try(*steps);
    const std::optional<bool> is_refreshed = co_await trying;
    if (is_refreshed == true) {
      traits().refreshed_by_inbound = true;
      session().Determine(Axis::kInboundRefresh, "yes");
      co_return;
    }
    if (is_refreshed == false && misses_ >= watch_.decisive()) {
      traits().refreshed_by_inbound = false;
      session().Determine(Axis::kInboundRefresh, "no",
                          "gone in spite of packets from outside");
      co_return;
    }
  }
  session().DoNotKnow(Axis::kInboundRefresh, "no mapping could be watched");
}

Task<std::optional<bool>> InboundRefreshTest::Try(Steps steps) {
  Task<std::optional<WatchedMapping>> making = watch_.Make(Priming::kAssured);
  std::optional<WatchedMapping> mapping = co_await making;
  if (!mapping) {
    co_return std::nullopt;
  }
  const int inbound = steps.beyond + kInboundPackets - 2;
  for (int i = 0; i < inbound; ++i) {
    Lab::Sleeper pause(lab(), lab().now() + steps.length);
    co_await pause;
    Task<Pulse> feeling = watch_.Feel(&*mapping);
    const Pulse pulse = co_await feeling;
    if (pulse.is_alive) {
      continue;
    }
    if (!pulse.is_known || i == 0) {
      co_return std::nullopt;  // gone too early
    }
    misses_ += pulse.misses.size();
    co_return false;
  }
  co_return true;
}

/// After priming toward A1, X sends to A2 alone.
class TimerScopeTest final : public AxisTest {
 public:
  explicit TimerScopeTest(Session& session)
      : AxisTest(session), watch_(session, Axis::kTimerScope) {}

  Task<> Run() override;

 private:
  /// Whether A1 reached one mapping in the end; nullopt: not to be seen.
  Task<std::optional<bool>> Try(Steps steps);

  MappingWatch watch_;
  size_t misses_ = 0;
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
    HasNoLifetime(session(), Axis::kTimerScope);
    co_return;
  }
  for (int i = 0; i < kTries; ++i) {
    Task<std::optional<bool>> trying = Try(*steps);
    const std::optional<bool> is_alive = co_await trying;
    if (is_alive == true) {
      session().Determine(Axis::kTimerScope, "mapping",
                          "packets to any destination prolong it");
      co_return;
    }
    if (is_alive == false && misses_ >= watch_.decisive()) {
      session().Determine(Axis::kTimerScope, "session",
                          "each remote endpoint has a timer of its own");
      co_return;
    }
  }
  session().DoNotKnow(Axis::kTimerScope, "no mapping could be watched");
}

Task<std::optional<bool>> TimerScopeTest::Try(Steps steps) {
  Task<std::optional<WatchedMapping>> making = watch_.Make(Priming::kAssured);
  std::optional<WatchedMapping> mapping = co_await making;
  if (!mapping) {
    co_return std::nullopt;
  }
  const int outbound = std::max(kOutboundPackets, steps.beyond + 1);
  for (int i = 0; i < outbound; ++i) {
    Lab::Sleeper pause(lab(), lab().now() + steps.length);
    co_await pause;
    Task<Exchange> asking = session().AskNoting(
        Axis::kTimerScope, Lab::From(mapping->socket, *targets().a2p2),
        "to another destination");
    if ((co_await asking).mapped() != mapping->mapped) {
      co_return std::nullopt;  // the mapping did not stay
    }
  }
  mapping->received = lab().ReceivedAt(mapping->socket.number());
  Task<Pulse> feeling = watch_.Feel(&*mapping);
  const Pulse pulse = co_await feeling;
  if (!pulse.is_known) {
    co_return std::nullopt;
  }
  misses_ += pulse.is_alive ? 0 : pulse.misses.size();
  co_return pulse.is_alive;
}

}  // namespace

AxisTestPtr MakeOutboundRefreshTest(Session& session) {
  return std::make_unique<OutboundRefreshTest>(session);
}

AxisTestPtr MakeInboundRefreshTest(Session& session) {
  return std::make_unique<InboundRefreshTest>(session);
}

AxisTestPtr MakeTimerScopeTest(Session& session) {
  return std::make_unique<TimerScopeTest>(session);
}

}  // namespace natkit::nat::behavior
