#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "nat_model_run.h"

namespace natkit::netsim {
namespace {

constexpr uint64_t kRuns = 401;
constexpr uint64_t kMaxReports = 8;
constexpr uint64_t kPacketsPerRun = 2500;

/// The comparison says nothing about what never happened.
constexpr const char* kMustHappen[] = {
    "forwarded-out",
    "forwarded-in",
    "hairpin",
    "hairpin refused",
    "filtered",
    "unmapped",
    "policy",
    "full",
    "ttl",
    "mtu",
    "udp blocked",
    "untranslated",
    "one to one",
    "icmp when full",
    "icmp error in",
    "icmp error out",
    "icmp error hairpin",
    "reject udp",
    "reject tcp",
    "box flow",
    "tuple clash",
    "expiry",
    "probe at expiry -1",
    "probe at expiry 0",
    "probe at expiry 1",
    "sessions full",
    "table full",
    "host quota",
    "rate limit",
    "ports exhausted",
    "eviction",
    "port preserved",
    "port not preserved",
    "same port again",
    "next port",
    "contiguous",
    "block given",
    "block used again",
    "own block",
    "shed",
    "forward added",
    "reboot",
    "reboot with address",
    "readdress",
};

void Add(Tally& sum, const Tally& part) {
  for (const auto& [name, count] : part) {
    sum[name] += count;
  }
}

/// Empty if engine and model agreed on everything.
std::string RunSeed(uint64_t seed, uint64_t packets, Tally& sum) {
  NatModelRun run(seed);
  while (run.packets() < packets) {
    if (!run.Step()) {
      return run.report();
    }
  }
  Add(sum, run.tally());
  Add(sum, run.own_tally());
  sum["packets"] += run.packets();
  return "";
}

uint64_t NumberFrom(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// NATKIT_MODEL_SEED replays one seed with its whole history;
/// NATKIT_MODEL_FIRST and NATKIT_MODEL_RUNS try others than the usual ones.
TEST(NatEngineModel, AMillionRandomPacketsFindNoDifference) {
  if (const char* seed = std::getenv("NATKIT_MODEL_SEED")) {
    Tally sum;
    FAIL() << RunSeed(std::strtoull(seed, nullptr, 10), kPacketsPerRun, sum);
  }
  Tally sum;
  uint64_t differences = 0;
  const uint64_t first = NumberFrom("NATKIT_MODEL_FIRST", 1);
  const uint64_t end = first + NumberFrom("NATKIT_MODEL_RUNS", kRuns);
  for (uint64_t seed = first; seed < end && differences < kMaxReports; ++seed) {
    const std::string report = RunSeed(seed, kPacketsPerRun, sum);
    if (!report.empty()) {
      ADD_FAILURE() << report;
      differences++;
    }
  }
  ASSERT_GE(sum["packets"], 1'000'000U);
  for (const char* kind : kMustHappen) {
    EXPECT_GE(sum[kind], 10U) << kind;
  }
}

/// RFC 7422: the block is a pure function of the inside address, so engines
/// with other seeds and histories give the same.
TEST(NatEngineModel, DeterministicBlocksAreAFunctionOfTheInsideAddress) {
  NatConfig config;
  config.external = {IpAddress::V4(198, 51, 100, 1),
                     IpAddress::V4(198, 51, 100, 2)};
  config.inside_address = IpAddress::V4(10, 0, 0, 1);
  config.port_assignment = PortAssignment::kDeterministicBlock;
  config.block_size = 512;
  const Endpoint remote{IpAddress::V4(203, 0, 113, 1), 53};
  std::map<IpAddress, std::pair<IpAddress, uint16_t>> block_of;
  std::set<std::pair<IpAddress, uint16_t>> blocks;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    NatEngine engine(config, seed);
    for (uint8_t i = 0; i < 100; ++i) {
      const auto last = static_cast<uint8_t>(2 + (i * 7 + seed * 13) % 100);
      const Endpoint inside{IpAddress::V4(10, 0, 0, last), 4000};
      auto packet = BuildUdp(inside, remote, {});
      ASSERT_EQ(engine.Process({}, Side::kInside, packet), Side::kOutside);
      const Endpoint external = ParsePacket(packet)->source;
      const std::pair block(
          external.address,
          static_cast<uint16_t>((external.port - config.port_range.first) /
                                config.block_size));
      EXPECT_EQ(block_of.emplace(inside.address, block).first->second, block);
      blocks.insert(block);
    }
  }
  EXPECT_EQ(blocks.size(), 100U);  // neighbours do not share
}

}  // namespace
}  // namespace natkit::netsim
