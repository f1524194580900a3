#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "behavior/axis_tests.h"
#include "behavior/mapping_watch.h"

namespace natkit::nat::behavior {
namespace {

using std::chrono::seconds;

/// Silences of the first pass (nat.md 5.7).
constexpr std::array kFirstPass = {seconds(15),  seconds(30),  seconds(45),
                                   seconds(60),  seconds(90),  seconds(120),
                                   seconds(180), seconds(300), seconds(600)};
/// A bracket this narrow, absolutely or relatively, is good enough.
constexpr auto kNarrow = seconds(5);
constexpr int kNarrowParts = 20;
constexpr int kPasses = 3;
/// A bracket wider than this share of its end says too little.
constexpr int kTooWideParts = 2;
constexpr auto kTooWide = seconds(20);
constexpr auto kSlice = seconds(2);

std::string Seconds(Duration duration) {
  return std::to_string(std::chrono::duration_cast<seconds>(duration).count());
}

/// Many sockets fall silent at once, each for another time; who gets a packet
/// then is alive. The gap between the last alive and the first dead one is
/// searched again.
class LifetimeTest final : public AxisTest {
 public:
  LifetimeTest(Session& session, Axis axis, Priming priming)
      : AxisTest(session),
        axis_(axis),
        priming_(priming),
        watch_(session, axis) {}

  Task<> Run() override;

 private:
  Task<> Pass(std::vector<Duration> silences);
  Task<> Try(Duration silence);
  [[nodiscard]] std::vector<Duration> FirstSilences();
  /// Silences inside the bracket that fit into the budget.
  [[nodiscard]] std::vector<Duration> NextSilences();
  /// The shortest silence that was deadly. An answer is a proof, none may be
  /// bad luck: what was alive longer wins.
  [[nodiscard]] std::optional<Duration> dead() const;
  [[nodiscard]] bool IsNarrow() const;
  void Judge();
  void SetTrait(Duration lifetime);

  Axis axis_;
  Priming priming_;
  MappingWatch watch_;
  Duration alive_{};
  std::vector<Duration> deaths_;
  size_t failures_ = 0;
};

Task<> LifetimeTest::Run() {
  if (!targets().has_response_port) {
    session().Untested(axis_, "the server does not honour RESPONSE-PORT");
    co_return;
  }
  std::vector<Duration> silences = FirstSilences();
  for (int i = 0; i < kPasses && !silences.empty(); ++i) {
    Task<> pass = Pass(std::move(silences));
    co_await pass;
    silences = NextSilences();
  }
  Judge();
}

std::vector<Duration> LifetimeTest::FirstSilences() {
  std::vector<Duration> silences;
  for (const Duration silence : kFirstPass) {
    if (silence < config().longest_lifetime) {
      silences.push_back(silence);
    }
  }
  silences.push_back(config().longest_lifetime);
  return silences;
}

std::vector<Duration> LifetimeTest::NextSilences() {
  std::vector<Duration> silences;
  if (!dead() || IsNarrow()) {
    return silences;
  }
  const Duration gap = *dead() - alive_;
  // Four tests share what may wait at once.
  const auto most =
      static_cast<int64_t>(std::max<size_t>(config().max_waiting / 4, 2));
  const int64_t parts = std::clamp<int64_t>(gap / kNarrow + 1, 2, most);
  const Duration left =
      config().lifetime_budget - (lab().now() - lab().started());
  for (int64_t i = 1; i < parts; ++i) {
    const Duration silence = alive_ + gap * i / parts;
    if (silence <= left) {
      silences.push_back(silence);
    }
  }
  return silences;
}

Task<> LifetimeTest::Pass(std::vector<Duration> silences) {
  std::vector<Task<>> tries;
  for (const Duration silence : silences) {
    tries.push_back(Try(silence));
  }
  WhenAll all(tries);
  co_await all;
}

Task<> LifetimeTest::Try(Duration silence) {
  Task<std::optional<WatchedMapping>> making = watch_.Make(priming_);
  const std::optional<WatchedMapping> mapping = co_await making;
  if (!mapping) {
    ++failures_;
    co_return;
  }
  const Instant end = mapping->last_packet + silence;
  while (lab().now() < end) {
    if (dead() && *dead() < silence) {
      co_return;  // a shorter silence was deadly
    }
    Lab::Sleeper slice(lab(), std::min(end, lab().now() + kSlice));
    co_await slice;
  }
  Task<Pulse> feeling = watch_.Feel(&*mapping);
  const Pulse pulse = co_await feeling;
  if (!pulse.is_known) {
    ++failures_;
  } else if (pulse.is_alive) {
    alive_ = std::max(alive_, pulse.silence);
  } else {
    deaths_.push_back(pulse.silence);
  }
}

std::optional<Duration> LifetimeTest::dead() const {
  std::optional<Duration> shortest;
  for (const Duration death : deaths_) {
    if (death > alive_ && (!shortest || death < *shortest)) {
      shortest = death;
    }
  }
  return shortest;
}

bool LifetimeTest::IsNarrow() const {
  const std::optional<Duration> end = dead();
  return end &&
         *end - alive_ <= std::max<Duration>(kNarrow, *end / kNarrowParts);
}

void LifetimeTest::Judge() {
  const std::optional<Duration> end = dead();
  if (!end && alive_ < config().longest_lifetime) {
    session().DoNotKnow(
        axis_, std::to_string(failures_) + " mappings could not be watched");
    return;
  }
  if (end &&
      *end - alive_ > std::max<Duration>(kTooWide, *end / kTooWideParts)) {
    session().DoNotKnow(axis_, "the bracket is too wide",
                        Seconds(alive_) + "-" + Seconds(*end) + " s");
    return;
  }
  report().lifetimes[axis_] = {.alive = alive_, .dead = end};
  SetTrait(alive_);
  if (!end) {
    session().Determine(axis_, "over " + Seconds(alive_) + " s");
    return;
  }
  session().Determine(axis_, Seconds(alive_) + "-" + Seconds(*end) + " s",
                      "alive after the first silence, gone after the second");
}

/// Programs rely on what was alive, not on what was not yet dead.
void LifetimeTest::SetTrait(Duration lifetime) {
  switch (priming_) {
    case Priming::kUnreplied:
      traits().unreplied_lifetime = lifetime;
      break;
    case Priming::kOneExchange:
      if (!traits().unreplied_lifetime) {
        traits().unreplied_lifetime = lifetime;
      }
      break;
    case Priming::kAssured:
      traits().assured_lifetime = lifetime;
      break;
  }
}

}  // namespace

AxisTestPtr MakeUnrepliedLifetimeTest(Session& session) {
  return std::make_unique<LifetimeTest>(session, Axis::kUnrepliedLifetime,
                                        Priming::kUnreplied);
}

AxisTestPtr MakeOneExchangeLifetimeTest(Session& session) {
  return std::make_unique<LifetimeTest>(session, Axis::kOneExchangeLifetime,
                                        Priming::kOneExchange);
}

AxisTestPtr MakeAssuredLifetimeTest(Session& session) {
  return std::make_unique<LifetimeTest>(session, Axis::kAssuredLifetime,
                                        Priming::kAssured);
}

}  // namespace natkit::nat::behavior
