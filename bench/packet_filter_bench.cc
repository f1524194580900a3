// What one packet costs in PacketFilter::Check: of a flow that is known, of one
// that is new under few and many rules, of one that no rule allows, and of a
// flood that finds the table full. None of them may allocate. And what a rule
// costs that is replaced.

#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <vector>

#include "filter_packets.h"
#include "natkit/mesh/packet_filter.h"

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

namespace natkit::mesh {
namespace {

using testing::Packet;

constexpr IpAddress kHere = IpAddress::V4(100, 64, 0, 1);
constexpr uint32_t kPeers = 2000;
constexpr size_t kPacketSize = 1420;
// Where the fields of an IPv4 packet with UDP or TCP are.
constexpr size_t kSourceAt = 12;
constexpr size_t kSourcePortAt = 20;

IpAddress PeerAddress(uint32_t peer) {
  return IpAddress::V4(100, 65, static_cast<uint8_t>(peer / 250),
                       static_cast<uint8_t>(1 + peer % 250));
}

IpPrefix Host(const IpAddress& ip) {
  return IpPrefix::Make(ip, ip.bit_count()).value();
}

Packet UdpFrom(uint32_t peer, uint16_t port) {
  return testing::IpPacket(
      PeerAddress(peer), kHere, 17,
      testing::UdpPayload(port, 443, kPacketSize - 20 - 8));
}

// Each of `count` rules names a hundred of the 2,000 peers, and one port; the
// last one, which decides, is the port asked for.
void PutRules(PacketFilter& filter, uint32_t count) {
  FilterUpdate update;
  for (uint32_t id = 0; id < count; ++id) {
    FilterRule rule;
    rule.id = id;
    for (uint32_t i = 0; i < 100; ++i) {
      rule.sources.push_back(Host(PeerAddress((id * 37 + i * 20) % kPeers)));
    }
    rule.destinations = {Host(kHere)};
    rule.ports = {
        {static_cast<uint16_t>(1000 + id), static_cast<uint16_t>(1000 + id)}};
    update.puts.push_back({Direction::kInbound, std::move(rule)});
  }
  FilterRule last;
  last.id = count;
  for (uint32_t peer = 0; peer < kPeers; ++peer) {
    last.sources.push_back(Host(PeerAddress(peer)));
  }
  last.destinations = {Host(kHere)};
  last.ports = {{443, 443}};
  update.puts.push_back({Direction::kInbound, std::move(last)});
  if (!filter.Apply(Instant{}, std::move(update))) {
    std::abort();
  }
}

uint64_t Iterations(const benchmark::State& state) {
  return static_cast<uint64_t>(state.iterations());
}

// What the filter did must be what the benchmark is named for: every packet
// with this verdict, and so many flows made.
void ExpectAll(benchmark::State& state, const PacketFilter& filter,
               Verdict verdict, uint64_t packets, uint64_t flows_made) {
  const auto counters = filter.counters();
  if (counters.packets[0][static_cast<size_t>(verdict)] != packets ||
      counters.flows_made != flows_made) {
    state.SkipWithError("the packets did not take the path measured");
  }
}

void Report(benchmark::State& state, uint64_t allocations_before) {
  state.counters["allocations"] = benchmark::Counter(
      static_cast<double>(allocations.load() - allocations_before),
      benchmark::Counter::kAvgIterations);
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() *
                          static_cast<int64_t>(kPacketSize));
}

void BM_FlowHit(benchmark::State& state) {
  SeededRng rng(1);
  PacketFilter filter(FilterConfig{}, rng);
  PutRules(filter, 200);
  const auto flows = static_cast<uint32_t>(state.range(0));
  Instant now{std::chrono::hours{1}};
  std::vector<Packet> packets;
  for (uint32_t i = 0; i < flows; ++i) {
    packets.push_back(
        UdpFrom(i % kPeers, static_cast<uint16_t>(1024 + i / kPeers)));
    (void)filter.Check(now, Direction::kInbound, packets.back(), i % kPeers);
  }
  size_t at = 0;
  const uint64_t before = allocations.load();
  for (auto _ : state) {
    now += std::chrono::nanoseconds{100};
    at = (at + 7919) % packets.size();
    benchmark::DoNotOptimize(
        filter.Check(now, Direction::kInbound, packets[at], 0));
  }
  Report(state, before);
  ExpectAll(state, filter, Verdict::kAccept, flows + Iterations(state), flows);
}

// Makes one packet after the other that belongs to no flow.
class NewFlows {
 public:
  Packet& Next() {
    const uint32_t peer = count_ % kPeers;
    const auto port = static_cast<uint16_t>(1024 + count_ / kPeers % 60'000);
    const IpAddress source = PeerAddress(peer);
    const auto bytes = source.bytes();
    std::copy(bytes.begin(), bytes.end(), packet_.begin() + kSourceAt);
    packet_[kSourcePortAt] = static_cast<uint8_t>(port >> 8);
    packet_[kSourcePortAt + 1] = static_cast<uint8_t>(port);
    ++count_;
    return packet_;
  }

 private:
  Packet packet_ = UdpFrom(0, 1024);
  uint32_t count_ = 0;
};

// One flow begins as another one ends.
void BM_NewFlow(benchmark::State& state) {
  SeededRng rng(1);
  FilterConfig config;
  config.timeouts.udp_new = Duration{};
  PacketFilter filter(config, rng);
  PutRules(filter, static_cast<uint32_t>(state.range(0)));
  NewFlows flows;
  Instant now{std::chrono::hours{1}};
  const uint64_t before = allocations.load();
  for (auto _ : state) {
    now += std::chrono::microseconds{100};
    benchmark::DoNotOptimize(
        filter.Check(now, Direction::kInbound, flows.Next(), 1));
  }
  Report(state, before);
  ExpectAll(state, filter, Verdict::kAccept, Iterations(state),
            Iterations(state));
}

void BM_NoRule(benchmark::State& state) {
  SeededRng rng(1);
  PacketFilter filter(FilterConfig{}, rng);
  PutRules(filter, static_cast<uint32_t>(state.range(0)));
  auto packet = UdpFrom(7, 1024);
  packet[kSourcePortAt + 3] = 99;  // another port than any rule has
  const Instant now{std::chrono::hours{1}};
  const uint64_t before = allocations.load();
  for (auto _ : state) {
    benchmark::DoNotOptimize(filter.Check(now, Direction::kInbound, packet, 7));
  }
  Report(state, before);
  ExpectAll(state, filter, Verdict::kNoRule, Iterations(state), 0);
}

void BM_FloodWhenFull(benchmark::State& state) {
  SeededRng rng(1);
  PacketFilter filter(FilterConfig{}, rng);
  PutRules(filter, 200);
  NewFlows flows;
  const Instant now{std::chrono::hours{1}};
  for (int i = 0; i < 65'536; ++i) {
    (void)filter.Check(now, Direction::kInbound, flows.Next());
  }
  const uint64_t before = allocations.load();
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        filter.Check(now, Direction::kInbound, flows.Next()));
  }
  Report(state, before);
  ExpectAll(state, filter, Verdict::kAccept, 65'536 + Iterations(state),
            65'536 + Iterations(state));
}

// Replaces one of 200 rules; the argument is its prefixes.
void BM_PutRule(benchmark::State& state) {
  SeededRng rng(1);
  PacketFilter filter(FilterConfig{}, rng);
  PutRules(filter, 200);
  FilterRule rule;
  rule.id = 100;
  for (uint32_t i = 0; i < static_cast<uint32_t>(state.range(0)); ++i) {
    rule.sources.push_back(Host(PeerAddress(i)));
  }
  rule.destinations = {Host(kHere)};
  for (auto _ : state) {
    if (!filter.PutRule(Instant{}, Direction::kInbound, rule)) {
      state.SkipWithError("the rule was refused");
      break;
    }
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(BM_FlowHit)->Arg(1)->Arg(1000)->Arg(60'000);
BENCHMARK(BM_NewFlow)->Arg(10)->Arg(200)->Arg(2000);
BENCHMARK(BM_NoRule)->Arg(10)->Arg(200)->Arg(2000);
BENCHMARK(BM_FloodWhenFull);
BENCHMARK(BM_PutRule)->Arg(1)->Arg(100)->Arg(2000);

}  // namespace
}  // namespace natkit::mesh

BENCHMARK_MAIN();
