#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/keys.h"
#include "natkit/base/result.h"
#include "natkit/mesh/control/identity.h"
#include "natkit/mesh/control/map_item.h"
#include "natkit/mesh/control/message.h"

// What a coordination server remembers. Each record is stored under its kind
// and key (store.h); the encoding is Protobuf and skips what it does not know.

namespace natkit::mesh {

/// A person (or a service account) that owns nodes.
struct UserRecord {
  std::string name;  ///< "alice@example.com"
  /// "admin", "owner": what autogroup:admin and autogroup:owner mean.
  std::set<std::string> roles;
  WallTime created{};
  bool operator==(const UserRecord&) const = default;
};

/// Who answers for a node: a user, or tags in a user's place.
struct Owner {
  std::string user;
  std::vector<std::string> tags;

  [[nodiscard]] bool is_tagged() const { return !tags.empty(); }

  bool operator==(const Owner&) const = default;
};

enum class NodeStatus : uint8_t {
  kPendingApproval = 1,  ///< waits for an administrator; has no address
  kActive = 2,
};

struct NodeRecord {
  NodeId id = 0;
  NodeKeys keys;
  std::optional<PublicKey> next_key;  ///< announced rotation
  WallTime next_key_since{};
  NodeStatus status = NodeStatus::kActive;
  std::string approval_code;   ///< kPendingApproval only
  std::string name;            ///< a DNS label, unique in the mesh
  bool is_name_fixed = false;  ///< an administrator chose it
  std::string host_name;       ///< as the node says
  Owner owner;
  std::vector<IpAddress> addresses;
  bool is_ephemeral = false;
  std::optional<WallTime> key_expiry;
  bool is_expiry_told = false;  ///< there is an event of this expiry
  /// An administrator set it: no rotation moves it.
  bool is_expiry_fixed = false;
  WallTime created{};
  WallTime last_seen{};  ///< when its last stream ended
  std::vector<IpPrefix> advertised;
  std::vector<IpPrefix> approved;
  bool offers_exit = false;
  bool is_exit_approved = false;
  Attributes attributes;
  std::string software;
  std::string auth_key_id;  ///< with which it joined; empty: by approval
  bool operator==(const NodeRecord&) const = default;
};

/// A key that lets nodes join. Of the secret only a hash is kept: it is 256
/// random bits, so that nothing is gained by making the hash slow.
struct AuthKeyRecord {
  std::string id;
  std::array<uint8_t, 32> hash{};
  Owner owner;
  bool is_reusable = false;
  bool is_ephemeral = false;   ///< nodes that join with it are
  bool is_preapproved = true;  ///< else they wait for an administrator
  uint64_t uses = 0;
  WallTime created{};
  std::optional<WallTime> expiry;
  bool is_revoked = false;
  std::string created_by;
  std::string description;
  bool operator==(const AuthKeyRecord&) const = default;
};

/// Whether a node can join with an auth key, and if not, why.
enum class AuthKeyState : uint8_t {
  kGood,
  kRevoked,
  kExpired,
  kUsedUp,  ///< it is good for one node, and one has joined with it
};

/// As it is at `now`; of several reasons, the first in the list above.
[[nodiscard]] AuthKeyState StateOf(const AuthKeyRecord& key, WallTime now);

/// Whether `now` is the end of what is good until `expiry`, or later; without
/// an expiry never.
[[nodiscard]] bool HasExpired(const std::optional<WallTime>& expiry,
                              WallTime now);

/// A bearer token for the HTTPS API.
struct ApiTokenRecord {
  std::string id;
  std::array<uint8_t, 32> hash{};
  std::set<std::string> scopes;  ///< "nodes:read", "policy:write", "all", ...
  WallTime created{};
  std::optional<WallTime> expiry;
  std::string description;
  bool operator==(const ApiTokenRecord&) const = default;
};

/// A node that was revoked: none of its keys comes back.
struct TombstoneRecord {
  NodeId id = 0;
  NodeKeys keys;
  std::optional<PublicKey> next_key;
  std::string name;
  WallTime revoked{};
  bool operator==(const TombstoneRecord&) const = default;
};

/// A node or signalling key that a node has had. No node announces it or joins
/// with it.
struct FormerKeyRecord {
  PublicKey key;
  NodeId node = 0;
  WallTime since{};
  bool operator==(const FormerKeyRecord&) const = default;
};

/// An address that a node gave back; not given out again before its time.
struct ReleasedAddress {
  IpAddress address;
  WallTime released{};
  bool operator==(const ReleasedAddress&) const = default;
};

/// Which of several routers leads to a prefix: it stays, as long as it works.
struct RoutePrimaryRecord {
  IpPrefix prefix;
  NodeId router = 0;
  bool operator==(const RoutePrimaryRecord&) const = default;
};

struct PolicyRecord {
  std::string text;
  uint64_t revision = 0;  ///< rises by one with each change
  WallTime changed{};
  bool operator==(const PolicyRecord&) const = default;
};

struct RelayRecord {
  uint64_t id = 0;
  RelayInfo info;
  bool operator==(const RelayRecord&) const = default;
};

/// What the mesh is; one record.
struct MeshRecord {
  std::string name = "mesh";
  IpPrefix ipv4;
  IpPrefix ipv6;
  DigestKey digest_key{};
  NodeId last_node = 0;
  uint64_t last_relay = 0;
  DnsInfo dns;
  bool operator==(const MeshRecord&) const = default;
};

}  // namespace natkit::mesh
