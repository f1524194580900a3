// What the server's core costs for each request, without any I/O.

#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "natkit/base/rng.h"
#include "natkit/nat/stun_message_builder.h"
#include "natkit/nat/stun_server.h"

namespace natkit::stun {
namespace {

const Endpoint kLocal{.address = IpAddress::V4(198, 51, 100, 1), .port = 3478};

using Bytes = std::vector<uint8_t>;

Bytes Plain() {
  std::array<uint8_t, 64> buffer{};
  MessageBuilder builder(buffer, kBindingRequest, {});
  const auto message = builder.Finish();
  return {message->begin(), message->end()};
}

Bytes Tailscale() {
  std::array<uint8_t, 64> buffer{};
  MessageBuilder builder(buffer, kBindingRequest, {});
  builder.Add<attr::Software>("tailnode").AddFingerprint();
  const auto message = builder.Finish();
  return {message->begin(), message->end()};
}

Bytes ChangeBoth() {
  std::array<uint8_t, 64> buffer{};
  MessageBuilder builder(buffer, kBindingRequest, {});
  builder.Add<attr::ChangeRequest>({.change_ip = true, .change_port = true});
  const auto message = builder.Finish();
  return {message->begin(), message->end()};
}

ServerConfig Generous() {
  ServerConfig config;
  config.rate_limit = nat::RateLimit{
      .per_second = 1'000'000, .burst = 1'000'000, .bucket_count = 65536};
  return config;
}

ServerConfig Discovering() {
  ServerConfig config = Generous();
  config.discovery.emplace();
  config.discovery->endpoints.push_back(
      {.addresses = {kLocal.address, IpAddress::V4(198, 51, 100, 2)},
       .ports = {3478, 3479},
       .advertised = {}});
  return config;
}

void Run(benchmark::State& state, ServerConfig config, const Bytes& request) {
  SeededRng rng(1);
  StunServer server(std::move(config), rng);
  std::array<uint8_t, StunServer::kMaxResponseSize> out;
  uint32_t source = 0;
  Instant now{};
  for (auto _ : state) {
    ++source;
    now += std::chrono::microseconds(1);
    const Endpoint from{
        .address = IpAddress::V4(100, static_cast<uint8_t>(source >> 16U),
                                 static_cast<uint8_t>(source >> 8U),
                                 static_cast<uint8_t>(source)),
        .port = 5000};
    benchmark::DoNotOptimize(
        server.HandleDatagram(now, kLocal, from, request, out));
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["answered"] = static_cast<double>(server.counters().answered) /
                               static_cast<double>(state.iterations());
}

void BM_Plain(benchmark::State& state) {
  Run(state, Generous(), Plain());
}

void BM_PlainBalanced(benchmark::State& state) {
  ServerConfig config = Generous();
  config.amplification = AmplificationPolicy::kBalanced;
  Run(state, std::move(config), Plain());
}

void BM_PlainUnlimited(benchmark::State& state) {
  ServerConfig config;
  config.rate_limit.reset();
  Run(state, std::move(config), Plain());
}

void BM_Tailscale(benchmark::State& state) {
  Run(state, Generous(), Tailscale());
}

void BM_Discovery(benchmark::State& state) {
  Run(state, Discovering(), ChangeBoth());
}

void BM_Garbage(benchmark::State& state) {
  Run(state, Generous(), Bytes(100, 0x55));
}

BENCHMARK(BM_Plain);
BENCHMARK(BM_PlainBalanced);
BENCHMARK(BM_PlainUnlimited);
BENCHMARK(BM_Tailscale);
BENCHMARK(BM_Discovery);
BENCHMARK(BM_Garbage);

}  // namespace
}  // namespace natkit::stun

BENCHMARK_MAIN();
