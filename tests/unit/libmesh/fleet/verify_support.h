#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "fleet_support.h"
#include "natkit/mesh/fleet/verify.h"

namespace natkit::mesh {

inline constexpr std::chrono::sys_seconds kNoon{
    std::chrono::seconds(1'700'000'000)};

/// What a host that does as planned says at kNoon: each link had its
/// handshake 100 s ago.
inline NodeDump HealthyDump(const FleetPlan& plan, const FleetNode& node) {
  WgDumpInterface interface;
  interface.name = plan.interface;
  interface.public_key = node.public_key;
  interface.listen_port = node.listen_port.value_or(40000);
  for (const FleetPeer& peer : node.peers) {
    WgDumpPeer seen;
    seen.public_key = peer.public_key;
    seen.endpoint = peer.endpoint;
    if (!seen.endpoint) {
      seen.endpoint = Endpoint{IpAddress::V4(203, 0, 113, 1), 40000};
    }
    seen.allowed_ips = peer.allowed_ips;
    if (peer.expects_handshake) {
      seen.latest_handshake = kNoon - std::chrono::seconds(100);
      seen.rx_bytes = 1000;
      seen.tx_bytes = 1000;
    }
    seen.keepalive = peer.keepalive;
    interface.peers.push_back(seen);
  }
  return {node.name, {interface}, kNoon};
}

inline std::vector<NodeDump> HealthyDumps(const FleetPlan& plan) {
  std::vector<NodeDump> out;
  for (const FleetNode& node : plan.nodes) {
    out.push_back(HealthyDump(plan, node));
  }
  return out;
}

/// Dumps of a healthy fleet, to be spoilt.
struct Observed {
  explicit Observed(FleetPlan fleet)
      : plan(std::move(fleet)), dumps(HealthyDumps(plan)) {}

  NodeDump& Dump(const std::string& node) {
    return *std::ranges::find(dumps, node, &NodeDump::node);
  }

  WgDumpInterface& Interface(const std::string& node) {
    return Dump(node).interfaces.front();
  }

  /// What `node` says of its peer with the key of `peer` at this step.
  WgDumpPeer& Peer(const std::string& node, const std::string& peer,
                   bool is_next = false) {
    return *std::ranges::find(Interface(node).peers,
                              PeerOf(plan, node, peer, is_next).public_key,
                              &WgDumpPeer::public_key);
  }

  [[nodiscard]] FleetReport Verify() const {
    return VerifyFleet(plan, {dumps, previous, preshared_pairs});
  }

  /// "fault down b a: text" of each finding.
  [[nodiscard]] std::vector<std::string> Findings() const {
    std::vector<std::string> out;
    for (const Finding& finding : Verify().findings) {
      out.push_back(std::string(finding.is_fault ? "fault " : "note ") +
                    std::string(FindingName(finding.kind)) + " " +
                    finding.node + " " + finding.peer + ": " + finding.text);
    }
    return out;
  }

  FleetPlan plan;
  std::vector<NodeDump> dumps;
  std::vector<NodeDump> previous;
  std::optional<std::set<FleetPair>> preshared_pairs;
};

}  // namespace natkit::mesh
