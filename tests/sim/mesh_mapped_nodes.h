#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "mesh_world.h"
#include "sim_discovery_server.h"

namespace natkit::mesh {

/// Nodes "a" and "b", one relay, a STUN server with two addresses. Where the
/// nodes stand is up to the test: give them bases in `world` before Start().
class MappedNodes {
 public:
  explicit MappedNodes(uint64_t seed)
      : world(seed),
        relay(world, seed + 1),
        stun(world, *IpAddress::Parse("198.51.100.1"),
             *IpAddress::Parse("198.51.100.2")),
        a(world, {&relay}, seed + 3),
        b(world, {&relay}, seed + 4) {
    mesh_.relays.push_back({.name = "eu", .host = "eu"});
    AddNode("a", a, "10.77.0.1");
    AddNode("b", b, "10.77.0.2");
  }

  void Start(const std::vector<Endpoint>& servers = {
                 *Endpoint::Parse("198.51.100.1:3478"),
                 *Endpoint::Parse("198.51.100.2:3478")}) {
    a.Start(mesh_, "a", servers);
    b.Start(mesh_, "b", servers);
    world.Run(std::chrono::seconds(2));
    a.SendEcho(*IpAddress::Parse("10.77.0.2"), 1);
  }

  /// Before Start(): the mesh file names an endpoint of `node`.
  void SetEndpoint(const std::string& node, const Endpoint& endpoint) {
    std::ranges::find(mesh_.nodes, node, &NodeEntry::name)->endpoint = endpoint;
  }

  bool RunUntilDirect(Duration limit) {
    return world.Run(limit,
                     [this] { return a.IsDirectTo("b") && b.IsDirectTo("a"); });
  }

  sim::SimWorld world;
  SimRelay relay;
  sim::SimDiscoveryServer stun;

 private:
  void AddNode(const std::string& name, const MeshHost& host,
               const std::string& address) {
    mesh_.nodes.push_back({.name = name,
                           .public_key = host.public_key(),
                           .addresses = {*IpAddress::Parse(address)}});
  }

  MeshFile mesh_;

 public:
  MeshHost a;
  MeshHost b;
};

}  // namespace natkit::mesh
