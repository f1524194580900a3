// STUN messages as an agent and a server see them: an ICE check of about 100
// bytes, and its answer. `allocs` is calls of operator new per message and must
// be 0.

#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_integrity.h"
#include "natkit/nat/stun_message.h"
#include "natkit/nat/stun_message_builder.h"

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

namespace natkit::stun {
namespace {

const Endpoint kMapped{IpAddress::V4(192, 0, 2, 1), 32853};

enum class Protection : int64_t { kNone, kSha1, kSha256 };

IntegrityKey Key() {
  return *IntegrityKey::ShortTerm("VOkJxbRl1RmTxUk/WvJxBt");
}

/// A connectivity check (RFC 8445 section 7.1), in `buffer`.
ByteView BuildCheck(MutableBytes buffer, const TransactionId& id,
                    const IntegrityKey& key, Protection protection) {
  MessageBuilder builder(buffer, kBindingRequest, id);
  builder.Add<attr::Username>("evtj:h6vY");
  builder.Add<attr::Priority>(0x6e0001ffU);
  builder.Add<attr::IceControlled>(0x932ff9b151263b36U);
  if (protection == Protection::kSha1) {
    builder.AddIntegrity(key);
  } else if (protection == Protection::kSha256) {
    builder.AddIntegritySha256(key);
  }
  builder.AddFingerprint();
  return *builder.Finish();
}

/// Counts allocations and messages of one benchmark.
class Meter {
 public:
  explicit Meter(benchmark::State& state)
      : state_(state), before_(allocations.load()) {}

  ~Meter() {
    const auto count = static_cast<double>(state_.iterations());
    state_.SetItemsProcessed(state_.iterations());
    state_.counters["allocs"] =
        static_cast<double>(allocations.load() - before_) / count;
  }

  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

 private:
  benchmark::State& state_;
  uint64_t before_;
};

TransactionId AnyId() {
  SeededRng rng(1);
  return TransactionId::Generate(rng);
}

void BM_BuildPlainResponse(benchmark::State& state) {
  std::array<uint8_t, 128> buffer{};
  const TransactionId id = AnyId();
  const Meter meter(state);
  for (auto _ : state) {
    MessageBuilder builder(buffer, kBindingSuccess, id);
    builder.Add<attr::XorMappedAddress>(kMapped);
    builder.AddFingerprint();
    benchmark::DoNotOptimize(builder.Finish());
  }
}

/// A message of so many bytes that is hardly more than its FINGERPRINT.
void BM_ParseFingerprint(benchmark::State& state) {
  std::array<uint8_t, 1280> buffer{};
  MessageBuilder builder(buffer, kBindingRequest, AnyId());
  const auto size = static_cast<size_t>(state.range(0));
  const std::vector<uint8_t> padding(size - 20 - 4 - 8);
  builder.Add<attr::Padding>(padding);
  builder.AddFingerprint();
  const ByteView message = *builder.Finish();
  const Meter meter(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(Message::Parse(message)->has_fingerprint());
  }
}

void BM_BuildCheck(benchmark::State& state) {
  std::array<uint8_t, 256> buffer{};
  const IntegrityKey key = Key();
  const TransactionId id = AnyId();
  const auto protection = static_cast<Protection>(state.range(0));
  const Meter meter(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(BuildCheck(buffer, id, key, protection));
  }
}

void BM_ParseCheck(benchmark::State& state) {
  std::array<uint8_t, 256> buffer{};
  const ByteView check = BuildCheck(buffer, AnyId(), Key(), Protection::kSha1);
  const Meter meter(state);
  for (auto _ : state) {
    const auto message = Message::Parse(check);
    benchmark::DoNotOptimize(message->Get<attr::Username>());
    benchmark::DoNotOptimize(message->Get<attr::Priority>());
  }
}

void BM_ParseAndVerifyCheck(benchmark::State& state) {
  std::array<uint8_t, 256> buffer{};
  const IntegrityKey key = Key();
  const ByteView check =
      BuildCheck(buffer, AnyId(), key, static_cast<Protection>(state.range(0)));
  const Meter meter(state);
  for (auto _ : state) {
    const auto message = Message::Parse(check);
    if (!VerifyStrongestIntegrity(*message, key)) {
      state.SkipWithError("does not verify");
    }
  }
}

/// What a flood costs: someone who does not know the key.
void BM_RefuseForgedCheck(benchmark::State& state) {
  std::array<uint8_t, 256> buffer{};
  const IntegrityKey other =
      *IntegrityKey::ShortTerm("not the password at all");
  const ByteView check = BuildCheck(buffer, AnyId(), other, Protection::kSha1);
  const IntegrityKey key = Key();
  const Meter meter(state);
  for (auto _ : state) {
    const auto message = Message::Parse(check);
    if (VerifyStrongestIntegrity(*message, key)) {
      state.SkipWithError("verifies");
    }
  }
}

BENCHMARK(BM_BuildPlainResponse);
BENCHMARK(BM_BuildCheck)->ArgName("integrity")->Arg(0)->Arg(1)->Arg(2);
BENCHMARK(BM_ParseFingerprint)->ArgName("bytes")->Arg(100)->Arg(1200);
BENCHMARK(BM_ParseCheck);
BENCHMARK(BM_ParseAndVerifyCheck)->ArgName("integrity")->Arg(1)->Arg(2);
BENCHMARK(BM_RefuseForgedCheck);

}  // namespace
}  // namespace natkit::stun

BENCHMARK_MAIN();
