#include "behavior_bench.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <utility>

#include "natkit/base/check.h"
#include "natkit/netsim/profile.h"
#include "natkit/netsim/sim_rng.h"
#include "world_stun_server.h"

namespace natkit::sim {
namespace {

using netsim::BoxId;
using netsim::HostId;
using netsim::NatConfig;
using netsim::NetworkId;

IpAddress Outside(uint8_t last) {
  return IpAddress::V4(203, 0, 113, last);
}

IpAddress Outside6(uint8_t last) {
  return IpAddress::V6(
      {0x20, 0x01, 0x0d, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, last});
}

/// 64:ff9b::a.b.c.d (RFC 6052 section 2.2).
IpAddress Synthesize(const IpAddress& v4) {
  std::array<uint8_t, 16> bytes{0x00, 0x64, 0xff, 0x9b};
  std::ranges::copy(v4.bytes(), bytes.begin() + 12);
  return IpAddress::V6(bytes);
}

/// Carriers and one-to-one NATs have several addresses.
bool HasPool(const NatConfig& config) {
  return config.translation == netsim::Translation::kOneToOne ||
         config.port_assignment == netsim::PortAssignment::kDynamicBlock ||
         config.port_assignment == netsim::PortAssignment::kDeterministicBlock;
}

}  // namespace

BenchConfig BenchFor(std::string_view name) {
  const netsim::ProfileInfo* profile = netsim::FindProfile(name);
  NATKIT_CHECK(profile != nullptr);
  BenchConfig config;
  config.home = profile->make();
  if (!profile->carrier.empty()) {
    config.carrier = netsim::FindProfile(profile->carrier)->make();
  }
  return config;
}

BenchConfig Ipv6Bench(netsim::Ipv6Mode mode, netsim::Dependence filtering) {
  BenchConfig config = BenchFor("firewall-only");
  config.is_v6 = true;
  config.home.ipv6 = mode;
  config.home.filtering = filtering;
  return config;
}

class BehaviorBench::Impl {
 public:
  explicit Impl(BenchConfig config)
      : config_(std::move(config)),
        is_v6_(config_.is_v6 ||
               config_.home.translation == netsim::Translation::kNat64),
        world_(config_.seed),
        rng_(netsim::DeriveSeed(config_.seed, "discovery")),
        ports_(netsim::DeriveSeed(config_.seed, "ports")) {
    BuildOutside();
    BuildInside();
  }

  const nat::BehaviorReport& Run();

  netsim::World& world() { return world_; }

 private:
  /// One socket of the discovery.
  class Port : public netsim::Actor {
   public:
    Port(Impl& bench, nat::SocketNumber number, HostId host,
         const Endpoint& local)
        : bench_(bench), number_(number), host_(host), local_(local) {}

    ~Port() override { bench_.world_.Detach(*this); }

    void HandleDatagram(Instant now, const Endpoint&, const Endpoint& from,
                        ByteView payload) override {
      bench_.discovery_->HandleDatagram(now, number_, from, payload);
      bench_.is_busy_ = true;
    }

    void HandleIcmpError(Instant now, const netsim::IcmpReport& icmp) override {
      bench_.discovery_->HandleIcmpError(now, number_,
                                         {.from = icmp.from,
                                          .to = icmp.remote,
                                          .type = icmp.type,
                                          .code = icmp.code});
      bench_.is_busy_ = true;
    }

    void Send(const nat::SendDatagram& datagram) {
      netsim::SendOptions options;
      options.ttl = datagram.ttl == 0 ? options.ttl : datagram.ttl;
      static_cast<void>(bench_.world_.SendUdp(host_, local_, datagram.to,
                                              datagram.payload, options));
    }

   private:
    Impl& bench_;
    nat::SocketNumber number_;
    HostId host_;
    Endpoint local_;
  };

  void BuildOutside();
  void BuildInside();
  void Drain();
  void Open(const nat::OpenSocket& wish);

  /// Of servers, as they are outside.
  [[nodiscard]] IpAddress ServerAddress(uint8_t last) const {
    return config_.is_v6 ? Outside6(last) : Outside(last);
  }

  [[nodiscard]] IpAddress InsideAddress(uint8_t last) const {
    return is_v6_ ? IpAddress::V6({0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0,
                                   0, 0, 0, 0, last})
                  : IpAddress::V4(192, 168, 1, last);
  }

  BenchConfig config_;
  bool is_v6_;
  netsim::World world_;
  SeededRng rng_;
  netsim::SimRng ports_;
  NetworkId internet_{};
  std::optional<WorldStunServer> server_;
  std::optional<SimBehaviorServer> liar_;
  std::map<IpAddress, HostId> hosts_;
  std::unique_ptr<nat::BehaviorDiscovery> discovery_;
  std::map<nat::SocketNumber, std::unique_ptr<Port>> sockets_;
  bool is_busy_ = false;
};

void BehaviorBench::Impl::BuildOutside() {
  netsim::LinkConfig link;
  link.delay = config_.delay;
  link.loss = config_.loss;
  link.jitter = config_.jitter;
  link.duplicate = config_.duplicate;
  link.reorder = config_.reorder;
  link.reorder_delay = std::chrono::milliseconds(30);
  internet_ = world_.AddNetwork(
      "internet",
      IpPrefix::Make(ServerAddress(0), config_.is_v6 ? 64 : 24).value(), link);
  if (config_.fault == ServerFault::kNone) {
    stun::ServerConfig config = WorldStunServer::DefaultConfig();
    config.rate_limit = config_.rate_limit;
    server_.emplace(world_, internet_, "server", ServerAddress(1),
                    ServerAddress(2), std::move(config));
  } else {
    const HostId host = world_.AddHost("server");
    for (const uint8_t last : {uint8_t{1}, uint8_t{2}}) {
      NATKIT_CHECK(
          world_.AddAddress(host, internet_, Outside(last)).has_value());
    }
    liar_.emplace(world_, host, Outside(1), Outside(2), config_.fault);
    if (config_.server_life > Duration{}) {
      liar_->StopAt(world_.now() + config_.server_life);
    }
    server_.emplace(world_, internet_, "third", SimBehaviorServer::kThird,
                    Outside(4));
  }
  for (const uint8_t last : {uint8_t{1}, uint8_t{2}}) {
    for (const uint16_t port :
         {WorldStunServer::kPort1, WorldStunServer::kPort2}) {
      config_.discovery.servers.push_back(
          {.address = is_v6_ && !config_.is_v6 ? Synthesize(Outside(last))
                                               : ServerAddress(last),
           .port = port});
    }
  }
  config_.discovery.servers.resize(
      std::min(config_.discovery.servers.size(), config_.max_servers));
}

void BehaviorBench::Impl::BuildInside() {
  const IpPrefix lan =
      IpPrefix::Make(InsideAddress(0), is_v6_ ? 64 : 24).value();
  const NetworkId inside = world_.AddNetwork("lan", lan);
  NetworkId outside = internet_;
  NatConfig home = config_.home;
  std::vector<IpAddress> pool = {Outside(20), Outside(21), Outside(22),
                                 Outside(23)};
  if (config_.pool > 0) {
    pool.resize(std::min(pool.size(), config_.pool));
  }
  if (config_.carrier) {
    outside = world_.AddNetwork(
        "access", IpPrefix::Make(IpAddress::V4(100, 64, 0, 0), 24).value());
    NatConfig carrier = *config_.carrier;
    carrier.inside_address = IpAddress::V4(100, 64, 0, 1);
    carrier.external = pool;
    world_.AddBox("carrier", outside, internet_, carrier);
    home.external = {IpAddress::V4(100, 64, 0, 2)};
  } else {
    home.external =
        config_.pool > 0 || HasPool(home) ? pool : std::vector{pool[0]};
  }
  if (is_v6_) {
    home.inside_address6 = InsideAddress(254);
    home.inside_prefix6 = lan;
    if (config_.is_v6) {
      home.outside_address6 = Outside6(20);
      home.outside_prefix6 =
          IpPrefix::Make(IpAddress::V6({0x20, 0x01, 0x0d, 0xb8, 0, 3}), 64)
              .value();
    }
  } else {
    home.inside_address = InsideAddress(254);
    home.ipv6 = netsim::Ipv6Mode::kDrop;
  }
  config_.discovery.gateway = InsideAddress(254);
  if (!config_.discovery.nat64_prefixes && is_v6_) {
    config_.discovery.nat64_prefixes.emplace();
    if (!config_.is_v6) {
      config_.discovery.nat64_prefixes->push_back(config_.home.nat64_prefix);
    }
  }
  world_.AddBox("home", inside, outside, home);
  for (size_t i = 0; i < config_.hosts; ++i) {
    const HostId host = world_.AddHost("h" + std::to_string(i + 1));
    const IpAddress address = InsideAddress(static_cast<uint8_t>(10 + i));
    NATKIT_CHECK(world_.AddAddress(host, inside, address).has_value());
    hosts_.emplace(address, host);
    config_.discovery.local_addresses.push_back(address);
  }
}

void BehaviorBench::Impl::Open(const nat::OpenSocket& wish) {
  const HostId host = hosts_.at(wish.local.address);
  Endpoint local = wish.local;
  for (int i = 0; i < 64; ++i) {
    if (wish.local.port == 0) {
      local.port = static_cast<uint16_t>(32768 + ports_.NextBelow(28000));
    }
    auto port = std::make_unique<Port>(*this, wish.socket, host, local);
    if (world_.Attach(host, *port, local.port)) {
      sockets_.emplace(wish.socket, std::move(port));
      discovery_->HandleSocketOpened(world_.now(), wish.socket, local);
      return;
    }
    if (wish.local.port != 0) {
      break;
    }
  }
  discovery_->HandleSocketOpened(world_.now(), wish.socket,
                                 Fail(Errc::kAddressInUse));
}

void BehaviorBench::Impl::Drain() {
  while (const auto action = discovery_->PollAction()) {
    if (const auto* open = std::get_if<nat::OpenSocket>(&*action)) {
      Open(*open);
    } else if (const auto* close = std::get_if<nat::CloseSocket>(&*action)) {
      sockets_.erase(close->socket);
    } else if (const auto* send = std::get_if<nat::SendDatagram>(&*action)) {
      sockets_.at(send->socket)->Send(*send);
    }
  }
}

const nat::BehaviorReport& BehaviorBench::Impl::Run() {
  discovery_ =
      std::make_unique<nat::BehaviorDiscovery>(config_.discovery, rng_);
  discovery_->Start(world_.now());
  Drain();
  while (!discovery_->is_finished()) {
    const auto next = discovery_->NextTimeout();
    NATKIT_CHECK(next.has_value());
    is_busy_ = false;
    world_.Run(std::max(*next - world_.now(), Duration{}),
               [this] { return is_busy_; });
    if (world_.now() >= *next) {
      discovery_->HandleTimeout(world_.now());
    }
    Drain();
  }
  return discovery_->report();
}

BehaviorBench::BehaviorBench(BenchConfig config)
    : impl_(std::make_unique<Impl>(std::move(config))) {}

BehaviorBench::~BehaviorBench() = default;

const nat::BehaviorReport& BehaviorBench::Run() {
  return impl_->Run();
}

netsim::World& BehaviorBench::world() {
  return impl_->world();
}

std::string Describe(const nat::BehaviorReport& report) {
  std::string text;
  for (const auto& [axis, verdict] : report.verdicts) {
    if (verdict.outcome == nat::Outcome::kUntested) {
      continue;
    }
    text += "  " + std::string(nat::AxisName(axis)) + ": " +
            std::string(nat::OutcomeName(verdict.outcome)) + " " +
            verdict.value +
            (verdict.reason.empty() ? "" : " (" + verdict.reason + ")") + ", " +
            std::to_string(verdict.evidence.size()) + " probes\n";
  }
  text += "  ports:";
  for (const nat::Probe& probe :
       report.verdict(nat::Axis::kAllocation).evidence) {
    text += ' ' + std::to_string(probe.local.port) + "->" +
            (probe.mapped ? std::to_string(probe.mapped->port) : "?");
  }
  return text + "\n  " + std::to_string(report.datagrams_sent) + " sent, " +
         std::to_string(report.datagrams_received) + " received, " +
         std::to_string(
             std::chrono::duration_cast<std::chrono::seconds>(report.took)
                 .count()) +
         " s\n";
}

}  // namespace natkit::sim
