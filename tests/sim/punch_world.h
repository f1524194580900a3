#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/check.h"
#include "natkit/netsim/world.h"
#include "sim_punch_host.h"

namespace natkit::netsim {

/// One side: its NAT, and what its puncher is told.
struct PunchSideSpec {
  NatConfig nat;
  nat::HardPunchConfig punch;
  size_t addresses = 1;  ///< of the NAT
};

struct PunchWorldSpec {
  PunchSideSpec a;  ///< the initiator
  PunchSideSpec b;
  Duration delay = std::chrono::milliseconds(20);
  double loss = 0;
  uint64_t seed = 1;
};

/// Two hosts, each behind a NAT, each NAT behind its provider's router:
/// host - NAT - router - internet. A TTL of 2 gets through the own NAT and ends
/// at the own router.
class PunchWorld {
 public:
  static constexpr uint8_t kOpenerTtl = 2;

  explicit PunchWorld(const PunchWorldSpec& spec) : world_(spec.seed) {
    const auto internet = world_.AddNetwork(
        "internet", *IpPrefix::Parse("198.51.100.0/24"),
        {.delay = spec.delay, .jitter = spec.delay / 10, .loss = spec.loss});
    const auto servers = AddServers(internet);
    AddSide(0, spec.a, internet, servers, spec);
    AddSide(1, spec.b, internet, servers, spec);
    sides_[0].program->Connect(*sides_[1].program);
    sides_[1].program->Connect(*sides_[0].program);
  }

  /// Runs the attempt; true if both sides found a path.
  bool Run(Duration limit = std::chrono::seconds(120)) {
    sides_[0].program->Start();
    (void)world_.Run(limit, [this] { return a().is_over() && b().is_over(); });
    return a().has_hit() && b().has_hit();
  }

  [[nodiscard]] PunchHost& a() { return *sides_[0].program; }

  [[nodiscard]] PunchHost& b() { return *sides_[1].program; }

  [[nodiscard]] World& world() { return world_; }

  [[nodiscard]] const NatEngine& nat(size_t side) const {
    return world_.engine(sides_[side].nat);
  }

  [[nodiscard]] const NatEngine& router(size_t side) const {
    return world_.engine(sides_[side].router);
  }

  [[nodiscard]] NetworkId lan(size_t side) const { return sides_[side].lan; }

 private:
  struct Side {
    BoxId nat{};
    BoxId router{};
    NetworkId lan{};
    std::unique_ptr<PunchHost> program;
  };

  std::vector<Endpoint> AddServers(NetworkId internet) {
    const HostId host = world_.AddHost("stun");
    std::vector<Endpoint> servers;
    for (uint8_t i = 0; i < 6; ++i) {
      const auto address = IpAddress::V4(198, 51, 100, 200 + i);
      NATKIT_CHECK(world_.AddAddress(host, internet, address).has_value());
      servers.push_back({address, 3478});
      servers.push_back({address, 3479});
    }
    stun_ = std::make_unique<PunchStunServer>(world_, host);
    NATKIT_CHECK(world_.Attach(host, *stun_, 0).has_value());
    return servers;
  }

  void AddSide(size_t index, PunchSideSpec spec, NetworkId internet,
               const std::vector<Endpoint>& servers,
               const PunchWorldSpec& all) {
    Side& side = sides_[index];
    const auto number = static_cast<uint8_t>(index + 1);
    const std::string name = index == 0 ? "a" : "b";
    const auto access = world_.AddNetwork(
        name + "-access",
        *IpPrefix::Make(IpAddress::V4(100, number, 0, 0), 24));
    side.lan = world_.AddNetwork(
        name + "-lan", *IpPrefix::Make(IpAddress::V4(10, number, 0, 0), 24));
    NatConfig router;
    router.translation = Translation::kNone;
    router.filtering = Dependence::kEndpointIndependent;
    router.external = {IpAddress::V4(198, 51, 100, number)};
    router.inside_address = IpAddress::V4(100, number, 0, 1);
    NATKIT_CHECK(FindProblems(router).empty());
    side.router = world_.AddBox(name + "-router", access, internet, router);
    for (size_t i = 0; i < spec.addresses; ++i) {
      spec.nat.external.push_back(
          IpAddress::V4(100, number, 0, static_cast<uint8_t>(10 + i)));
    }
    spec.nat.inside_address = IpAddress::V4(10, number, 0, 1);
    NATKIT_CHECK(FindProblems(spec.nat).empty());
    side.nat = world_.AddBox(name + "-nat", side.lan, access, spec.nat);
    const HostId host = world_.AddHost(name);
    const auto address = IpAddress::V4(10, number, 0, 2);
    NATKIT_CHECK(world_.AddAddress(host, side.lan, address).has_value());
    const bool is_first = index == 0;
    spec.punch.is_allowed = true;
    spec.punch.main = {address, 40000};
    spec.punch.stun_servers = servers;
    spec.punch.opener_ttl =
        spec.punch.opener_ttl ? kOpenerTtl : spec.punch.opener_ttl;
    spec.punch.role =
        is_first ? ice::Role::kControlling : ice::Role::kControlled;
    const ice::Credentials a{"aaaaaaaa", "aaaaaaaaaaaaaaaaaaaaaaaa"};
    const ice::Credentials b{"bbbbbbbb", "bbbbbbbbbbbbbbbbbbbbbbbb"};
    spec.punch.local = is_first ? a : b;
    spec.punch.remote = is_first ? b : a;
    side.program =
        std::make_unique<PunchHost>(world_, host, std::move(spec.punch),
                                    all.seed * 2 + index, 2 * all.delay);
    NATKIT_CHECK(world_.Attach(host, *side.program, 0).has_value());
  }

  World world_;
  std::unique_ptr<PunchStunServer> stun_;
  Side sides_[2];
};

}  // namespace natkit::netsim
