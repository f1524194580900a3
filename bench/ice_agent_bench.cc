// ICE agents: how many checks a process answers, how long two agents take to
// connect, what a connected one costs per second of its life, and how much
// memory it holds.

#include <benchmark/benchmark.h>
#include <malloc.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/nat/ice_agent.h"
#include "natkit/nat/stun_message.h"

namespace {

std::atomic<uint64_t> allocations = 0;
std::atomic<int64_t> bytes_held = 0;

}  // namespace

void* operator new(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) {
    bytes_held += static_cast<int64_t>(malloc_usable_size(memory));
    return memory;
  }
  std::abort();
}

void operator delete(void* memory) noexcept {
  bytes_held -= static_cast<int64_t>(malloc_usable_size(memory));
  std::free(memory);
}

void operator delete(void* memory, size_t) noexcept {
  bytes_held -= static_cast<int64_t>(malloc_usable_size(memory));
  std::free(memory);
}

namespace natkit::ice {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Endpoint BaseOf(size_t pair, uint8_t side, uint8_t number) {
  return {IpAddress::V4(10, side, static_cast<uint8_t>(pair >> 8U),
                        static_cast<uint8_t>(pair)),
          static_cast<uint16_t>(40000 + number)};
}

/// Two agents on one wire without delay. Each has `bases` sockets.
class Couple {
 public:
  Couple(size_t number, uint8_t bases, Rng& rng)
      : a_(AgentConfig::Mesh(Role::kControlling), rng),
        b_(AgentConfig::Mesh(Role::kControlled), rng) {
    for (uint8_t i = 0; i < bases; ++i) {
      (void)a_.AddHostBase(now_, BaseOf(number, 1, i));
      (void)b_.AddHostBase(now_, BaseOf(number, 2, i));
    }
    Introduce(a_, b_);
    Introduce(b_, a_);
  }

  /// Delivers everything until `end`.
  void RunUntil(Instant end) {
    while (true) {
      if (Deliver(a_, b_) || Deliver(b_, a_)) {
        continue;
      }
      const auto next = std::min(a_.NextTimeout().value_or(Instant::max()),
                                 b_.NextTimeout().value_or(Instant::max()));
      if (next > end) {
        now_ = end;
        return;
      }
      now_ = std::max(now_, next);
      a_.HandleTimeout(now_);
      b_.HandleTimeout(now_);
    }
  }

  [[nodiscard]] bool is_connected() const {
    return a_.selected() && b_.selected();
  }

  [[nodiscard]] Instant now() const { return now_; }

  [[nodiscard]] Agent& b() { return b_; }

  [[nodiscard]] const Agent& a() const { return a_; }

  /// A check of A, as B gets it.
  [[nodiscard]] std::optional<AgentTransmit> TakeCheck() {
    now_ = now_ + milliseconds(20);
    a_.HandleTimeout(now_);
    return a_.PollTransmit();
  }

 private:
  void Introduce(Agent& from, Agent& to) {
    (void)to.SetRemoteCredentials(now_, from.local_credentials());
    while (auto event = from.PollEvent()) {
      if (auto* local = std::get_if<LocalCandidateEvent>(&*event)) {
        (void)to.AddRemoteCandidate(now_, local->candidate);
      }
    }
  }

  bool Deliver(Agent& from, Agent& to) {
    while (from.PollEvent()) {
    }
    const auto packet = from.PollTransmit();
    if (packet) {
      (void)to.HandleDatagram(now_, packet->to, packet->from_base,
                              packet->payload);
    }
    return packet.has_value();
  }

  Instant now_ = Instant{} + seconds(1);
  Agent a_;
  Agent b_;
};

/// One agent answers one authentic check, over and over.
void BM_AnswerCheck(benchmark::State& state) {
  SeededRng rng(1);
  Couple couple(0, 1, rng);
  const auto check = couple.TakeCheck();
  if (!check) {
    state.SkipWithError("no check");
    return;
  }
  Instant now = couple.now();
  const uint64_t before = allocations;
  for (auto _ : state) {
    now += milliseconds(1);
    (void)couple.b().HandleDatagram(now, check->to, check->from_base,
                                    check->payload);
    while (couple.b().PollTransmit()) {
    }
    while (couple.b().PollEvent()) {
    }
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["allocs"] = static_cast<double>(allocations - before) /
                             static_cast<double>(state.iterations());
}

/// From credentials to a selected pair, all checks included.
void BM_Connect(benchmark::State& state) {
  SeededRng rng(1);
  const auto bases = static_cast<uint8_t>(state.range(0));
  uint64_t checks = 0;
  for (auto _ : state) {
    Couple couple(0, bases, rng);
    couple.RunUntil(couple.now() + seconds(1));
    if (!couple.is_connected()) {
      state.SkipWithError("does not connect");
      break;
    }
    checks += couple.a().counters().checks_sent * 2;
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["checks/s"] = benchmark::Counter(static_cast<double>(checks),
                                                  benchmark::Counter::kIsRate);
}

/// Many connected agents for one second of their life: consent and keepalives.
void BM_ManyConnected(benchmark::State& state) {
  SeededRng rng(1);
  const auto count = static_cast<size_t>(state.range(0));
  const int64_t before = bytes_held;
  std::vector<std::unique_ptr<Couple>> couples;
  for (size_t i = 0; i < count / 2; ++i) {
    couples.push_back(std::make_unique<Couple>(i, uint8_t{2}, rng));
    couples.back()->RunUntil(Instant{} + seconds(4));
  }
  const double held = static_cast<double>(bytes_held - before);
  int second = 4;
  for (auto _ : state) {
    ++second;
    for (const auto& couple : couples) {
      couple->RunUntil(Instant{} + seconds(second));
    }
  }
  state.counters["bytes/agent"] = held / static_cast<double>(count);
  state.counters["cpu share"] = benchmark::Counter(
      static_cast<double>(state.iterations()),
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

BENCHMARK(BM_AnswerCheck);
BENCHMARK(BM_Connect)
    ->ArgName("bases")
    ->Arg(1)
    ->Arg(4)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_ManyConnected)
    ->ArgName("agents")
    ->Arg(2)
    ->Arg(200)
    ->Arg(2000)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace natkit::ice

BENCHMARK_MAIN();
