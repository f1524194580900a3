// Round-trip times of all working pairs, and moving to the faster one.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>

#include "ice_agent_lab.h"
#include "natkit/base/rng.h"

namespace natkit::ice {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Endpoint kBase6{.address = IpAddress::V6({0x20, 1, 0xd, 0xb8, 0, 0, 0, 0,
                                                0, 0, 0, 0, 0, 0, 0, 2}),
                      .port = 5000};
const Endpoint kRemote6{.address = IpAddress::V6({0x20, 1, 0xd, 0xb8, 0, 1, 0,
                                                  0, 0, 0, 0, 0, 0, 0, 0, 1}),
                        .port = 6000};

/// A lab whose peer answers after a time that the path decides.
class PathLab {
 public:
  using Delay = std::function<std::optional<Duration>()>;

  explicit PathLab(AgentConfig config = AgentConfig::Mesh(Role::kControlling))
      : lab(std::move(config)) {}

  void Run(Duration duration) {
    const Instant end = lab.now + duration;
    Take();
    while (true) {
      Instant next = lab.agent.NextTimeout().value_or(Instant::max());
      if (!answers_.empty()) {
        next = std::min(next, answers_.begin()->first);
      }
      if (next > end) {
        break;
      }
      lab.now = std::max(lab.now, next);
      while (!answers_.empty() && answers_.begin()->first <= lab.now) {
        const AgentTransmit request = answers_.begin()->second;
        answers_.erase(answers_.begin());
        lab.Answer(request);
      }
      lab.agent.NoteData(lab.now);
      lab.agent.HandleTimeout(lab.now);
      lab.Drain();
      Take();
    }
    lab.now = end;
  }

  void Set(const Endpoint& remote, Duration rtt) {
    delays_[remote] = [rtt] { return rtt; };
  }

  void Set(const Endpoint& remote, Delay delay) {
    delays_[remote] = std::move(delay);
  }

  [[nodiscard]] Endpoint Selected() const {
    const auto pair = lab.agent.selected();
    return pair ? pair->remote : Endpoint{};
  }

  [[nodiscard]] size_t changes() const {
    return lab.EventsOf<SelectedPairEvent>().size();
  }

  /// When requests to `remote` left.
  [[nodiscard]] std::vector<Instant> SentTo(const Endpoint& remote) const {
    const auto found = sent_.find(remote);
    return found == sent_.end() ? std::vector<Instant>{} : found->second;
  }

  AgentLab lab;

 private:
  void Take() {
    for (const Sent& request : lab.TakeRequests()) {
      const Endpoint& to = request.transmit.to;
      sent_[to].push_back(request.at);
      const auto delay = delays_[to] ? delays_[to]() : std::nullopt;
      if (delay) {
        answers_.emplace(request.at + *delay, request.transmit);
      }
    }
  }

  std::map<Endpoint, Delay> delays_;
  std::map<Endpoint, std::vector<Instant>> sent_;
  std::multimap<Instant, AgentTransmit> answers_;
};

/// Two pairs: kRemote with the higher priority, kRemote2 with the lower.
void SetUpTwo(PathLab& paths, Duration rtt, Duration rtt2) {
  paths.Set(kRemote, rtt);
  paths.Set(kRemote2, rtt2);
  paths.lab.SetUp(20);
  paths.lab.AddRemote(kRemote2, 10);
}

TEST(AgentPaths, AllWorkingPairsAreMeasured) {
  PathLab paths;
  SetUpTwo(paths, milliseconds(30), milliseconds(40));
  paths.Run(seconds(5));
  const auto infos = paths.lab.agent.paths();
  ASSERT_EQ(infos.size(), 2U);
  EXPECT_EQ(infos[0].remote, kRemote);
  EXPECT_EQ(infos[0].rtt, milliseconds(30));
  EXPECT_TRUE(infos[0].is_selected);
  EXPECT_EQ(infos[1].remote, kRemote2);
  EXPECT_EQ(infos[1].rtt, milliseconds(40));
  EXPECT_GE(infos[1].rtt_samples, 3U);
  EXPECT_FALSE(infos[1].is_selected);
}

TEST(AgentPaths, AStandbyPairIsCheckedEveryTenSeconds) {
  PathLab paths;
  SetUpTwo(paths, milliseconds(30), milliseconds(40));
  paths.Run(seconds(10));
  const size_t before = paths.SentTo(kRemote2).size();
  paths.Run(seconds(100));
  const auto sent = paths.SentTo(kRemote2);
  EXPECT_EQ(sent.size() - before, 10U);
  EXPECT_EQ(paths.lab.agent.counters().retransmits, 0U);
  EXPECT_EQ(paths.changes(), 1U);
}

TEST(AgentPaths, ControlledSidesKeepTheirMappingsToo) {
  PathLab paths(AgentConfig::Mesh(Role::kControlled));
  SetUpTwo(paths, milliseconds(30), milliseconds(40));
  paths.Run(seconds(60));
  EXPECT_GE(paths.SentTo(kRemote2).size(), 6U);
  EXPECT_GE(paths.SentTo(kRemote).size(), 6U);
}

TEST(AgentPaths, AClearlyFasterPairTakesOverAfterTheDwell) {
  PathLab paths;
  SetUpTwo(paths, milliseconds(100), milliseconds(40));
  paths.Run(seconds(4));
  EXPECT_EQ(paths.Selected(), kRemote);
  paths.Run(seconds(4));
  EXPECT_EQ(paths.Selected(), kRemote2);
  paths.Run(seconds(120));
  EXPECT_EQ(paths.Selected(), kRemote2);
  EXPECT_EQ(paths.changes(), 2U);
}

TEST(AgentPaths, SmallGainsMoveNothing) {
  for (const auto& [rtt, rtt2] :
       {std::pair(milliseconds(30), milliseconds(12)),       // 18 ms
        std::pair(milliseconds(200), milliseconds(150))}) {  // 25 %
    PathLab paths;
    SetUpTwo(paths, rtt, rtt2);
    paths.Run(seconds(60));
    EXPECT_EQ(paths.Selected(), kRemote);
    EXPECT_EQ(paths.changes(), 1U);
  }
}

TEST(AgentPaths, DataComesBackOnceTheHigherPairIsNotSlower) {
  PathLab paths;
  SetUpTwo(paths, milliseconds(100), milliseconds(40));
  paths.Run(seconds(10));
  ASSERT_EQ(paths.Selected(), kRemote2);
  paths.Set(kRemote, milliseconds(60));
  paths.Run(seconds(300));
  EXPECT_EQ(paths.Selected(), kRemote2);  // 20 ms slower: no
  paths.Set(kRemote, milliseconds(42));
  paths.Run(seconds(300));
  EXPECT_EQ(paths.Selected(), kRemote);
  EXPECT_EQ(paths.changes(), 3U);
}

TEST(AgentPaths, APathThatTurnsSlowIsLeft) {
  PathLab paths;
  SetUpTwo(paths, milliseconds(30), milliseconds(40));
  paths.Run(seconds(60));
  paths.Set(kRemote, milliseconds(180));
  paths.Run(seconds(30));
  EXPECT_EQ(paths.Selected(), kRemote2);
  EXPECT_EQ(paths.changes(), 2U);
}

TEST(AgentPaths, JitterDoesNotMakeThePathFlap) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SeededRng rng(seed);
    const auto jitter = [&rng](int from, int to) {
      return [&rng, from, to]() -> std::optional<Duration> {
        const auto width = static_cast<uint64_t>(to - from);
        return milliseconds(from) + milliseconds(rng.NextU64() % width);
      };
    };
    PathLab paths;
    paths.Set(kRemote, jitter(20, 140));
    paths.Set(kRemote2, jitter(20, 120));
    paths.lab.SetUp(20);
    paths.lab.AddRemote(kRemote2, 10);
    paths.Run(std::chrono::minutes(30));
    EXPECT_LE(paths.changes(), 3U) << "seed " << seed;
  }
}

TEST(AgentPaths, Ipv6WinsUnlessItIsSlower) {
  for (const auto& [rtt6, wins] : {std::pair(milliseconds(38), true),
                                   std::pair(milliseconds(45), false)}) {
    PathLab paths;
    paths.Set(kRemote, milliseconds(30));
    paths.Set(kRemote6, rtt6);
    paths.lab.SetUp(20);
    (void)paths.lab.agent.AddHostBase(paths.lab.now, kBase6);
    paths.lab.AddRemote(kRemote6, 10);
    paths.Run(seconds(60));
    EXPECT_EQ(paths.Selected() == kRemote6, wins) << rtt6.count();
    EXPECT_LE(paths.changes(), 2U);
  }
}

TEST(AgentPaths, AStandbyPairThatIsSilentIsGivenUpAndTriedAgain) {
  PathLab paths;
  SetUpTwo(paths, milliseconds(30), milliseconds(40));
  paths.Run(seconds(20));
  paths.Set(kRemote2, [] { return std::optional<Duration>(); });
  paths.Run(seconds(20));
  EXPECT_EQ(paths.lab.agent.paths().size(), 1U);
  paths.Set(kRemote2, milliseconds(40));
  paths.Run(seconds(40));
  EXPECT_EQ(paths.lab.agent.paths().size(), 2U);
  EXPECT_EQ(paths.changes(), 1U);
}

TEST(AgentPaths, TheDefaultsOfTheRfcProbeNothing) {
  PathLab paths(AgentConfig{});
  SetUpTwo(paths, milliseconds(300), milliseconds(40));
  paths.Run(seconds(60));
  EXPECT_EQ(paths.SentTo(kRemote2).size() + paths.SentTo(kRemote).size() -
                paths.lab.agent.counters().consent_checks_sent,
            paths.lab.agent.counters().checks_sent);
  EXPECT_EQ(paths.lab.agent.counters().probes_sent, 0U);
  EXPECT_EQ(paths.changes(), 1U);
}

TEST(AgentPaths, WithoutProbesAHigherPairTakesOverAtOnce) {
  AgentConfig config = AgentConfig::Mesh(Role::kControlling);
  config.reprobe_interval = Duration::zero();
  PathLab paths(config);
  paths.Set(kRemote, milliseconds(30));
  paths.Set(kRemote2, milliseconds(90));
  paths.lab.SetUp(10);
  paths.Run(seconds(4));
  paths.lab.AddRemote(kRemote2, 20);
  paths.Run(milliseconds(500));
  EXPECT_EQ(paths.Selected(), kRemote2);
  paths.Run(seconds(60));
  EXPECT_EQ(paths.Selected(), kRemote2);
}

TEST(AgentPaths, AHintIsCheckedBeforeAllOthers) {
  PathLab paths;
  paths.lab.SetUp();
  for (uint8_t i = 10; i < 30; ++i) {
    paths.lab.AddRemote({.address = IpAddress::V4(198, 51, 100, i), .port = 9},
                        100);
  }
  paths.Set(kRemote2, milliseconds(10));
  const Instant before = paths.lab.now;
  ASSERT_TRUE(paths.lab.agent.AddRemoteEndpointHint(before, kRemote2));
  paths.Run(milliseconds(100));
  ASSERT_FALSE(paths.SentTo(kRemote2).empty());
  EXPECT_LE(paths.SentTo(kRemote2).front() - before, milliseconds(20));
  EXPECT_EQ(paths.Selected(), kRemote2);
  EXPECT_EQ(paths.lab.agent.selected()->remote_type,
            CandidateType::kPeerReflexive);
}

TEST(AgentPaths, AHintMustBeUsable) {
  PathLab paths;
  paths.lab.SetUp();
  const auto outcome =
      paths.lab.agent.AddRemoteEndpointHint(paths.lab.now, Endpoint{});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Errc::kBadCandidate);
  EXPECT_TRUE(paths.lab.agent.AddRemoteEndpointHint(paths.lab.now, kRemote));
}

}  // namespace
}  // namespace natkit::ice
