#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "natkit/nat/birthday.h"
#include "natkit/netsim/profile.h"
#include "punch_world.h"

namespace natkit::netsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The statistics of the issue need 200 runs; builds that run many times slower
// make fewer, within the correspondingly wider three sigma.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kRuns = 20;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
constexpr int kRuns = 20;
#else
constexpr int kRuns = 200;
#endif
#else
constexpr int kRuns = 200;
#endif

constexpr int kManyRuns = 15 * kRuns;

NatConfig Profile(std::string_view name) {
  return FindProfile(name)->make();
}

NatConfig Hard(PortRange range = {}) {
  NatConfig config;
  config.mapping = Dependence::kAddressAndPortDependent;
  config.filtering = Dependence::kAddressAndPortDependent;
  config.port_assignment = PortAssignment::kRandom;
  config.port_range = range;
  config.timeouts.udp_unreplied = seconds(60);
  return config;
}

NatConfig HardBlock(uint16_t size) {
  NatConfig config = Hard();
  config.port_assignment = PortAssignment::kDynamicBlock;
  config.block_size = size;
  return config;
}

/// The easy side: EI mapping, APD filtering.
NatConfig Easy() {
  NatConfig config;
  config.port_assignment = PortAssignment::kRandom;
  return config;
}

nat::PunchBudget Fast() {
  return {.packets_per_second = 400,
          .max_packets = 10000,
          .max_probes = 4096,
          .max_sockets = 256,
          .new_mappings_per_second = 400,
          .quota_share = 0.25};
}

struct Measured {
  int runs = kRuns;
  int hits = 0;
  double expected = 0;  ///< the mean of what the plans promised

  /// How many standard deviations the number of hits is off; of few runs one
  /// is taken for at least a hit, since the distribution is coarse then.
  [[nodiscard]] double Sigmas(double chance) const {
    const double sigma = std::sqrt(runs * chance * (1 - chance));
    return (hits - runs * chance) / std::max(sigma, 1.0);
  }
};

/// Seeds 1, 2, 3, and so on.
template <class Check>
Measured Measure(PunchWorldSpec spec, Check check, int runs = kRuns) {
  Measured measured{.runs = runs};
  for (int run = 0; run < runs; ++run) {
    spec.seed = static_cast<uint64_t>(run) + 1;
    PunchWorld world(spec);
    measured.hits += world.Run() ? 1 : 0;
    if (world.b().planned()) {
      measured.expected += world.b().planned()->chance / runs;
    }
    check(world);
  }
  return measured;
}

Measured Measure(const PunchWorldSpec& spec, int runs = kRuns) {
  return Measure(spec, [](PunchWorld&) {}, runs);
}

PunchWorldSpec EasyHard(const NatConfig& hard, uint32_t sockets,
                        uint32_t probes) {
  PunchWorldSpec spec;
  spec.a.nat = Easy();
  spec.b.nat = hard;
  for (PunchSideSpec* side : {&spec.a, &spec.b}) {
    side->punch.budget = Fast();
    side->punch.budget.max_sockets = sockets;
    side->punch.budget.max_probes = probes;
    side->punch.aim.target = 0.999999;  // spend what is allowed
    side->punch.aim.min_chance = 0;
  }
  return spec;
}

TEST(HardPunchStatistics, FullRangeIsHitAsTheFormulaSays) {
  for (const uint32_t probes : {174U, 577U}) {
    const double chance = nat::BirthdayHit(64512, 256, probes);
    const Measured measured = Measure(EasyHard(Hard(), 256, probes));
    EXPECT_LE(std::abs(measured.Sigmas(chance)), 3)
        << measured.hits << " of " << kRuns << " with " << probes;
  }
}

// A miss in a hundred is rare: 200 runs would hide a bias, and a row of unlucky
// seeds would look like one.
TEST(HardPunchStatistics, FullRangeIsHitIn99PercentWithin1148Probes) {
  PunchWorldSpec spec = EasyHard(Hard(), 256, 2048);
  spec.a.punch.aim.target = 0.99;
  spec.b.punch.aim.target = 0.99;
  const Measured measured = Measure(
      spec,
      [](PunchWorld& world) {
        EXPECT_LE(world.a().punch().counters().probes, 1148U);
        EXPECT_LE(world.b().opened_sockets(), 256U);
        EXPECT_LE(world.nat(1).mapping_count(), 272U);
      },
      kManyRuns);
  EXPECT_LE(std::abs(measured.Sigmas(nat::BirthdayHit(64512, 256, 1148))), 3)
      << measured.hits;
  EXPECT_NEAR(measured.expected, 0.99, 0.001);
}

TEST(HardPunchStatistics, NarrowRangeOfPfIsHitAsTheFormulaSays) {
  PunchWorldSpec spec = EasyHard(Profile("bsd-pf"), 64, 174);
  const double chance = nat::BirthdayHit(15535, 64, 174);
  const Measured measured = Measure(spec);
  EXPECT_LE(std::abs(measured.Sigmas(chance)), 3) << measured.hits;
  EXPECT_NEAR(measured.expected, chance, 0.03);
}

TEST(HardPunchStatistics, BlocksAreFoundAndHitAsTheFormulaSays) {
  for (const uint16_t size : std::to_array<uint16_t>({512, 1024, 2048})) {
    const double chance = nat::BirthdayHit(size, 16, 64);
    const Measured measured = Measure(EasyHard(HardBlock(size), 16, 64));
    EXPECT_LE(std::abs(measured.Sigmas(chance)), 3)
        << size << ": " << measured.hits;
    EXPECT_NEAR(measured.expected, chance, 0.01) << size;
  }
}

TEST(HardPunchStatistics, LossIsMadeUpForByTheHardSidesChecks) {
  PunchWorldSpec spec = EasyHard(Hard(), 256, 174);
  spec.loss = 0.05;
  const double chance = nat::BirthdayHit(64512, 256, 174);
  const Measured measured = Measure(spec);
  EXPECT_LE(std::abs(measured.Sigmas(chance)), 3) << measured.hits;
}

TEST(HardPunchStatistics, TheOnlyOpenPortIsFoundInSpiteOfLoss) {
  PunchWorldSpec spec = EasyHard(HardBlock(512), 1, 512);
  spec.loss = 0.2;
  const Measured measured = Measure(spec);
  EXPECT_GE(measured.hits, kRuns * 96 / 100);
}

TEST(HardPunchStatistics, TwoKnownBlocksCrossAsTheFormulaSays) {
  for (const uint16_t size : std::to_array<uint16_t>({1024, 2048})) {
    PunchWorldSpec spec = EasyHard(HardBlock(size), 256, size);
    spec.a.nat = HardBlock(size);
    spec.a.punch.budget.quota_share = 1;
    spec.b.punch.budget.quota_share = 1;
    const double chance = nat::CrossingHit(size, size, size, size);
    const Measured measured = Measure(spec);
    EXPECT_LE(std::abs(measured.Sigmas(chance)), 3)
        << size << ": " << measured.hits;
    EXPECT_NEAR(measured.expected, 0.632, 0.01);
  }
}

TEST(HardPunchStatistics, OpenersKeepAPoisonableEasySideUnharmed) {
  PunchWorldSpec spec = EasyHard(Hard(), 256, 577);
  spec.a.nat = Profile("linux-poisonable");
  const double chance = nat::BirthdayHit(64512, 256, 577);
  const Measured with = Measure(spec);
  EXPECT_LE(std::abs(with.Sigmas(chance)), 3) << with.hits;

  // Ordinary packets of the hard side arrive first: each makes the very tuple
  // unusable that would have hit.
  spec.b.punch.opener_ttl.reset();
  const Measured without = Measure(spec);
  EXPECT_LT(without.hits, kRuns / 20);
}

TEST(HardPunchStatistics, AddressDependentSidesMeetByBirthday) {
  PunchWorldSpec spec = EasyHard(Profile("symmetric-addr"), 256, 577);
  const double chance = nat::BirthdayHit(64512, 256, 577);
  EXPECT_LE(std::abs(Measure(spec).Sigmas(chance)), 3);
  // Neither filter looks at ports, so one of the two can be the easy side.
  spec.a.nat = Profile("symmetric-addr");
  spec.a.punch.traits.filtering = nat::Dependence::kAddressDependent;
  spec.b.punch.traits.filtering = nat::Dependence::kAddressDependent;
  EXPECT_LE(std::abs(Measure(spec).Sigmas(chance)), 3);
}

TEST(HardPunchStatistics, SequencesArePredictedAlsoWithOthersTraffic) {
  for (const int step : {1, 2, -1}) {
    for (const double rate : {0.0, 20.0}) {
      PunchWorldSpec spec = EasyHard(Profile("symmetric-seq"), 256, 577);
      spec.b.nat.port_step = step;
      spec.b.nat.foreign_rate = rate;
      const Measured measured = Measure(spec, [](PunchWorld& world) {
        EXPECT_LT(world.a().sent_at().size(), 150U);
      });
      EXPECT_GE(measured.hits, kRuns * 95 / 100) << step << " at " << rate;
    }
  }
}

TEST(HardPunch, TwoQuietSequencesAreBothPredicted) {
  PunchWorldSpec spec = EasyHard(Profile("symmetric-seq"), 256, 577);
  spec.a.nat = Profile("symmetric-seq");
  const Measured measured = Measure(spec);
  EXPECT_GE(measured.hits, kRuns / 2);
}

TEST(HardPunch, TwoRandomNatsAreHopelessAndCostNothing) {
  PunchWorldSpec spec = EasyHard(Hard(), 256, 2048);
  spec.a.nat = Hard();
  spec.a.punch.aim.min_chance = 0.05;
  spec.b.punch.aim.min_chance = 0.05;
  PunchWorld world(spec);
  EXPECT_FALSE(world.Run());
  EXPECT_EQ(world.a().failure(), nat::PunchFailure::kHopeless);
  EXPECT_EQ(world.b().failure(), nat::PunchFailure::kHopeless);
  EXPECT_EQ(world.a().punch().counters().probes, 0U);
  EXPECT_EQ(world.b().punch().counters().openers, 0U);
}

TEST(HardPunch, EndpointIndependentPairsDoNotNeedIt) {
  PunchWorldSpec spec = EasyHard(Easy(), 256, 2048);
  PunchWorld world(spec);
  EXPECT_FALSE(world.Run());
  EXPECT_EQ(world.a().failure(), nat::PunchFailure::kNotNeeded);
}

TEST(HardPunch, LowTtlPacketsEndBeforeThePeersNat) {
  PunchWorldSpec spec = EasyHard(Hard(), 256, 577);
  (void)Measure(spec, [](PunchWorld& world) {
    // Every one of them died at the own provider's router.
    EXPECT_GE(world.b().openers(), 256U);
    EXPECT_EQ(world.router(1).counters().dropped_ttl, world.b().openers());
    EXPECT_EQ(world.nat(0).counters().dropped_ttl, 0U);
    EXPECT_EQ(world.a().openers(), 0U);
  });
}

/// Asks a STUN server, from another port each time.
class Neighbour final : public Actor {
 public:
  Neighbour(World& world, NetworkId lan)
      : world_(world), host_(world.AddHost("neighbour")) {
    EXPECT_TRUE(world.AddAddress(host_, lan, kAddress));
    EXPECT_TRUE(world.Attach(host_, *this, 0));
  }

  void Ask() {
    SeededRng rng(++asked_);
    std::array<uint8_t, 32> buffer{};
    stun::MessageBuilder builder(buffer, stun::kBindingRequest,
                                 stun::TransactionId::Generate(rng));
    (void)world_.SendUdp(
        host_, {kAddress, static_cast<uint16_t>(5000 + asked_)},
        {IpAddress::V4(198, 51, 100, 200), 3478}, *builder.Finish());
  }

  void HandleDatagram(Instant /*now*/, const Endpoint& /*local*/,
                      const Endpoint& /*from*/, ByteView /*payload*/) override {
    ++answers_;
  }

  [[nodiscard]] int answers() const { return answers_; }

 private:
  static constexpr IpAddress kAddress = IpAddress::V4(10, 2, 0, 77);
  World& world_;
  HostId host_;
  uint64_t asked_ = 0;
  int answers_ = 0;
};

/// The most packets in any second.
size_t BusiestSecond(const std::vector<Instant>& sent_at) {
  size_t most = 0;
  for (size_t first = 0, last = 0; last < sent_at.size(); ++last) {
    while (sent_at[last] - sent_at[first] >= seconds(1)) {
      ++first;
    }
    most = std::max(most, last - first + 1);
  }
  return most;
}

TEST(HardPunch, NoSecondHasMorePacketsThanTheBudget) {
  for (const uint32_t rate : {10U, 50U, 100U, 333U}) {
    PunchWorldSpec spec = EasyHard(HardBlock(2048), 64, 128);
    spec.loss = 0.05;
    spec.a.punch.budget.packets_per_second = rate;
    spec.b.punch.budget.packets_per_second = 2 * rate;
    spec.b.punch.budget.new_mappings_per_second = 40;
    PunchWorld world(spec);
    (void)world.Run();
    EXPECT_LE(BusiestSecond(world.a().sent_at()), rate);
    EXPECT_LE(BusiestSecond(world.b().sent_at()), 2 * rate);
    EXPECT_GE(world.a().sent_at().size(), 12U);
  }
}

TEST(HardPunch, TotalsAreNeverExceeded) {
  PunchWorldSpec spec = EasyHard(Hard(), 40, 100);
  spec.a.punch.budget.max_packets = 80;
  spec.b.punch.budget.max_packets = 90;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    spec.seed = seed;
    PunchWorld world(spec);
    (void)world.Run();
    EXPECT_LE(world.a().sent_at().size(), 80U);
    EXPECT_LE(world.b().sent_at().size(), 90U);
    EXPECT_LE(world.b().opened_sockets(), 30U);
    EXPECT_EQ(world.a().opened_sockets(), 0U);
  }
}

TEST(HardPunch, ACarriersQuotaAndOtherSubscribersAreSpared) {
  PunchWorldSpec spec = EasyHard(Profile("cgn-cellular"), 256, 2048);
  spec.b.addresses = 4;
  spec.b.nat.limits.mappings_per_host = 1024;
  spec.b.punch.traits.mapping_quota = 1024;
  spec.a.punch.aim.target = 0.99;
  spec.b.punch.aim.target = 0.99;
  const Measured measured = Measure(spec, [](PunchWorld& world) {
    EXPECT_LE(world.b().opened_sockets(), 256U);
    EXPECT_EQ(world.nat(1).counters().dropped_full, 0U);
    EXPECT_LE(world.nat(1).mapping_count(), 320U);
  });
  EXPECT_LE(std::abs(measured.Sigmas(0.99)), 3) << measured.hits;
}

TEST(HardPunch, AnotherSubscriberKeepsAndGetsMappings) {
  PunchWorldSpec spec = EasyHard(HardBlock(1024), 256, 2048);
  spec.b.nat.limits.mappings_per_host = 1024;
  PunchWorld world(spec);
  // A neighbour in the same house, with a talk of its own and new ones.
  Neighbour neighbour(world.world(), world.lan(1));
  for (int i = 0; i < 60; ++i) {
    world.world().At(Instant{} + milliseconds(250) * i,
                     [&neighbour] { neighbour.Ask(); });
  }
  (void)world.Run();
  (void)world.world().Run(seconds(16));
  EXPECT_EQ(neighbour.answers(), 60);
  EXPECT_EQ(world.nat(1).counters().dropped_full, 0U);
}

TEST(HardPunch, ASmallQuotaAllowsFewSockets) {
  PunchWorldSpec spec = EasyHard(HardBlock(1024), 256, 2048);
  spec.b.punch.traits.mapping_quota = 64;
  PunchWorld world(spec);
  (void)world.Run();
  EXPECT_LE(world.b().opened_sockets(), 16U);
  EXPECT_GT(world.b().opened_sockets(), 0U);
}

TEST(HardPunch, TheHitCarriesDataBothWaysAndLosersAreClosed) {
  PunchWorldSpec spec = EasyHard(HardBlock(512), 64, 256);
  PunchWorld world(spec);
  ASSERT_TRUE(world.Run());
  EXPECT_EQ(world.b().open_sockets(), 1U);
  const size_t to_a = world.a().arrivals().size();
  const size_t to_b = world.b().arrivals().size();
  world.a().SendOver(AsBytes("ping"));
  world.b().SendOver(AsBytes("pong"));
  (void)world.world().Run(seconds(1));
  EXPECT_GT(world.a().arrivals().size(), to_a);
  EXPECT_GT(world.b().arrivals().size(), to_b);
  EXPECT_EQ(world.a().arrivals().back().second, world.a().hit()->remote);
  EXPECT_EQ(world.b().arrivals().back().second, world.b().hit()->remote);
}

}  // namespace
}  // namespace natkit::netsim
