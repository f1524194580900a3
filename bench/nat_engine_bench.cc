// What one packet costs in NatEngine::Process: known flows both ways, with one
// and with ten thousand of them, and flows that are new. Known flows must not
// allocate.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <vector>

#include "natkit/netsim/nat_engine.h"
#include "natkit/netsim/packet.h"

namespace {

std::atomic<uint64_t> allocations{0};

}  // namespace

void* operator new(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* const memory = std::malloc(size)) {
    return memory;
  }
  throw std::bad_alloc();
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, size_t /*size*/) noexcept {
  std::free(memory);
}

namespace natkit::netsim {
namespace {

using std::chrono::microseconds;

constexpr Endpoint kRemote{IpAddress::V4(203, 0, 113, 1), 443};
const std::vector<uint8_t> kPayload(100, 0x5A);

NatConfig Nat(int64_t profile) {
  NatConfig config;
  config.external = {IpAddress::V4(198, 51, 100, 1)};
  config.inside_address = IpAddress::V4(10, 0, 0, 1);
  if (profile == 1) {  // as Linux does
    config.mapping = Dependence::kAddressAndPortDependent;
    config.port_assignment = PortAssignment::kPreserveOverload;
    config.timer_scope = TimerScope::kSession;
    config.refresh.inbound = true;
  }
  return config;
}

Endpoint Inside(uint32_t i) {
  return {IpAddress::V4(10, 0, 1, static_cast<uint8_t>(i % 200)),
          static_cast<uint16_t>(1024 + i / 200 * 7)};
}

/// Packets of flows that the engine knows, as they arrive on one side.
class KnownFlows {
 public:
  KnownFlows(NatEngine& engine, Instant now, uint32_t count, Side side) {
    for (uint32_t i = 0; i < count; ++i) {
      auto packet = BuildUdp(Inside(i), kRemote, kPayload);
      const auto original = packet;
      (void)engine.Process(now, Side::kInside, packet);
      packets_.push_back(
          side == Side::kInside
              ? original
              : BuildUdp(kRemote, ParsePacket(packet)->source, kPayload));
    }
    scratch_.resize(packets_[0].size());
  }

  /// A copy of the next packet, as Process rewrites it.
  MutableBytes Next() {
    const auto& packet = packets_[at_];
    at_ = (at_ + 7919) % packets_.size();
    std::copy(packet.begin(), packet.end(), scratch_.begin());
    return scratch_;
  }

 private:
  std::vector<std::vector<uint8_t>> packets_;
  std::vector<uint8_t> scratch_;
  size_t at_ = 0;
};

void RunKnown(benchmark::State& state, Side side) {
  NatEngine engine(Nat(state.range(1)), 1);
  Instant now{std::chrono::hours(1)};
  KnownFlows flows(engine, now, static_cast<uint32_t>(state.range(0)), side);
  const uint64_t before = allocations.load();
  for (auto _ : state) {
    now += std::chrono::nanoseconds(100);
    benchmark::DoNotOptimize(engine.Process(now, side, flows.Next()));
  }
  state.counters["allocations"] =
      benchmark::Counter(static_cast<double>(allocations.load() - before),
                         benchmark::Counter::kAvgIterations);
  state.SetItemsProcessed(state.iterations());
}

void BM_KnownFlowOut(benchmark::State& state) {
  RunKnown(state, Side::kInside);
}

void BM_KnownFlowIn(benchmark::State& state) {
  RunKnown(state, Side::kOutside);
}

/// Every packet is a new flow; old ones expire as fast.
void BM_NewFlow(benchmark::State& state) {
  NatConfig config = Nat(state.range(0));
  config.timeouts.udp_unreplied = std::chrono::milliseconds(20);
  NatEngine engine(config, 1);
  Instant now{std::chrono::hours(1)};
  uint32_t i = 0;
  auto packet = BuildUdp(Inside(0), kRemote, kPayload);
  for (auto _ : state) {
    now += microseconds(1);
    PacketInfo info = *ParsePacket(packet);
    RewriteSource(packet, info, Inside(i = (i + 1) % 1000000));
    RewriteDestination(packet, info, kRemote);
    benchmark::DoNotOptimize(engine.Process(now, Side::kInside, packet));
    packet[8] = 64;  // TTL; the header checksum is made anew
    FixChecksums(packet);
  }
  state.SetItemsProcessed(state.iterations());
}

/// Every packet is a new flow that finds the tables full.
void BM_FloodWhenFull(benchmark::State& state) {
  NatConfig config = Nat(0);
  config.limits.when_full = static_cast<WhenFull>(state.range(0));
  config.limits.max_mappings = 10000;
  NatEngine engine(config, 1);
  const Instant now{std::chrono::hours(1)};
  uint32_t i = 0;
  for (auto _ : state) {
    i = (i + 1) % 1000000;
    auto packet = BuildUdp(Inside(i), kRemote, kPayload);
    benchmark::DoNotOptimize(engine.Process(now, Side::kInside, packet));
    while (engine.PollTransmit()) {
    }
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(BM_KnownFlowOut)->ArgsProduct({{1, 10000}, {0, 1}});
BENCHMARK(BM_KnownFlowIn)->ArgsProduct({{1, 10000}, {0, 1}});
BENCHMARK(BM_NewFlow)->Arg(0)->Arg(1);
BENCHMARK(BM_FloodWhenFull)->Arg(0)->Arg(2);

}  // namespace
}  // namespace natkit::netsim

BENCHMARK_MAIN();
