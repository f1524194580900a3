#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "natkit/base/encoding.h"
#include "natkit/mesh/fleet/fleet_plan.h"
#include "natkit/mesh/mesh_file.h"

namespace natkit::mesh {

/// A public key that is `number` and zeros.
inline PublicKey TestKey(uint8_t number) {
  PublicKey key;
  key.bytes[0] = number;
  return key;
}

/// One [[node]] with the key TestKey(number) and the address 10.77.0.number.
inline std::string FleetNodeText(const std::string& name, uint8_t number,
                                 const std::string& more = "") {
  return "[[node]]\nname = \"" + name + "\"\npublic_key = \"" +
         TestKey(number).ToBase64() + "\"\naddresses = [\"10.77.0." +
         std::to_string(number) + "\"]\n" + more;
}

inline std::string EndpointText(uint8_t number) {
  return "endpoint = \"192.0.2." + std::to_string(number) + ":51820\"\n";
}

inline std::string NextKeyText(uint8_t number) {
  return "next_public_key = \"" + TestKey(number).ToBase64() + "\"\n";
}

/// A file that must be usable.
inline MeshFile FleetFileOf(const std::string& text) {
  MeshFileResult result = ParseMeshFile(text);
  for (const Diagnostic& diagnostic : result.diagnostics) {
    EXPECT_NE(diagnostic.severity, Severity::kError) << diagnostic.text;
  }
  return std::move(result.file);
}

/// Two hubs with an endpoint, a spoke of each without, a LAN behind one.
inline std::string TwoHubsText() {
  return "[fleet]\ntopology = \"hubs\"\nhubs = [\"h1\", \"h2\"]\n" +
         FleetNodeText("h1", 1, EndpointText(1)) +
         FleetNodeText("h2", 2, EndpointText(2)) + FleetNodeText("s1", 11) +
         FleetNodeText("s2", 12,
                       "hub = \"h2\"\nroutes = [\"192.168.7.0/24\"]\n");
}

inline std::vector<std::string> PrefixTexts(const FleetPeer& peer) {
  std::vector<std::string> out;
  for (const IpPrefix& prefix : peer.allowed_ips) {
    out.push_back(prefix.ToString());
  }
  return out;
}

inline std::vector<std::string> PeerNames(const FleetPlan& plan,
                                          const std::string& node) {
  std::vector<std::string> out;
  for (const FleetPeer& peer : plan.FindNode(node)->peers) {
    out.push_back(peer.name);
  }
  return out;
}

/// The peer of `node` called `name`, by its present or its next key.
inline const FleetPeer& PeerOf(const FleetPlan& plan, const std::string& node,
                               const std::string& name, bool is_next = false) {
  for (const FleetPeer& peer : plan.FindNode(node)->peers) {
    if (peer.name == name && peer.is_next_key == is_next) {
      return peer;
    }
  }
  static const FleetPeer kNone;
  ADD_FAILURE() << node << " has no peer " << name;
  return kNone;
}

inline std::vector<std::string> Texts(
    const std::vector<Diagnostic>& diagnostics) {
  std::vector<std::string> out;
  for (const Diagnostic& diagnostic : diagnostics) {
    out.push_back(
        (diagnostic.severity == Severity::kError ? "error " : "warning ") +
        std::to_string(diagnostic.line) + " " + diagnostic.text);
  }
  return out;
}

}  // namespace natkit::mesh
