// Packets through a simulated internet, host - NAT - network - NAT - host.
//
// `items_per_second` counts a packet once, from the sending program to the
// receiving one; each makes three hops and passes two NATs. `allocs` is calls
// of operator new per packet and must be 0. The target is 500,000 packets a
// second on one core; docs/netsim-world.md has what was measured.

#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "natkit/base/check.h"
#include "natkit/netsim/world.h"

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

namespace natkit::netsim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kInterval = 10us;

/// Sends one datagram per flow, round robin, every kInterval.
class Sender final : public Actor {
 public:
  Sender(World& world, HostId host, size_t size)
      : world_(world), host_(host), payload_(size) {}

  void Start(const Endpoint& from, const std::vector<Endpoint>& to) {
    from_ = from;
    to_ = to;
    next_ = world_.now();
  }

  void Stop() { next_.reset(); }

  void HandleDatagram(Instant /*now*/, const Endpoint& /*local*/,
                      const Endpoint& from, ByteView /*payload*/) override {
    ++received_;
    last_from_ = from;
  }

  [[nodiscard]] std::optional<Instant> NextTimeout() const override {
    return next_;
  }

  void HandleTimeout(Instant now) override {
    (void)world_.SendUdp(host_, from_, to_[turn_], payload_);
    turn_ = turn_ + 1 == to_.size() ? 0 : turn_ + 1;
    next_ = now + kInterval;
  }

  [[nodiscard]] uint64_t received() const { return received_; }

  [[nodiscard]] const Endpoint& last_from() const { return last_from_; }

 private:
  World& world_;
  HostId host_;
  std::vector<uint8_t> payload_;
  Endpoint from_;
  std::vector<Endpoint> to_;
  size_t turn_ = 0;
  std::optional<Instant> next_;
  uint64_t received_ = 0;
  Endpoint last_from_;
};

/// Two homes; a sends to b through a hole that was punched.
class TwoHomes {
 public:
  TwoHomes(const LinkConfig& link, size_t size)
      : internet_(
            world_.AddNetwork("internet", Prefix("198.51.100.0/24"), link)),
        a_(AddHome("a", 1)),
        b_(AddHome("b", 2)),
        sender_(world_, a_, size),
        receiver_(world_, b_, size) {
    NATKIT_CHECK(world_.Attach(a_, sender_).has_value());
    NATKIT_CHECK(world_.Attach(b_, receiver_).has_value());
    // Full cones that preserve ports: each opens its own mapping.
    Send(b_, "192.168.2.2:5000", "198.51.100.1:5000");
    world_.Run(1s);
    sender_.Start(Address("192.168.1.2:5000"), {Address("198.51.100.2:5000")});
    world_.Run(1s);
    NATKIT_CHECK(receiver_.received() > 50'000);
  }

  /// Returns how many packets have arrived.
  uint64_t Run(Duration time) {
    const uint64_t before = receiver_.received();
    world_.Run(time);
    return receiver_.received() - before;
  }

 private:
  static IpPrefix Prefix(const std::string& text) {
    return *IpPrefix::Parse(text);
  }

  static Endpoint Address(const std::string& text) {
    return *Endpoint::Parse(text);
  }

  void Send(HostId host, const std::string& from, const std::string& to) {
    const uint8_t payload = 0;
    NATKIT_CHECK(
        world_.SendUdp(host, Address(from), Address(to), ByteView(&payload, 1))
            .has_value());
  }

  HostId AddHome(const std::string& name, uint8_t number) {
    const NetworkId lan = world_.AddNetwork(
        "lan-" + name, *IpPrefix::Make(IpAddress::V4(192, 168, number, 0), 24));
    NatConfig config;
    config.filtering = Dependence::kEndpointIndependent;
    config.external = {IpAddress::V4(198, 51, 100, number)};
    config.inside_address = IpAddress::V4(192, 168, number, 1);
    world_.AddBox("nat-" + name, lan, internet_, config);
    const HostId host = world_.AddHost(name);
    NATKIT_CHECK(
        world_.AddAddress(host, lan, IpAddress::V4(192, 168, number, 2))
            .has_value());
    return host;
  }

  World world_{1};
  NetworkId internet_;
  HostId a_;
  HostId b_;
  Sender sender_;
  Sender receiver_;
};

void RunHomes(benchmark::State& state, const LinkConfig& link) {
  TwoHomes homes(link, static_cast<size_t>(state.range(0)));
  uint64_t packets = 0;
  const uint64_t before = allocations;
  for (auto _ : state) {
    packets += homes.Run(100ms);
  }
  state.SetItemsProcessed(static_cast<int64_t>(packets));
  state.counters["allocs"] =
      static_cast<double>(allocations - before) / static_cast<double>(packets);
}

void BM_PerfectLinks(benchmark::State& state) {
  RunHomes(state, {});
}

/// 20 ms at 100,000 packets a second: two thousand are under way.
void BM_LongLinks(benchmark::State& state) {
  RunHomes(state, {.delay = 20ms});
}

void BM_TroubledLinks(benchmark::State& state) {
  RunHomes(state, {.delay = 20ms,
                   .jitter = 2ms,
                   .loss = 0.01,
                   .duplicate = 0.001,
                   .reorder = 0.01,
                   .rate = 2'000'000'000});
}

BENCHMARK(BM_PerfectLinks)->Arg(100)->Arg(1200);
BENCHMARK(BM_LongLinks)->Arg(100)->Arg(1200);
BENCHMARK(BM_TroubledLinks)->Arg(100)->Arg(1200);

}  // namespace
}  // namespace natkit::netsim

BENCHMARK_MAIN();
