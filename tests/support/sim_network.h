#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "sim_nat.h"

namespace natkit::sim {

/// Datagrams between simulated hosts in virtual time, through NATs that may be
/// nested.
///
/// A realm is an address space: the Internet is realm 0, each NAT opens one
/// behind it. A packet to an address of its own realm goes there; any other
/// goes out through the realm's NAT. Crossing into a realm costs that realm's
/// delay; filters are asked when the packet arrives.
class SimNetwork {
 public:
  using RealmId = size_t;
  using HostId = size_t;
  using Receiver = std::function<void(Instant now, const Endpoint& local,
                                      const Endpoint& from, ByteView payload)>;
  static constexpr RealmId kInternet = 0;

  explicit SimNetwork(uint64_t seed) : rng_(seed) {
    realms_.push_back({.delay = std::chrono::milliseconds(25)});
  }

  /// Opens the realm behind a NAT with the address `external` in `outer`.
  RealmId AddNat(RealmId outer, const IpAddress& external,
                 const NatBehavior& behavior) {
    nats_.emplace_back(external, behavior, rng_);
    const RealmId inner = realms_.size();
    realms_.push_back({.outer = outer,
                       .nat = &nats_.back(),
                       .delay = std::chrono::milliseconds(1)});
    realms_[outer].nats[external] = inner;
    return inner;
  }

  HostId AddHost(Receiver receiver) {
    hosts_.push_back({.receiver = std::move(receiver)});
    return hosts_.size() - 1;
  }

  /// Gives a host an address; it may have several, also in several realms.
  void AddAddress(HostId host, RealmId realm, const IpAddress& address) {
    hosts_[host].addresses[address] = realm;
    realms_[realm].hosts[address] = host;
    if (realms_[realm].nat != nullptr &&
        !realms_[realm].nat->behavior().translates) {
      // Behind a plain firewall addresses are visible outside.
      realms_[realms_[realm].outer].nats[address] = realm;
    }
  }

  /// Takes an address away; packets to it are lost from then on.
  void RemoveAddress(HostId host, const IpAddress& address) {
    const auto found = hosts_[host].addresses.find(address);
    if (found != hosts_[host].addresses.end()) {
      realms_[found->second].hosts.erase(address);
      hosts_[host].addresses.erase(found);
    }
  }

  /// Sends from one of the host's addresses; else the packet is lost.
  void Send(Instant now, HostId host, const Endpoint& from, const Endpoint& to,
            ByteView payload) {
    ++sent_;
    const auto source = hosts_[host].addresses.find(from.address);
    if (source == hosts_[host].addresses.end() || IsLost()) {
      return;
    }
    Packet packet{
        .from = from, .to = to, .payload = {payload.begin(), payload.end()}};
    const RealmId realm = source->second;
    if (realms_[realm].hosts.contains(to.address)) {
      Schedule(now, realm, std::move(packet));
    } else if (!hosts_[host].is_udp_blocked) {
      GoOut(now, realm, std::move(packet));
    }
  }

  void SetUdpBlocked(HostId host, bool is_blocked) {
    hosts_[host].is_udp_blocked = is_blocked;
  }

  /// Drops everything from `from` to `to` (as seen in the realm of `to`).
  void Cut(const IpAddress& from, const IpAddress& to) {
    cuts_.insert({from, to});
  }

  void Mend() { cuts_.clear(); }

  /// Share of packets lost, 0 to 1.
  void SetLoss(double share) { loss_ = share; }

  void SetDelay(RealmId realm, Duration one_way) {
    realms_[realm].delay = one_way;
  }

  /// Each crossing takes up to this much longer, at random.
  void SetJitter(Duration jitter) { jitter_ = jitter; }

  [[nodiscard]] SimNat& nat(RealmId inner) { return *realms_[inner].nat; }

  [[nodiscard]] uint64_t sent() const { return sent_; }

  /// When the next packet arrives somewhere.
  [[nodiscard]] std::optional<Instant> NextTimeout() const {
    if (queue_.empty()) {
      return std::nullopt;
    }
    return queue_.begin()->first.first;
  }

  /// Moves everything that has arrived by `now`.
  void HandleTimeout(Instant now) {
    while (!queue_.empty() && queue_.begin()->first.first <= now) {
      auto [realm, packet] = std::move(queue_.begin()->second);
      const Instant at = queue_.begin()->first.first;
      queue_.erase(queue_.begin());
      Arrive(at, realm, std::move(packet));
    }
  }

 private:
  struct Packet {
    Endpoint from;
    Endpoint to;
    std::vector<uint8_t> payload;
    /// The NAT it last came out of, for hairpin; 0: none.
    RealmId came_from = kInternet;
  };

  struct Realm {
    RealmId outer = kInternet;
    SimNat* nat = nullptr;
    Duration delay{};
    std::map<IpAddress, HostId> hosts;
    std::map<IpAddress, RealmId> nats;
  };

  struct Host {
    Receiver receiver;
    std::map<IpAddress, RealmId> addresses;
    bool is_udp_blocked = false;
  };

  void GoOut(Instant now, RealmId realm, Packet packet) {
    const Realm& inner = realms_[realm];
    if (inner.nat == nullptr) {
      if (realm == kInternet) {
        Schedule(now, realm, std::move(packet));
      }
      return;
    }
    packet.from = inner.nat->Outbound(now, packet.from, packet.to);
    packet.came_from = realm;
    Schedule(now, inner.outer, std::move(packet));
  }

  void Schedule(Instant now, RealmId realm, Packet packet) {
    const auto jitter = static_cast<int64_t>(
        rng_.Below(static_cast<uint64_t>(jitter_.count()) + 1));
    const Instant at = now + realms_[realm].delay + Duration(jitter);
    queue_.emplace(std::pair(at, ++sequence_),
                   std::pair(realm, std::move(packet)));
  }

  void Arrive(Instant now, RealmId realm, Packet packet) {
    const Realm& here = realms_[realm];
    if (cuts_.contains({packet.from.address, packet.to.address})) {
      return;
    }
    if (const auto host = here.hosts.find(packet.to.address);
        host != here.hosts.end()) {
      hosts_[host->second].receiver(now, packet.to, packet.from,
                                    packet.payload);
      return;
    }
    if (const auto nat = here.nats.find(packet.to.address);
        nat != here.nats.end()) {
      GoIn(now, nat->second, std::move(packet));
      return;
    }
    if (here.nat != nullptr) {
      GoOut(now, realm, std::move(packet));
    }
  }

  void GoIn(Instant now, RealmId inner, Packet packet) {
    const SimNat& nat = *realms_[inner].nat;
    if (packet.came_from == inner && !nat.behavior().hairpin) {
      return;
    }
    const auto inside = nat.Inbound(now, packet.to, packet.from);
    if (inside) {
      packet.to = *inside;
      packet.came_from = kInternet;
      Schedule(now, inner, std::move(packet));
    }
  }

  bool IsLost() {
    constexpr uint64_t kScale = 1'000'000;
    return static_cast<double>(rng_.Below(kScale)) <
           loss_ * static_cast<double>(kScale);
  }

  SeededRng rng_;
  std::deque<SimNat> nats_;
  std::vector<Realm> realms_;
  std::vector<Host> hosts_;
  std::map<std::pair<Instant, uint64_t>, std::pair<RealmId, Packet>> queue_;
  std::set<std::pair<IpAddress, IpAddress>> cuts_;
  uint64_t sequence_ = 0;
  uint64_t sent_ = 0;
  double loss_ = 0;
  Duration jitter_{};
};

/// Something with a deadline in a simulation.
class SimActor {
 public:
  virtual ~SimActor() = default;
  [[nodiscard]] virtual std::optional<Instant> NextTimeout() const = 0;
  virtual void HandleTimeout(Instant now) = 0;
};

/// Virtual time over a network and its actors: jumps from deadline to deadline.
class SimWorld {
 public:
  explicit SimWorld(uint64_t seed) : network_(seed) {}

  void Add(SimActor& actor) { actors_.push_back(&actor); }

  [[nodiscard]] SimNetwork& network() { return network_; }

  [[nodiscard]] Instant now() const { return now_; }

  /// Runs until `is_done` or for `limit`; returns whether it is done. Without a
  /// condition it always runs for `limit`.
  bool Run(Duration limit, const std::function<bool()>& is_done = nullptr) {
    const Instant end = now_ + limit;
    size_t steps_at_once = 0;
    while (!is_done || !is_done()) {
      const Instant next = Next();
      if (next > end) {
        now_ = end;
        return is_done && is_done();
      }
      // A deadline that stays in the past is a core that never comes to rest.
      steps_at_once = next > now_ ? 0 : steps_at_once + 1;
      NATKIT_CHECK(steps_at_once < 100'000);
      now_ = std::max(now_, next);
      Step();
    }
    return true;
  }

 private:
  [[nodiscard]] Instant Next() const {
    Instant next = network_.NextTimeout().value_or(Instant::max());
    for (const SimActor* actor : actors_) {
      next = std::min(next, actor->NextTimeout().value_or(Instant::max()));
    }
    return next;
  }

  void Step() {
    network_.HandleTimeout(now_);
    for (SimActor* actor : actors_) {
      if (actor->NextTimeout().value_or(Instant::max()) <= now_) {
        actor->HandleTimeout(now_);
      }
    }
  }

  SimNetwork network_;
  std::vector<SimActor*> actors_;
  Instant now_{};
};

}  // namespace natkit::sim
