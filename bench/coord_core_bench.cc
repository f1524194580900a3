// What a change costs the coordination server's core, and what its arrival
// costs a node, without sockets, TLS and a disk: by the nodes that it concerns
// and by those that there are.
#include <benchmark/benchmark.h>
#include <time.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "coord_world.h"
#include "natkit/mesh/control/map_planner.h"

namespace natkit::mesh {
namespace {

constexpr size_t kBuffer = size_t{16} * 1024;

/// One rule for each tag: nodes that have it reach each other.
std::shared_ptr<TagPolicy> GroupPolicy(size_t groups) {
  std::vector<TagPolicy::Rule> rules;
  for (size_t i = 0; i < groups; ++i) {
    const std::string tag = "tag:g" + std::to_string(i);
    rules.push_back({.id = i + 1, .from = tag, .to = tag, .port = 443});
  }
  return std::make_shared<TagPolicy>(std::move(rules));
}

/// A server with `nodes` admitted streams in groups of `group`.
class Fleet {
 public:
  Fleet(size_t nodes, size_t group) : rng_(1) {
    RegistryConfig config;
    config.ipv4 = *IpPrefix::Parse("100.64.0.0/10");
    config.ipv6 = *IpPrefix::Parse("fd7a:1234:5678::/48");
    registry_ = std::move(*Registry::Load(config, store_, rng_, Time().wall));
    server_ = std::make_unique<Coordinator>(CoordinatorConfig{}, *registry_,
                                            rng_, Time());
    const size_t groups = (nodes + group - 1) / group;
    server_->SetPolicy(Time(), GroupPolicy(groups));
    for (size_t i = 0; i < groups; ++i) {
      const Owner owner{.tags = {"tag:g" + std::to_string(i)}};
      keys_.push_back(registry_
                          ->MakeAuthKey(Time().wall, "bench",
                                        {.owner = owner, .is_reusable = true})
                          ->secret);
    }
    for (size_t i = 0; i < nodes; ++i) {
      Join(i, keys_[i / group]);
    }
    Pass(std::chrono::seconds(1));
  }

  [[nodiscard]] ServerTime Time() const {
    using std::chrono::milliseconds;
    return {.now = now_,
            .wall = WallTime(milliseconds(1'800'000'000'000) +
                             std::chrono::duration_cast<milliseconds>(
                                 now_.time_since_epoch()))};
  }

  Registry& registry() { return *registry_; }

  [[nodiscard]] const ControlClient& client(size_t i) const {
    return *clients_[i];
  }

  [[nodiscard]] NodeId IdOf(size_t i) const {
    return registry_->FindByMachine(clients_[i]->machine_key())->id;
  }

  [[nodiscard]] uint64_t deltas() const { return server_->counters().deltas; }

  /// Time passes, and all that follows arrives; the server's CPU time for it.
  Duration Pass(Duration time) {
    now_ += time;
    Duration spent{};
    Measure(spent, [&] { server_->HandleTimeout(Time()); });
    bool moved = true;
    while (moved) {
      moved = Carry(spent);
    }
    return spent;
  }

  /// Call it often: streams on which nobody speaks end.
  void KeepAlive() {
    if (now_ < kept_alive_at_ + std::chrono::seconds(10)) {
      return;
    }
    kept_alive_at_ = now_;
    Duration ignored{};
    for (ConnectionId id = 0; id < clients_.size(); ++id) {
      clients_[id]->HandleTimeout(now_);
      Deliver(id, ignored);
    }
    Pass({});
  }

 private:
  /// Of this thread: a machine that is shared disturbs it little.
  static Duration CpuTime() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) +
           std::chrono::nanoseconds(time.tv_nsec);
  }

  template <class Work>
  static void Measure(Duration& spent, const Work& work) {
    const Duration begun = CpuTime();
    work();
    spent += CpuTime() - begun;
  }

  void Join(size_t i, const std::string& key) {
    ControlClientConfig config;
    rng_.Fill(config.machine_seed.ExposeMutable());
    config.node_key = GeneratePrivateKey(rng_);
    config.signalling_key = GeneratePrivateKey(rng_);
    config.auth_key = SecretString(key);
    config.host_name = "n" + std::to_string(i);
    clients_.push_back(
        std::make_unique<ControlClient>(std::move(config), rng_));
    ControlClient& client = *clients_.back();
    client.Start(now_);
    (void)client.PollCommand();
    std::array<uint8_t, 32> exporter{};
    rng_.Fill(exporter);
    server_->HandleOpen(Time(), i, exporter, IpAddress::V4(192, 0, 2, 1));
    client.HandleOpen(now_, exporter);
    Pass(std::chrono::milliseconds(1));
  }

  bool Carry(Duration& spent) {
    std::vector<ConnectionId> ids;
    Measure(spent, [&] {
      if (!server_->Settle(Time())) {
        std::abort();  // a store in memory does not fail
      }
      ids = server_->TakeWritable();
    });
    for (const ConnectionId id : ids) {
      Deliver(id, spent);
    }
    return !ids.empty();
  }

  void Deliver(ConnectionId id, Duration& spent) {
    ControlClient& client = *clients_[id];
    for (size_t size = 1; size > 0;) {
      Measure(spent, [&] { size = server_->PollBytes(Time(), id, buffer_); });
      client.HandleBytes(now_, ByteView(buffer_).first(size));
    }
    while (client.PollEvent()) {
    }
    const size_t size = client.PollBytes(buffer_);
    Measure(spent, [&] {
      server_->HandleBytes(Time(), id, ByteView(buffer_).first(size));
    });
  }

  SeededRng rng_;
  MemoryStore store_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Coordinator> server_;
  std::vector<std::string> keys_;
  std::vector<std::unique_ptr<ControlClient>> clients_;
  std::vector<uint8_t> buffer_ = std::vector<uint8_t>(kBuffer);
  Instant now_{std::chrono::hours(1)};
  Instant kept_alive_at_{};
};

/// Made once: joining thousands takes longer than what is measured.
Fleet& FleetOf(size_t nodes, size_t group) {
  static std::map<std::pair<size_t, size_t>, std::unique_ptr<Fleet>> fleets;
  auto& fleet = fleets[{nodes, group}];
  if (!fleet) {
    fleet = std::make_unique<Fleet>(nodes, group);
  }
  return *fleet;
}

double InSeconds(Duration time) {
  return std::chrono::duration<double>(time).count();
}

void EndpointChange(benchmark::State& state) {
  const auto nodes = static_cast<size_t>(state.range(0));
  const auto group = static_cast<size_t>(state.range(1));
  Fleet& fleet = FleetOf(nodes, group);
  const NodeId node = fleet.IdOf(0);
  const uint64_t before = fleet.deltas();
  uint16_t port = 0;
  for (auto _ : state) {
    const std::vector<Endpoint> endpoints = {
        {IpAddress::V4(192, 0, 2, 1), ++port}};
    fleet.registry().Report(fleet.Time().wall, node, {.endpoints = endpoints});
    Duration spent = fleet.Pass({});
    spent += fleet.Pass(std::chrono::milliseconds(50));
    state.SetIterationTime(InSeconds(spent));
    fleet.KeepAlive();
  }
  state.counters["told"] = static_cast<double>(fleet.deltas() - before) /
                           static_cast<double>(state.iterations());
}

/// What the arrival of a change costs a node that sees all `nodes`.
void PlanOfChange(benchmark::State& state) {
  const auto nodes = static_cast<size_t>(state.range(0));
  const Fleet& fleet = FleetOf(nodes, nodes);
  const NetworkMap& map = fleet.client(0).map()->map();
  MapPlanner planner;
  MapChanges all{.is_whole = true};
  (void)planner.Plan(map, all, {});
  MapChanges one;
  one.items.insert(KeyOf(ItemClass::kPeer, map.peers.begin()->first));
  for (auto _ : state) {
    benchmark::DoNotOptimize(planner.Plan(map, one, {}));
  }
}

}  // namespace
}  // namespace natkit::mesh

int main(int argc, char** argv) {
  using namespace natkit::mesh;
  benchmark::RegisterBenchmark("EndpointChange/nodes/group", EndpointChange)
      ->Args({100, 100})
      ->Args({500, 100})
      ->Args({2000, 100})
      ->Args({2000, 10})
      ->Args({500, 500})
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
  benchmark::RegisterBenchmark("PlanOfChange/nodes", PlanOfChange)
      ->Arg(10)
      ->Arg(100)
      ->Arg(500)
      ->Unit(benchmark::kMicrosecond);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
