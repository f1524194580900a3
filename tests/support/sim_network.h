#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/netsim/world.h"

namespace natkit::sim {

using netsim::Dependence;

/// How one simulated NAT behaves. New mappings get random ports.
struct NatBehavior {
  Dependence mapping = Dependence::kEndpointIndependent;
  Dependence filtering = Dependence::kAddressAndPortDependent;
  /// A mapping without outbound packets for this long is gone.
  Duration lifetime = std::chrono::seconds(120);
  bool hairpin = false;
  /// Off: a firewall; addresses and ports stay what they are.
  bool translates = true;
  /// On its inside address, SimNetwork::RouterOf().
  netsim::PortMappingServices services = {};
};

/// Something with a deadline in a simulation.
class SimActor {
 public:
  virtual ~SimActor() = default;
  [[nodiscard]] virtual std::optional<Instant> NextTimeout() const = 0;
  virtual void HandleTimeout(Instant now) = 0;
};

/// Datagrams between simulated hosts, through NATs that may be nested: a view
/// of netsim's World in which any address may stand behind any NAT.
///
/// A realm is an address space: the Internet is realm 0, each NAT opens one
/// behind it. A packet to an address of its own realm goes there; any other
/// goes out through the realm's NAT.
class SimNetwork {
 public:
  using RealmId = size_t;
  using HostId = size_t;
  using Receiver = std::function<void(Instant now, const Endpoint& local,
                                      const Endpoint& from, ByteView payload)>;
  static constexpr RealmId kInternet = 0;

  explicit SimNetwork(uint64_t seed) : world_(seed) {
    AddRealm(IpPrefix(), std::chrono::milliseconds(25));
    // Somebody must keep time where there are no hosts.
    AddHost(nullptr);
  }

  /// Opens the realm behind a NAT with the address `external` in `outer`. A
  /// firewall needs to be told which addresses are inside.
  RealmId AddNat(RealmId outer, const IpAddress& external,
                 const NatBehavior& behavior,
                 std::optional<IpPrefix> inside = std::nullopt) {
    const auto number = static_cast<uint8_t>(realms_.size());
    netsim::NatConfig config;
    config.external = {external};
    config.inside_address = RouterOf(number);
    config.translation = behavior.translates ? netsim::Translation::kNapt
                                             : netsim::Translation::kNone;
    config.mapping = behavior.mapping;
    config.filtering = behavior.filtering;
    config.port_assignment = netsim::PortAssignment::kRandom;
    config.hairpinning = behavior.hairpin ? netsim::Hairpinning::kExternalSource
                                          : netsim::Hairpinning::kNone;
    config.services = behavior.services;
    config.timeouts.udp_unreplied = behavior.lifetime;
    config.timeouts.udp_assured = behavior.lifetime;
    return AddBox(outer, config,
                  inside.value_or(*IpPrefix::Make(config.inside_address, 32)));
  }

  /// The same with every parameter of the box.
  RealmId AddNat(RealmId outer, netsim::NatConfig config) {
    const auto number = static_cast<uint8_t>(realms_.size());
    config.inside_address = IpAddress::V4(172, 31, 255, number);
    return AddBox(outer, config, *IpPrefix::Make(config.inside_address, 32));
  }

  /// Opens a realm whose addresses, the /24 of `inside`, are visible in
  /// `outer`.
  RealmId AddRouter(RealmId outer, const IpAddress& external,
                    const IpAddress& inside) {
    netsim::NatConfig config;
    config.translation = netsim::Translation::kNone;
    config.filtering = netsim::Dependence::kEndpointIndependent;
    config.external = {external};
    config.inside_address = inside;
    return AddBox(outer, config, *IpPrefix::Make(inside, 24));
  }

  /// The inside address of the NAT in front of a realm.
  [[nodiscard]] static IpAddress RouterOf(RealmId inner) {
    return IpAddress::V4(172, 31, 255, static_cast<uint8_t>(inner));
  }

  HostId AddHost(Receiver receiver) {
    const netsim::HostId id =
        world_.AddHost("host-" + std::to_string(hosts_.size()));
    hosts_.emplace_back(*this, id, std::move(receiver));
    NATKIT_CHECK(world_.Attach(id, hosts_.back()));
    return hosts_.size() - 1;
  }

  /// Gives a host an address; it may have several, also in several realms.
  void AddAddress(HostId host, RealmId realm, const IpAddress& address) {
    NATKIT_CHECK(
        world_.AddAddress(hosts_[host].id, realms_[realm].network, address));
    hosts_[host].realm = realm;
  }

  /// Takes an address away; packets to it are lost from then on.
  void RemoveAddress(HostId host, const IpAddress& address) {
    (void)world_.RemoveAddress(hosts_[host].id, address);
  }

  /// Sends from one of the host's addresses; else the packet is lost.
  void Send(Instant /*now*/, HostId host, const Endpoint& from,
            const Endpoint& to, ByteView payload,
            std::optional<uint8_t> ttl = std::nullopt) {
    ++sent_;
    if (is_eaten_ && is_eaten_(host, payload)) {
      return;
    }
    (void)world_.SendUdp(hosts_[host].id, from, to, payload,
                         {.ttl = ttl.value_or(64)});
  }

  /// Blocks UDP at the NAT of a host.
  void SetUdpBlocked(HostId host, bool is_blocked) {
    world_.SetUdpBlocked(*realms_[hosts_[host].realm].box, is_blocked);
  }

  /// Drops everything from `from` to `to` (as seen in the realm of `to`).
  void Cut(const IpAddress& from, const IpAddress& to) { world_.Cut(from, to); }

  void Mend() { world_.Mend(); }

  /// Eats datagrams for which `is_eaten` says so; nullptr: none any more.
  void SetEater(std::function<bool(HostId host, ByteView payload)> is_eaten) {
    is_eaten_ = std::move(is_eaten);
  }

  /// Share of the packets through the Internet lost, 0 to 1.
  void SetLoss(double share) {
    realms_[kInternet].link.loss = share;
    ApplyLinks();
  }

  void SetDelay(RealmId realm, Duration one_way) {
    realms_[realm].link.delay = one_way;
    ApplyLinks();
  }

  /// Each crossing takes up to this much longer, at random.
  void SetJitter(Duration jitter) {
    for (Realm& realm : realms_) {
      realm.link.jitter = jitter;
    }
    ApplyLinks();
  }

  /// Makes the NAT in front of a realm forget every mapping.
  /// `external`: the address that it gets then.
  void Reboot(RealmId inner, std::optional<IpAddress> external = std::nullopt) {
    world_.Reboot(*realms_[inner].box, external);
  }

  /// Datagrams that hosts have sent.
  [[nodiscard]] uint64_t sent() const { return sent_; }

 private:
  friend class SimWorld;

  struct Realm {
    netsim::NetworkId network{};
    netsim::LinkConfig link;
    std::optional<netsim::BoxId> box;
  };

  /// A host's programs. Any actor may have changed after anything that happens
  /// at any host, so each keeps the time of all.
  struct Host final : public netsim::Actor {
    Host(SimNetwork& owner, netsim::HostId number, Receiver function)
        : network(owner), id(number), receiver(std::move(function)) {}

    void HandleDatagram(Instant now, const Endpoint& local,
                        const Endpoint& from, ByteView payload) override {
      receiver(now, local, from, payload);
    }

    [[nodiscard]] std::optional<Instant> NextTimeout() const override {
      std::optional<Instant> next;
      for (const SimActor* actor : network.actors_) {
        const auto deadline = actor->NextTimeout();
        if (deadline && (!next || *deadline < *next)) {
          next = deadline;
        }
      }
      return next;
    }

    void HandleTimeout(Instant now) override {
      for (SimActor* actor : network.actors_) {
        if (actor->NextTimeout().value_or(Instant::max()) <= now) {
          actor->HandleTimeout(now);
        }
      }
    }

    SimNetwork& network;
    netsim::HostId id;
    Receiver receiver;
    RealmId realm = kInternet;
  };

  RealmId AddBox(RealmId outer, const netsim::NatConfig& config,
                 const IpPrefix& inside) {
    const RealmId inner = AddRealm(inside, std::chrono::milliseconds(1));
    realms_[inner].box =
        world_.AddBox("nat-" + std::to_string(inner), realms_[inner].network,
                      realms_[outer].network, config);
    return inner;
  }

  RealmId AddRealm(const IpPrefix& cidr, Duration delay) {
    Realm& realm = realms_.emplace_back();
    realm.link = {.delay = delay, .jitter = realms_.front().link.jitter};
    realm.network = world_.AddNetwork(
        "realm-" + std::to_string(realms_.size() - 1), cidr, realm.link);
    return realms_.size() - 1;
  }

  void ApplyLinks() {
    for (const Realm& realm : realms_) {
      world_.SetNetworkLink(realm.network, realm.link);
    }
  }

  netsim::World world_;
  std::vector<Realm> realms_;
  std::deque<Host> hosts_;
  std::vector<SimActor*> actors_;
  uint64_t sent_ = 0;
  std::function<bool(HostId, ByteView)> is_eaten_;
};

/// Virtual time over a network and its actors.
class SimWorld {
 public:
  explicit SimWorld(uint64_t seed) : network_(seed) {}

  void Add(SimActor& actor) { network_.actors_.push_back(&actor); }

  [[nodiscard]] SimNetwork& network() { return network_; }

  [[nodiscard]] Instant now() const { return network_.world_.now(); }

  /// Runs until `is_done` or for `limit`; returns whether it is done. Without a
  /// condition it always runs for `limit`.
  bool Run(Duration limit, const std::function<bool()>& is_done = nullptr) {
    return network_.world_.Run(limit, is_done);
  }

 private:
  SimNetwork network_;
};

}  // namespace natkit::sim
