// WireGuard's hot paths. `allocs` is calls of operator new per packet and must
// be 0 for sealing and opening.

#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>
#include <vector>

#include "natkit/base/packet_batch.h"
#include "natkit/wg/device.h"
#include "wg_net.h"

namespace {

std::atomic<uint64_t> allocations = 0;

}  // namespace

void* operator new(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) {
    return memory;
  }
  std::abort();
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace natkit::wg {
namespace {

constexpr size_t kBatch = 64;

/// Two devices with a session.
struct Tunnel {
  Tunnel() {
    net.Introduce(0, 1);
    net.Introduce(1, 0);
    net.SendData(0, 1);
    net.Run(std::chrono::milliseconds(100));
  }

  void FillPlaintext(size_t size) {
    for (size_t i = 0; i < kBatch; ++i) {
      plaintext.AppendCopy(
          testing::MakeIpv4(net.node(0).inner, net.node(1).inner, size), {});
    }
  }

  void Seal() {
    datagrams.Clear();
    net.node(0).device.SendPackets(net.now(), plaintext, datagrams);
  }

  testing::WgNet net{2};
  PacketBatch plaintext;
  PacketBatch datagrams;
};

void Report(benchmark::State& state, uint64_t allocated) {
  const auto packets =
      static_cast<double>(state.iterations()) * static_cast<double>(kBatch);
  state.SetBytesProcessed(state.iterations() * state.range(0) *
                          static_cast<int64_t>(kBatch));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBatch));
  state.counters["allocs"] = static_cast<double>(allocated) / packets;
}

void BM_Seal(benchmark::State& state) {
  Tunnel tunnel;
  tunnel.FillPlaintext(static_cast<size_t>(state.range(0)));
  tunnel.Seal();
  const uint64_t before = allocations;
  for (auto _ : state) {
    tunnel.Seal();
  }
  Report(state, allocations - before);
}

BENCHMARK(BM_Seal)->Arg(64)->Arg(1420);

void BM_Open(benchmark::State& state) {
  Tunnel tunnel;
  tunnel.FillPlaintext(static_cast<size_t>(state.range(0)));
  PacketBatch opened;
  PacketBatch replies;
  Device& receiver = tunnel.net.node(1).device;
  uint64_t allocated = 0;
  bool is_warm = false;
  for (auto _ : state) {
    state.PauseTiming();
    tunnel.Seal();
    opened.Clear();
    const uint64_t before = allocations;
    state.ResumeTiming();
    receiver.HandleDatagrams(tunnel.net.now(), tunnel.datagrams, opened,
                             replies);
    // The first round grows the batch and raises an event; that is not steady.
    allocated += is_warm ? allocations - before : 0;
    is_warm = true;
  }
  Report(state, allocated);
}

BENCHMARK(BM_Open)->Arg(64)->Arg(1420);

void BM_Handshake(benchmark::State& state) {
  testing::WgNet net(2);
  const PeerId peer = net.Introduce(0, 1);
  net.Introduce(1, 0);
  for (auto _ : state) {
    net.Initiate(0, peer, HandshakePace::kForced);
    net.Run(std::chrono::milliseconds(100));
    net.ClearLog();
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(BM_Handshake);

void BM_AllowedIps(benchmark::State& state) {
  SeededRng rng(1);
  Device device({}, rng);
  for (int64_t i = 0; i < state.range(0); ++i) {
    PeerUpdate update;
    rng.Fill(update.public_key.bytes);
    const auto ip =
        IpAddress::V4(10, static_cast<uint8_t>(i >> 16),
                      static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i));
    update.allowed_ips = {IpPrefix::Make(ip, 32).value()};
    (void)device.SetPeer({}, update);
  }
  uint32_t i = 0;
  for (auto _ : state) {
    i = (i + 7919) % static_cast<uint32_t>(state.range(0));
    benchmark::DoNotOptimize(device.FindRoute(
        IpAddress::V4(10, static_cast<uint8_t>(i >> 16),
                      static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i))));
  }
}

BENCHMARK(BM_AllowedIps)->Arg(10)->Arg(1000)->Arg(10000);

}  // namespace
}  // namespace natkit::wg

BENCHMARK_MAIN();
