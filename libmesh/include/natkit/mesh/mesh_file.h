#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/keys.h"
#include "natkit/base/time.h"
#include "natkit/mesh/fleet/fleet_settings.h"
#include "natkit/nat/keepalive_policy.h"
#include "natkit/nat/punch_plan.h"

namespace natkit::mesh {

/// One DERP relay of the mesh.
struct RelayEntry {
  std::string name;
  std::string host;           ///< DNS name or IP literal
  uint16_t port = 443;        ///< TCP
  std::string pin;            ///< "sha256-raw:<64 hex>", empty: system roots
  bool is_plain = false;      ///< no TLS: for development only
  uint16_t stun_port = 3478;  ///< UDP; 0: this relay has no STUN
  unsigned line = 0;
};

/// One STUN server that is not beside a relay.
struct StunEntry {
  std::string host;
  uint16_t port = 3478;
  unsigned line = 0;
};

/// Whether and how far a node probes many ports where a NAT takes another one
/// for each destination (nat/hard_punch.h).
struct HardNatPolicy {
  bool is_allowed = false;
  nat::PunchBudget budget;
  bool operator==(const HardNatPolicy&) const = default;
};

/// One node: the only thing to add when the mesh grows.
struct NodeEntry {
  std::string name;
  PublicKey public_key;
  std::vector<IpAddress> addresses;     ///< inside the mesh; at least one
  std::vector<IpPrefix> routes;         ///< networks behind this node
  std::string relay;                    ///< home relay; empty: the first
  std::optional<Endpoint> endpoint;     ///< a fixed public UDP endpoint
  std::optional<uint16_t> listen_port;  ///< UDP; default: the system's choice
  bool port_mapping = true;             ///< asks its router to forward the port
  HardNatPolicy hard_nat;
  /// How many UDP mappings its NAT lets one host have, if the owner knows.
  std::optional<uint32_t> mapping_quota;
  nat::PowerMode power = nat::PowerMode::kMains;
  /// Of UDP mappings that carry a conversation, as natcheck measures it.
  std::optional<Duration> mapping_lifetime;
  FleetNodeSettings fleet;
  unsigned line = 0;
};

/// The inventory: the same file on every node.
struct MeshFile {
  std::string name = "mesh";
  uint16_t mtu = 1280;
  std::vector<RelayEntry> relays;
  std::vector<StunEntry> stun_servers;
  std::vector<NodeEntry> nodes;
  FleetSettings fleet;

  /// The node called `name`, or nullptr.
  [[nodiscard]] const NodeEntry* FindNode(std::string_view name) const;
};

enum class Severity : uint8_t { kWarning, kError };

/// One finding about a mesh file.
struct Diagnostic {
  Severity severity = Severity::kError;
  unsigned line = 0;  ///< 1-based; 0 where no line applies
  std::string text;
};

/// A parsed file and everything found wrong with it.
struct MeshFileResult {
  MeshFile file;
  std::vector<Diagnostic> diagnostics;

  /// True when there is no error; warnings are allowed.
  [[nodiscard]] bool is_usable() const;
};

/// Parses the TOML text of an inventory and checks it as a whole: unknown
/// keys, duplicate names, keys and addresses, prefixes that two nodes claim,
/// relays and hubs that do not exist. Never throws; every finding has its line.
[[nodiscard]] MeshFileResult ParseMeshFile(std::string_view text);

}  // namespace natkit::mesh
