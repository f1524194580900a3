#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "behavior/axis_tests.h"
#include "behavior/mapping_watch.h"

namespace natkit::nat::behavior {
namespace {

using std::chrono::seconds;

/// Silences of the first pass; nat.md 5.7 has fewer.
constexpr std::array kFirstPass = {
    seconds(15),  seconds(30),  seconds(45),  seconds(60),   seconds(75),
    seconds(90),  seconds(110), seconds(130), seconds(150),  seconds(180),
    seconds(210), seconds(250), seconds(300), seconds(360),  seconds(420),
    seconds(500), seconds(600), seconds(750), seconds(1000), seconds(1300)};
/// A bracket this narrow, absolutely or relatively, is good enough.
constexpr auto kNarrow = seconds(4);
constexpr int kNarrowParts = 16;
constexpr int kPasses = 10;
/// Lifetimes that are searched at once.
constexpr int kSearches = 3;
/// Packets that show that a mapping is gone.
constexpr int kCopies = 2;
/// A bracket wider than this share of its end says too little.
constexpr int kTooWideParts = 3;
constexpr auto kTooWide = seconds(15);
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
  /// The shortest silence that was surely deadly. An answer is a proof, none
  /// may be bad luck: there must be several, and what was alive longer wins.
  [[nodiscard]] std::optional<Duration> dead() const;
  [[nodiscard]] Duration LongestAlive() const;
  [[nodiscard]] bool IsNarrow() const;
  void Judge();
  void SetTrait(Duration lifetime);

  Axis axis_;
  Priming priming_;
  MappingWatch watch_;
  Duration alive_{};  ///< LongestAlive()
  std::vector<Duration> alives_;
  std::vector<Duration> misses_;
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
  if (IsNarrow()) {
    return silences;
  }
  const Duration budget = std::max<Duration>(
      config().lifetime_budget,
      2 * config().longest_lifetime + std::chrono::minutes(3));
  const Duration left = budget - (lab().now() - lab().started());
  if (!dead()) {
    if (alive_ < config().longest_lifetime && !misses_.empty()) {
      // Losses seen since then make the silences too few: some more.
      std::ranges::copy_if(FirstSilences(), std::back_inserter(silences),
                           [this, left](Duration silence) {
                             return silence > alive_ && silence <= left;
                           });
    }
    return silences;
  }
  const Duration gap = *dead() - alive_;
  const auto most =
      static_cast<int64_t>(std::max<size_t>(config().max_waiting / 4, 2));
  // Packets to all of them have to fit into the gap.
  const Duration room = config().response_port_interval * (kSearches * kCopies);
  const int64_t parts =
      std::clamp<int64_t>(gap / std::max<Duration>(room, kNarrow), 2, most);
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
  std::optional<WatchedMapping> mapping = co_await making;
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
    co_return;
  }
  if (pulse.is_alive) {
    alives_.push_back(pulse.silence);  // what missed it was just lost
  } else {
    misses_.insert(misses_.end(), pulse.misses.begin(), pulse.misses.end());
  }
  alive_ = LongestAlive();
}

/// What was alive although several that were silent for less were gone had a
/// history of its own; unless there are so many of it that these were lost.
Duration LifetimeTest::LongestAlive() const {
  const size_t decisive = watch_.decisive();
  std::vector<Duration> misses = misses_;
  std::ranges::sort(misses);
  Duration longest{};
  for (const Duration alive : alives_) {
    const auto earlier = static_cast<size_t>(
        std::ranges::lower_bound(misses, alive) - misses.begin());
    const auto contradicting =
        earlier < decisive
            ? 0
            : std::ranges::count_if(
                  alives_,
                  [&](Duration other) { return other > misses[decisive - 1]; });
    if (earlier < decisive ||
        earlier < decisive * static_cast<size_t>(contradicting)) {
      longest = std::max(longest, alive);
    }
  }
  return longest;
}

std::optional<Duration> LifetimeTest::dead() const {
  std::vector<Duration> deaths;
  std::ranges::copy_if(misses_, std::back_inserter(deaths),
                       [this](Duration miss) { return miss > alive_; });
  std::ranges::sort(deaths);
  const size_t decisive = watch_.decisive();
  return deaths.size() < decisive ? std::nullopt
                                  : std::optional(deaths[decisive - 1]);
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
