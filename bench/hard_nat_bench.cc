// How often a hard punch hits in netsim, beside the exact formula.
//
//   hard_nat_bench [RUNS [FIRST_SEED [CASE]]]
//
// Runs each case (or those whose name contains CASE) with RUNS seeds from
// FIRST_SEED on (200 from 1) and prints one line per case: hits, the chance
// that the formula gives, how many standard deviations lie between them, and
// the packets and seconds that an attempt took. The cases named "model" have no
// network: ports drawn at random, and the prober's own choice.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/rng.h"
#include "natkit/nat/birthday.h"
#include "natkit/nat/port_prediction.h"
#include "natkit/netsim/profile.h"
#include "natkit/netsim/sim_rng.h"
#include "punch_world.h"

namespace natkit::netsim {
namespace {

constexpr uint32_t kAllPorts = 64512;
constexpr uint32_t kSockets = 256;

/// What one attempt came to.
struct Attempt {
  bool is_hit = false;
  double packets = 0;
  double seconds = 0;
};

struct Case {
  std::string name;
  double chance = 0;  ///< of the formula; 0: there is none
  std::function<Attempt(uint64_t seed)> run;
};

NatConfig Easy() {
  NatConfig config;
  config.port_assignment = PortAssignment::kRandom;
  return config;
}

NatConfig Hard() {
  NatConfig config = Easy();
  config.mapping = Dependence::kAddressAndPortDependent;
  config.timeouts.udp_unreplied = std::chrono::seconds(60);
  return config;
}

NatConfig HardBlock(uint16_t size) {
  NatConfig config = Hard();
  config.port_assignment = PortAssignment::kDynamicBlock;
  config.block_size = size;
  return config;
}

PunchWorldSpec Spec(const NatConfig& a, const NatConfig& b, uint32_t sockets,
                    uint32_t probes) {
  PunchWorldSpec spec;
  spec.a.nat = a;
  spec.b.nat = b;
  for (PunchSideSpec* side : {&spec.a, &spec.b}) {
    side->punch.budget = {.packets_per_second = 400,
                          .max_packets = 10000,
                          .max_probes = probes,
                          .max_sockets = sockets,
                          .new_mappings_per_second = 400,
                          .quota_share = 0.25};
    side->punch.aim.target = 0.999999;  // spend what is allowed
    side->punch.aim.min_chance = 0;
  }
  return spec;
}

Attempt RunWorld(PunchWorldSpec spec, uint64_t seed) {
  spec.seed = seed;
  PunchWorld world(spec);
  Attempt attempt{.is_hit = world.Run()};
  const auto& a = world.a().sent_at();
  const auto& b = world.b().sent_at();
  attempt.packets = static_cast<double>(a.size() + b.size());
  const Instant end = std::max(a.empty() ? Instant{} : a.back(),
                               b.empty() ? Instant{} : b.back());
  attempt.seconds = std::chrono::duration<double>(end - Instant{}).count();
  return attempt;
}

/// `sockets` ports drawn by one generator, `probes` chosen by the prober.
Attempt RunModel(uint32_t probes, uint64_t seed) {
  SimRng nat_rng(seed);
  std::set<uint32_t> open;
  while (open.size() < kSockets) {
    open.insert(65536 - kAllPorts + nat_rng.NextBelow(kAllPorts));
  }
  SeededRng rng(seed);
  const nat::PortForecast forecast{
      .areas = {{IpAddress::V4(192, 0, 2, 1), nat::PortRange{}}}};
  const auto tried = EndpointsToProbe(forecast, probes, rng);
  const bool is_hit = std::ranges::any_of(tried, [&open](const Endpoint& port) {
    return open.contains(port.port);
  });
  return {.is_hit = is_hit, .packets = 1.0 * kSockets + probes};
}

void AddFullRange(std::vector<Case>& cases) {
  for (const uint32_t probes : {54U, 174U, 339U, 577U, 1148U}) {
    const double chance = nat::BirthdayHit(kAllPorts, kSockets, probes);
    const std::string name = "full-" + std::to_string(probes);
    cases.push_back({"model-" + name, chance, [probes](uint64_t seed) {
                       return RunModel(probes, seed);
                     }});
    for (const double loss : {0.0, 0.05}) {
      PunchWorldSpec spec = Spec(Easy(), Hard(), kSockets, probes);
      spec.loss = loss;
      cases.push_back({name + (loss > 0 ? "-loss" : ""), chance,
                       [spec](uint64_t seed) { return RunWorld(spec, seed); }});
    }
  }
}

void AddNarrow(std::vector<Case>& cases) {
  const auto add = [&cases](const std::string& name, double chance,
                            const PunchWorldSpec& spec) {
    cases.push_back(
        {name, chance, [spec](uint64_t seed) { return RunWorld(spec, seed); }});
  };
  add("pf-64x174", nat::BirthdayHit(15535, 64, 174),
      Spec(Easy(), FindProfile("bsd-pf")->make(), 64, 174));
  for (const uint16_t size : {uint16_t{512}, uint16_t{1024}, uint16_t{2048}}) {
    const std::string number = std::to_string(size);
    add("block-" + number + "-16x64", nat::BirthdayHit(size, 16, 64),
        Spec(Easy(), HardBlock(size), 16, 64));
    PunchWorldSpec crossing =
        Spec(HardBlock(size), HardBlock(size), kSockets, size);
    crossing.a.punch.budget.quota_share = 1;
    crossing.b.punch.budget.quota_share = 1;
    add("two-blocks-" + number, nat::CrossingHit(size, size, size, size),
        crossing);
  }
}

/// How others' mappings and odd allocators are coped with: no formula.
void AddSequences(std::vector<Case>& cases) {
  for (const bool keeps_parity : {false, true}) {
    for (const int step : {1, 2, -1, 8}) {
      for (const int rate : {0, 5, 20, 50}) {
        if (keeps_parity && step != 1) {
          continue;
        }
        NatConfig nat = FindProfile("symmetric-seq")->make();
        nat.port_step = step;
        nat.keep_parity = keeps_parity;
        nat.foreign_rate = rate;
        for (const double loss : {0.0, 0.05}) {
          PunchWorldSpec spec = Spec(Easy(), nat, kSockets, 577);
          spec.loss = loss;
          cases.push_back(
              {"seq" + std::to_string(step) + (keeps_parity ? "-parity" : "") +
                   "-others-" + std::to_string(rate) +
                   (loss > 0 ? "-loss" : ""),
               0, [spec](uint64_t seed) { return RunWorld(spec, seed); }});
        }
      }
    }
  }
}

void Print(const Case& what, uint64_t runs, uint64_t first) {
  uint64_t hits = 0;
  double packets = 0;
  double seconds = 0;
  for (uint64_t seed = first; seed < first + runs; ++seed) {
    const Attempt attempt = what.run(seed);
    hits += attempt.is_hit ? 1 : 0;
    packets += attempt.packets;
    seconds += attempt.seconds;
  }
  const auto n = static_cast<double>(runs);
  const double sigma = std::sqrt(n * what.chance * (1 - what.chance));
  if (sigma <= 0) {
    std::printf("%-22s %6llu/%llu %8.4f        -      - %8.0f %7.1f\n",
                what.name.c_str(), static_cast<unsigned long long>(hits),
                static_cast<unsigned long long>(runs),
                static_cast<double>(hits) / n, packets / n, seconds / n);
    return;
  }
  std::printf("%-22s %6llu/%llu %8.4f %8.4f %+6.2f %8.0f %7.1f\n",
              what.name.c_str(), static_cast<unsigned long long>(hits),
              static_cast<unsigned long long>(runs),
              static_cast<double>(hits) / n, what.chance,
              (static_cast<double>(hits) - n * what.chance) / sigma,
              packets / n, seconds / n);
  (void)std::fflush(stdout);
}

}  // namespace
}  // namespace natkit::netsim

int main(int argc, char** argv) {
  using namespace natkit::netsim;
  const uint64_t runs = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 200;
  const uint64_t first = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  const std::string_view wanted = argc > 3 ? argv[3] : "";
  std::vector<Case> cases;
  AddFullRange(cases);
  AddNarrow(cases);
  AddSequences(cases);
  std::printf("%-22s %10s %8s %8s %6s %8s %7s\n", "case", "hits", "rate",
              "formula", "sigma", "packets", "seconds");
  for (const Case& each : cases) {
    if (each.name.find(wanted) != std::string::npos) {
      Print(each, std::max<uint64_t>(runs, 1), first);
    }
  }
  return 0;
}
