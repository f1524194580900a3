#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "mesh_world.h"
#include "sim_stun_server.h"

namespace natkit::mesh {

/// Two nodes, "a" and "b", each behind a NAT of its own; two relays and two
/// STUN servers.
class TwoNodes {
 public:
  TwoNodes(const sim::NatBehavior& nat_a, const sim::NatBehavior& nat_b,
           uint64_t seed)
      : world_(seed),
        relays_{SimRelay{world_, seed + 1}, SimRelay{world_, seed + 2}},
        stun_{sim::SimStunServer(world_, *IpAddress::Parse("198.51.100.1")),
              sim::SimStunServer(world_, *IpAddress::Parse("198.51.100.2"))},
        a(world_, {&relays_[0], &relays_[1]}, seed + 3),
        b(world_, {&relays_[0], &relays_[1]}, seed + 4) {
    realm_a =
        world_.network().AddNat(0, *IpAddress::Parse("203.0.113.1"), nat_a);
    realm_b =
        world_.network().AddNat(0, *IpAddress::Parse("203.0.113.2"), nat_b);
    a.AddBase(realm_a, "192.168.1.2:4000");
    b.AddBase(realm_b, "192.168.1.2:4000");
    for (const auto* name : {"eu", "us"}) {
      mesh_.relays.push_back({.name = name, .host = name});
    }
    AddNode("a", a, "10.77.0.1");
    AddNode("b", b, "10.77.0.2");
  }

  void StartA() { a.Start(mesh_, "a", servers()); }

  void StartB() { b.Start(mesh_, "b", servers()); }

  void StartBoth() {
    StartA();
    StartB();
    world_.Run(std::chrono::seconds(1));
  }

  /// Sends an echo request each way every 10 ms for `length`.
  void Exchange(Duration length) {
    for (Duration sent{}; sent < length;
         sent += std::chrono::milliseconds(10)) {
      a.SendEcho(*IpAddress::Parse("10.77.0.2"), ++last_sent_);
      b.SendEcho(*IpAddress::Parse("10.77.0.1"), last_sent_);
      world_.Run(std::chrono::milliseconds(10));
    }
  }

  /// The same with packets of `padding` more bytes, from one side only or both.
  void Stream(Duration length, bool from_a, bool from_b, size_t padding = 0) {
    for (Duration sent{}; sent < length;
         sent += std::chrono::milliseconds(10)) {
      ++last_sent_;
      if (from_a) {
        a.SendEcho(*IpAddress::Parse("10.77.0.2"), last_sent_, padding);
      }
      if (from_b) {
        b.SendEcho(*IpAddress::Parse("10.77.0.1"), last_sent_, padding);
      }
      world_.Run(std::chrono::milliseconds(10));
    }
  }

  /// A conversation as TCP's, from "a": a packet of `padding` more bytes is
  /// sent again after 200, 400, 800, ... ms until it arrives, then the next.
  /// Meanwhile "b" sends small ones every 10 ms, if `b_talks`.
  void Converse(Duration length, size_t padding, bool b_talks) {
    const IpAddress to = *IpAddress::Parse("10.77.0.2");
    const Instant end = world_.now() + length;
    while (world_.now() < end) {
      const uint16_t sequence = ++last_sent_;
      Duration wait = std::chrono::milliseconds(200);
      Instant next = world_.now();
      while (!b.arrived().contains(sequence) && world_.now() < end) {
        if (world_.now() >= next) {
          a.SendEcho(to, sequence, padding);
          next = world_.now() + wait;
          wait *= 2;
        }
        if (b_talks) {
          b.SendEcho(*IpAddress::Parse("10.77.0.1"), ++last_from_b_);
        }
        world_.Run(std::chrono::milliseconds(10));
      }
    }
  }

  bool RunUntilDirect(Duration limit) {
    return world_.Run(
        limit, [this] { return a.IsDirectTo("b") && b.IsDirectTo("a"); });
  }

  [[nodiscard]] uint16_t last_sent() const { return last_sent_; }

  /// Echo requests of Exchange() after `since` that never arrived, over both
  /// directions.
  [[nodiscard]] size_t lost(uint16_t since = 0) const {
    size_t missing = 0;
    for (uint16_t sequence = since + 1; sequence <= last_sent_; ++sequence) {
      missing += a.arrived().contains(sequence) ? 0 : 1;
      missing += b.arrived().contains(sequence) ? 0 : 1;
    }
    return missing;
  }

  [[nodiscard]] bool has_duplicates() const {
    const auto more_than_one = [](const auto& entry) {
      return entry.second > 1;
    };
    return std::ranges::any_of(a.arrived(), more_than_one) ||
           std::ranges::any_of(b.arrived(), more_than_one);
  }

  [[nodiscard]] sim::SimWorld& world() { return world_; }

  [[nodiscard]] SimRelay& relay(size_t index) { return relays_[index]; }

  void SetHonoursResponsePort(bool honours) {
    for (sim::SimStunServer& server : stun_) {
      server.SetHonoursResponsePort(honours);
    }
  }

  [[nodiscard]] MeshFile& mesh() { return mesh_; }

  [[nodiscard]] static std::vector<Endpoint> servers() {
    return {*Endpoint::Parse("198.51.100.1:3478"),
            *Endpoint::Parse("198.51.100.2:3478")};
  }

 private:
  void AddNode(const std::string& name, const MeshHost& host,
               const std::string& address) {
    mesh_.nodes.push_back({.name = name,
                           .public_key = host.public_key(),
                           .addresses = {*IpAddress::Parse(address)}});
  }

  sim::SimWorld world_;
  std::array<SimRelay, 2> relays_;
  std::array<sim::SimStunServer, 2> stun_;
  MeshFile mesh_;
  uint16_t last_sent_ = 0;
  uint16_t last_from_b_ = 30000;

 public:
  MeshHost a;
  MeshHost b;
  sim::SimNetwork::RealmId realm_a = 0;
  sim::SimNetwork::RealmId realm_b = 0;
};

}  // namespace natkit::mesh
