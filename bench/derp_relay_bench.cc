// What relaying costs in ServerCore alone: frames in on one connection, frames
// out on another, no TLS and no sockets. Allocations per packet must be 0.

#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <vector>

#include "natkit/derp/client_core.h"
#include "natkit/derp/server_core.h"

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

namespace natkit::derp {
namespace {

constexpr Instant kNow{std::chrono::hours(1)};
constexpr size_t kBatch = 16;

StaticPrivateKey KeyOf(uint8_t byte) {
  std::array<uint8_t, 32> bytes;
  bytes.fill(byte);
  return StaticPrivateKey(bytes);
}

// Logs a client in; its core is only needed for that.
void LogIn(ServerCore& server, ConnectionId id, uint8_t key, Rng& rng) {
  ClientCore client({.private_key = KeyOf(key), .host = "relay"}, rng);
  client.Start(kNow, server.public_key());
  std::vector<uint8_t> buffer(4096);
  server.Accept(kNow, id, {});
  const size_t count = client.PollTransmit(kNow, buffer);
  server.HandleBytes(kNow, id, ByteView(buffer).first(count));
  (void)server.PollTransmit(kNow, id, buffer);
}

// kBatch SendPacket frames of `size` bytes of data, as one TLS read has them.
std::vector<uint8_t> MakeStream(const PublicKey& to, size_t size) {
  std::vector<uint8_t> payload(to.bytes.begin(), to.bytes.end());
  payload.resize(kKeySize + size, 0x45);
  std::vector<uint8_t> stream;
  for (size_t i = 0; i < kBatch; ++i) {
    AppendFrame(FrameType::kSendPacket, payload, stream);
  }
  return stream;
}

void Relay(ServerCore& server, ByteView stream, MutableBytes out) {
  server.HandleBytes(kNow, ConnectionId{1}, stream);
  while (const auto id = server.PollReady()) {
    while (server.PollTransmit(kNow, *id, out) == out.size()) {
    }
  }
}

void BM_Relay(benchmark::State& state) {
  const auto size = static_cast<size_t>(state.range(0));
  SeededRng rng(1);
  ServerCore server({.private_key = KeyOf(1)}, rng);
  LogIn(server, ConnectionId{1}, 2, rng);
  LogIn(server, ConnectionId{2}, 3, rng);
  // Other clients, so that looking one up is not free.
  for (uint8_t i = 10; i < 210; ++i) {
    LogIn(server, ConnectionId{i}, i, rng);
  }
  const std::vector<uint8_t> stream =
      MakeStream(DerivePublicKey(KeyOf(3)), size);
  std::vector<uint8_t> out(16384);
  Relay(server, stream, out);

  const uint64_t before = allocations.load();
  for (auto _ : state) {
    Relay(server, stream, out);
  }
  const auto packets = static_cast<double>(state.iterations() * kBatch);
  state.counters["allocs_per_packet"] =
      static_cast<double>(allocations.load() - before) / packets;
  state.SetItemsProcessed(static_cast<int64_t>(packets));
  state.SetBytesProcessed(static_cast<int64_t>(packets) *
                          static_cast<int64_t>(size));
}

BENCHMARK(BM_Relay)->Arg(64)->Arg(1420)->Arg(16384);

}  // namespace
}  // namespace natkit::derp

BENCHMARK_MAIN();
