// Conformance runs against every profile, and against boxes with parameters
// drawn at random: what fails must be what the parameters say.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "conformance_rules.h"
#include "natkit/netsim/profile.h"
#include "natkit/netsim/sim_rng.h"
#include "world_lab.h"

namespace natkit::natcheck::conformance {
namespace {

std::string Words(const Expected& expected) {
  std::string words;
  for (const Verdict verdict : expected) {
    words += (words.empty() ? "" : " or ") + std::string(VerdictWord(verdict));
  }
  return words;
}

/// What counts most about boxes; the rest follows from the seed.
std::string Describe(const Chain& chain) {
  std::string text = "pool " + std::to_string(chain.pool);
  for (const netsim::NatConfig& box : chain.boxes) {
    const auto add = [&text](std::string_view name, auto value) {
      text += ", " + std::string(name) + " " +
              std::to_string(static_cast<int64_t>(value));
    };
    add("translation", box.translation);
    add("mapping", box.mapping);
    add("filtering", box.filtering);
    add("ports", box.port_assignment);
    add("from", box.port_range.first);
    add("pooling", box.pooling);
    add("hairpinning", box.hairpinning);
    add("scope", box.timer_scope);
    add("poisonable", box.poisonable);
    add("contiguity", box.keep_contiguity);
    add("shed above", box.shed_above);
    add("per host", box.limits.mappings_per_host);
    add("when full", box.limits.when_full);
    add("quarantine", box.port_quarantine / std::chrono::seconds(1));
  }
  return text;
}

/// By requirement: how many runs judged it, and how many could not.
struct Decided {
  size_t judged = 0;
  size_t inconclusive = 0;
};

using DecidedById = std::map<std::string_view, Decided>;

/// Under loss a test may give up, but not be wrong.
void Compare(const Chain& chain, const WorldOptions& world,
             const std::string& name, DecidedById* decided = nullptr) {
  auto expected = ExpectedVerdicts(chain);
  const RunResult result =
      RunInWorld(chain, {.is_long = true, .is_carrier = true}, world);
  EXPECT_EQ(result.findings.size(), Requirements().size());
  for (const Finding& finding : result.findings) {
    Expected& right = expected[finding.requirement->id];
    if (decided != nullptr) {
      Decided& row = (*decided)[finding.requirement->id];
      ++(finding.verdict == Verdict::kInconclusive ? row.inconclusive
                                                   : row.judged);
    }
    // What is reversed may be put in order on such a link, once in a while.
    const bool is_reversed =
        world.reorder > 0 && finding.requirement->id == "4787-14";
    if (world.loss > 0 || is_reversed) {
      right.insert(Verdict::kInconclusive);
    }
    EXPECT_TRUE(right.contains(finding.verdict))
        << name << ", seed " << world.seed << ", loss " << world.loss
        << ", delay " << world.delay / std::chrono::milliseconds(1) << " ms"
        << ": RFC " << finding.requirement->id << ": "
        << VerdictWord(finding.verdict) << " (" << finding.reason
        << "), but its parameters say " << Words(right) << "\n"
        << Describe(chain);
  }
}

class ConformanceOf : public testing::TestWithParam<std::string> {};

TEST_P(ConformanceOf, FindsWhatTheParametersSay) {
  const Chain chain = MakeChain(*netsim::FindProfile(GetParam()));
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    Compare(chain, {.seed = seed}, GetParam());
  }
}

TEST_P(ConformanceOf, FindsNothingElseUnderLoss) {
  const Chain chain = MakeChain(*netsim::FindProfile(GetParam()));
  for (uint64_t seed = 1; seed <= 2; ++seed) {
    Compare(chain, {.seed = seed, .loss = 0.05}, GetParam());
  }
}

/// Far away: late answers are answers, and no others.
TEST_P(ConformanceOf, FindsNothingElseOverALongLink) {
  Compare(MakeChain(*netsim::FindProfile(GetParam())),
          {.seed = 1, .delay = std::chrono::milliseconds(350)}, GetParam());
}

TEST_P(ConformanceOf, FindsNothingElseOverALongLinkWithDuplicates) {
  Compare(MakeChain(*netsim::FindProfile(GetParam())),
          {.seed = 1,
           .delay = std::chrono::milliseconds(350),
           .jitter = std::chrono::milliseconds(30),
           .duplicate = 0.1},
          GetParam());
}

TEST_P(ConformanceOf, FindsNothingElseOverALongLinkUnderLoss) {
  Compare(MakeChain(*netsim::FindProfile(GetParam())),
          {.seed = 1, .loss = 0.05, .delay = std::chrono::milliseconds(350)},
          GetParam());
}

constexpr std::array kOnBadLinks = {"full-cone", "port-restricted",
                                    "symmetric-seq"};

/// A packet that comes twice, or after its successor, is taken for no other.
TEST(Conformance, FindsNothingElseAmongDuplicatesAndLatecomers) {
  for (const char* name : kOnBadLinks) {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      Compare(MakeChain(*netsim::FindProfile(name)),
              {.seed = seed,
               .duplicate = 0.2,
               .reorder = 0.2,
               .reorder_delay = std::chrono::milliseconds(40)},
              name);
    }
  }
}

/// Parameters that no profile has together. What makes the outcome chance, or
/// leaves too little to test with (tiny quotas), is left out.
class RandomBox {
 public:
  explicit RandomBox(uint64_t seed) : rng_(seed) {}

  Chain Draw() {
    Chain chain;
    chain.boxes.push_back(DrawConfig());
    const bool is_one_to_one =
        chain.boxes[0].translation == netsim::Translation::kOneToOne;
    chain.pool = is_one_to_one ? 16 : Pick<size_t>({1, 4});
    DrawServices(chain);
    return chain;
  }

 private:
  template <class T>
  T Pick(std::initializer_list<T> values) {
    const auto index = rng_.NextBelow(static_cast<uint32_t>(values.size()));
    return *(values.begin() + index);
  }

  Duration Time() {
    using std::chrono::seconds;
    return Pick<Duration>({seconds(8), seconds(20), seconds(30), seconds(50),
                           seconds(70), seconds(90), seconds(130), seconds(160),
                           seconds(200), seconds(320), seconds(600)});
  }

  /// What RFC 6888 asks of a carrier's box.
  void DrawServices(Chain& chain) {
    netsim::NatConfig& box = chain.boxes[0];
    box.services.pcp = rng_.Chance(0.4);
    box.services.nat_pmp = rng_.Chance(0.4);
    chain.names_exempt = rng_.Chance(0.6);
    chain.names_pool = rng_.Chance(0.6);
    chain.has_gap = rng_.Chance(0.6);
    chain.has_conflict = rng_.Chance(0.3);
    if (rng_.Chance(0.5)) {
      box.exempt.push_back(
          IpPrefix::Parse("198.51.100.105/32").value_or(IpPrefix()));
    }
  }

  netsim::NatConfig DrawConfig() {
    using enum netsim::Dependence;
    netsim::NatConfig config;
    config.translation =
        Pick({netsim::Translation::kNapt, netsim::Translation::kNapt,
              netsim::Translation::kNapt, netsim::Translation::kOneToOne});
    config.mapping = Pick({kEndpointIndependent, kEndpointIndependent,
                           kAddressDependent, kAddressAndPortDependent});
    config.filtering = Pick(
        {kEndpointIndependent, kAddressDependent, kAddressAndPortDependent});
    DrawPorts(config);
    DrawTimes(config);
    DrawRest(config);
    return config;
  }

  void DrawPorts(netsim::NatConfig& config) {
    using enum netsim::PortAssignment;
    config.port_assignment =
        Pick({kPreserve, kPreserve, kPreserveOverload, kSequential, kRandom,
              kDynamicBlock, kDeterministicBlock});
    if (config.port_assignment == kPreserveOverload) {
      config.mapping = netsim::Dependence::kAddressAndPortDependent;
    }
    config.port_range =
        Pick<netsim::PortRange>({{1024, 65535}, {1, 65535}, {50001, 65535}});
    config.port_step = Pick({1, 2, -1, 7});
    config.block_size = 1024;  // there is one for each inside host
    config.limits.blocks_per_host = Pick<size_t>({1, 4});
    config.keep_parity = rng_.Chance(0.3);
    config.keep_contiguity = rng_.Chance(0.2);
    config.keep_port_class = rng_.Chance(0.3);
    config.pooling = Pick({netsim::Pooling::kPaired, netsim::Pooling::kPaired,
                           netsim::Pooling::kArbitrary});
  }

  void DrawTimes(netsim::NatConfig& config) {
    config.timeouts.udp_unreplied = Time();
    config.timeouts.udp_assured =
        std::max(config.timeouts.udp_unreplied, Time());
    config.timeouts.assured_after =
        Pick<Duration>({Duration::zero(), std::chrono::seconds(2)});
    config.timer_scope =
        Pick({netsim::TimerScope::kMapping, netsim::TimerScope::kSession});
    config.refresh =
        Pick<netsim::NatRefresh>({{true, false}, {true, true}, {false, true}});
  }

  void DrawRest(netsim::NatConfig& config) {
    using enum netsim::Hairpinning;
    using std::chrono::hours;
    using std::chrono::minutes;
    using std::chrono::seconds;
    config.hairpinning = Pick({kNone, kInternalSource, kExternalSource});
    config.fragments =
        Pick({netsim::FragmentMode::kOutOfOrder, netsim::FragmentMode::kInOrder,
              netsim::FragmentMode::kDrop});
    config.translate_icmp_errors = rng_.Chance(0.7);
    config.alg = Pick({netsim::Alg::kNone, netsim::Alg::kNone,
                       netsim::Alg::kGeneric, netsim::Alg::kSip});
    config.poisonable = rng_.Chance(0.3);
    config.unsolicited =
        Pick({netsim::Unsolicited::kDrop, netsim::Unsolicited::kReject});
    config.outside_mtu = Pick<uint16_t>({1500, 1400, 1280});
    config.timeouts.icmp = Time();
    config.timeouts.tcp_opening = Pick<Duration>({minutes(2), minutes(4)});
    config.timeouts.tcp_established = Pick<Duration>({hours(1), hours(3)});
    config.timeouts.tcp_closing = Pick<Duration>({minutes(1), minutes(4)});
    config.syn_error_delay =
        Pick<Duration>({Duration::zero(), seconds(2), seconds(6), seconds(10)});
    config.limits.mappings_per_host = Pick<size_t>({0, 0, 1000, 2000});
    config.limits.when_full =
        Pick({netsim::WhenFull::kDrop, netsim::WhenFull::kIcmp,
              netsim::WhenFull::kEvictOldest});
    config.shed_above = Pick<size_t>({0, 0, 0, 600});
    config.limits.sessions_per_mapping = Pick<size_t>({65536, 65536, 1500});
    const auto quarantine =
        Pick<Duration>({seconds(0), seconds(0), seconds(60), seconds(200)});
    if (config.port_assignment != netsim::PortAssignment::kPreserveOverload) {
      config.port_quarantine = quarantine;
    }
  }

  netsim::SimRng rng_;
};

void Print(const DecidedById& decided) {
  for (const auto& [id, row] : decided) {
    if (row.inconclusive > 0) {
      std::cout << id << ": " << row.inconclusive << " of "
                << row.inconclusive + row.judged << " inconclusive\n";
    }
  }
}

/// `count` boxes; more of them, from another seed on, if the environment says
/// so (NATKIT_CONFORMANCE_BOXES, NATKIT_CONFORMANCE_SEED). Then it also prints
/// how often each requirement could not be judged.
void CompareDrawn(uint64_t count, WorldOptions (*link_of)(uint64_t seed)) {
  const char* more = std::getenv("NATKIT_CONFORMANCE_BOXES");
  const char* from = std::getenv("NATKIT_CONFORMANCE_SEED");
  const uint64_t first = from != nullptr ? std::stoull(from) : 1;
  count = more != nullptr ? std::stoull(more) : count;
  DecidedById decided;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const Chain chain = RandomBox(seed).Draw();
    ASSERT_TRUE(netsim::FindProblems(chain.boxes[0]).size() <= 1)
        << netsim::FindProblems(chain.boxes[0]).back();
    Compare(chain, link_of(seed), "drawn box", &decided);
  }
  if (more != nullptr) {
    Print(decided);
  }
}

TEST(Conformance, AgreesWithParametersDrawnAtRandom) {
  CompareDrawn(100, [](uint64_t seed) { return WorldOptions{.seed = seed}; });
}

TEST(Conformance, AgreesWithThemUnderLittleLoss) {
  CompareDrawn(30, [](uint64_t seed) {
    return WorldOptions{.seed = seed, .loss = 0.01};
  });
}

TEST(Conformance, AgreesWithThemUnderMuchLoss) {
  CompareDrawn(20, [](uint64_t seed) {
    return WorldOptions{.seed = seed, .loss = 0.05};
  });
}

/// Up to 400 ms one way, with jitter, latecomers and duplicates.
WorldOptions DrawLink(uint64_t seed) {
  using std::chrono::milliseconds;
  netsim::SimRng rng(~seed);
  WorldOptions link = {.seed = seed};
  link.delay = milliseconds(5 + rng.NextBelow(396));
  link.jitter = milliseconds(rng.NextBelow(61));
  link.duplicate = rng.Chance(0.5) ? 0.1 : 0;
  link.reorder = rng.Chance(0.5) ? 0.1 : 0;
  link.reorder_delay = milliseconds(10 + rng.NextBelow(191));
  return link;
}

TEST(Conformance, AgreesWithThemOverLinksDrawnAtRandom) {
  CompareDrawn(20, DrawLink);
}

TEST(Conformance, AgreesWithThemOverLossyLinksDrawnAtRandom) {
  CompareDrawn(10, [](uint64_t seed) {
    WorldOptions link = DrawLink(seed);
    link.loss = 0.05;
    return link;
  });
}

Verdict VerdictOf(const std::string& id, const RunResult& result) {
  const auto found = std::ranges::find_if(
      result.findings,
      [&id](const Finding& one) { return one.requirement->id == id; });
  return found == result.findings.end() ? Verdict::kInconclusive
                                        : found->verdict;
}

/// The run's own flows are enough to change this box.
TEST(Conformance, NoticesThatItsOwnLoadChangesTheBox) {
  Chain chain = MakeChain(*netsim::FindProfile("port-restricted"));
  chain.boxes[0].shed_above = 30;
  const RunResult result = RunInWorld(chain, {}, {.seed = 1});
  EXPECT_EQ(VerdictOf("4787-11", result), Verdict::kFail);
  EXPECT_NE(VerdictOf("7857-9", result), Verdict::kFail);
}

/// What other tests of the run have evicted says nothing about lifetimes.
TEST(Conformance, DoesNotTakeEvictionForShortLifetimes) {
  Chain chain = MakeChain(*netsim::FindProfile("cgn-port-block"));
  chain.boxes[0].limits.mappings_per_host = 50;
  chain.boxes[0].limits.when_full = netsim::WhenFull::kEvictOldest;
  const Options all = {.is_long = true, .is_carrier = true};
  const RunResult together = RunInWorld(chain, all, {.seed = 1});
  EXPECT_EQ(VerdictOf("6888-11", together), Verdict::kFail);
  EXPECT_EQ(VerdictOf("5382-5", together), Verdict::kInconclusive);
  EXPECT_EQ(VerdictOf("5382-5t", together), Verdict::kInconclusive);
  EXPECT_EQ(VerdictOf("6888-1", together), Verdict::kInconclusive);
  Options alone = all;
  alone.only = {"5382-5t"};
  EXPECT_EQ(VerdictOf("5382-5t", RunInWorld(chain, alone, {.seed = 1})),
            Verdict::kPass);
}

/// The time that packets take is not the box's.
TEST(Conformance, TimersOfJustTheRightLengthPassOverALongLink) {
  using std::chrono::milliseconds;
  using std::chrono::minutes;
  using std::chrono::seconds;
  Chain chain = MakeChain(*netsim::FindProfile("full-cone"));
  netsim::NatTimeouts& timeouts = chain.boxes[0].timeouts;
  timeouts.icmp = seconds(60);
  timeouts.tcp_opening = minutes(4);
  timeouts.tcp_closing = minutes(4);
  timeouts.tcp_established = minutes(124);
  const Options all = {.is_long = true, .is_carrier = true};
  for (const double loss : {0.0, 0.05}) {
    for (uint64_t seed = 1; seed <= 5; ++seed) {
      const WorldOptions link = {.seed = seed,
                                 .loss = loss,
                                 .delay = milliseconds(400),
                                 .jitter = milliseconds(100)};
      timeouts.udp_unreplied = minutes(2);
      timeouts.udp_assured = minutes(2);
      const RunResult two = RunInWorld(chain, all, link);
      for (const char* id :
           {"4787-5", "5508-2", "5382-5", "5382-5t", "7857-2.1", "7857-2.2a"}) {
        EXPECT_EQ(VerdictOf(id, two), Verdict::kPass)
            << id << ", seed " << seed << ", loss " << loss;
      }
      EXPECT_EQ(VerdictOf("4787-5c", two), Verdict::kFail);
      timeouts.udp_unreplied = minutes(5);
      timeouts.udp_assured = minutes(5);
      const RunResult five = RunInWorld(chain, all, link);
      EXPECT_EQ(VerdictOf("4787-5c", five), Verdict::kPass)
          << seed << ", loss " << loss;
    }
  }
}

std::vector<std::string> ProfileNames() {
  std::vector<std::string> names;
  for (const netsim::ProfileInfo& profile : netsim::Profiles()) {
    names.emplace_back(profile.name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Profiles, ConformanceOf,
                         testing::ValuesIn(ProfileNames()),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace natkit::natcheck::conformance
