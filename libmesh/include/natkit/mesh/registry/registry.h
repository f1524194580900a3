#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "natkit/base/rng.h"
#include "natkit/mesh/control/identity.h"
#include "natkit/mesh/control/message.h"
#include "natkit/mesh/registry/address_pool.h"
#include "natkit/mesh/registry/authenticator.h"
#include "natkit/mesh/registry/decision.h"
#include "natkit/mesh/registry/records.h"
#include "natkit/mesh/registry/store.h"

namespace natkit::mesh {

/// What the registry asks the policy.
class PolicyHooks {
 public:
  virtual ~PolicyHooks() = default;
  /// autoApprovers: whether `prefix` of that owner is approved by itself.
  [[nodiscard]] virtual bool AutoApproves(const Owner& owner,
                                          const IpPrefix& prefix) const = 0;
  [[nodiscard]] virtual bool AutoApprovesExit(const Owner& owner) const = 0;
  /// tagOwners: whether a key of `owner` may make nodes with `tag`.
  [[nodiscard]] virtual bool MayAssignTag(const Owner& owner,
                                          std::string_view tag) const = 0;
};

/// What changed since the last TakeChanges(), for whoever keeps maps.
struct RegistryChanges {
  std::set<NodeId> nodes;    ///< added, changed, or gone
  std::set<NodeId> revoked;  ///< gone by deletion or expiry: tell at once
  bool policy = false;
  bool users = false;
  bool relays = false;
  bool mesh = false;  ///< name, DNS

  [[nodiscard]] bool is_empty() const {
    return nodes.empty() && revoked.empty() && !policy && !users && !relays &&
           !mesh;
  }
};

struct RegistryConfig {
  std::string mesh_name = "mesh";
  IpPrefix ipv4;  ///< 100.64.0.0/10
  IpPrefix ipv6;  ///< a /48 of one's own (RFC 4193)
  std::string domain = "mesh.internal";
  /// Of a user's node; tagged nodes keep theirs for good. 0: for good.
  std::chrono::hours key_lifetime{180 * 24};
  /// A rotation of the key counts as its renewal; else only an auth key or an
  /// administrator renews.
  bool rotation_renews = true;
  /// Without a stream, until an ephemeral node is forgotten.
  std::chrono::seconds ephemeral_grace{300};
  /// An announced key that a node does not switch to while it is online is
  /// taken back. Who is away may have switched already, and not been heard.
  std::chrono::hours next_key_lifetime{24};
  size_t max_nodes = 100'000;
  size_t max_pending = 1000;
};

struct AuthKeySpec {
  Owner owner;
  bool is_reusable = false;
  bool is_ephemeral = false;
  bool is_preapproved = true;
  /// Unset: 90 days; 0: for good.
  std::optional<std::chrono::seconds> lifetime;
  std::string description;  ///< one line, at most 256 bytes
};

struct NewAuthKey {
  std::string id;
  /// "nkauth-<id>-<64 hex>"; shown once, kept nowhere.
  std::string secret;
};

/// The state of a mesh: users, nodes, keys, addresses, names, policy, relays.
///
/// Everything is in memory; every verb changes it at once and notes what to
/// write. Commit() writes all that was noted in one transaction: call it before
/// anything that follows from a change leaves the process. Each change is an
/// event of the store's stream.
///
/// Pure but for the store. Not thread-safe.
class Registry {
 public:
  /// Loads the store, and makes a new mesh of an empty one. The error is for
  /// the operator.
  static std::expected<std::unique_ptr<Registry>, std::string> Load(
      RegistryConfig config, Store& store, Rng& rng, WallTime now);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  void SetPolicyHooks(std::shared_ptr<const PolicyHooks> hooks);
  /// Another way to let nodes in; asked before auth keys, and after those that
  /// were added earlier.
  void AddAuthenticator(std::shared_ptr<Authenticator> authenticator);

  // Nodes that come by themselves.
  /// Finds the node or registers it. An auth key also renews an expired node
  /// of the same owner. Refused: revoked keys, unknown, spent, expired or
  /// foreign auth keys, tags that the key may not give, no address left.
  [[nodiscard]] Decision<NodeId> Join(WallTime now, const JoinRequest& request);
  /// Takes what a node says of itself. Bad routes are left out.
  void Report(WallTime now, NodeId node, const NodeReport& report);
  void SetOnline(WallTime now, NodeId node, bool is_online);
  /// Rotation (mesh.md section 4.4). Refused: a key that any node has or had
  /// (of each the latest 1,024; ephemeral nodes that vanished left none).
  [[nodiscard]] Decision<void> AnnounceKey(WallTime now, NodeId node,
                                           const PublicKey& next);
  /// The node uses its announced key. Refused: it is not that one.
  [[nodiscard]] Decision<void> ActivateKey(WallTime now, NodeId node,
                                           const PublicKey& key);
  void AbortKey(WallTime now, NodeId node);
  void Logout(WallTime now, NodeId node);
  /// Remembers which router leads to `prefix`, over a restart; 0: forgets it.
  void SetRoutePrimary(const IpPrefix& prefix, NodeId router);

  // Administration; `actor` names who does it, for the event stream.
  [[nodiscard]] Decision<NodeId> Approve(WallTime now, std::string_view actor,
                                         std::string_view code_or_name,
                                         const Owner& owner);
  [[nodiscard]] Decision<void> Rename(WallTime now, std::string_view actor,
                                      NodeId node, std::string_view name);
  [[nodiscard]] Decision<void> SetOwner(WallTime now, std::string_view actor,
                                        NodeId node, const Owner& owner);
  /// Revokes: all its keys are void for good.
  [[nodiscard]] Decision<void> Delete(WallTime now, std::string_view actor,
                                      NodeId node);
  /// Lets its key expire at once, or at `at`, however often it is rotated;
  /// nullopt: never. An auth key or another owner sets another end.
  [[nodiscard]] Decision<void> SetExpiry(WallTime now, std::string_view actor,
                                         NodeId node,
                                         std::optional<WallTime> at);
  /// Approves exactly these of what it advertises; others lose approval.
  [[nodiscard]] Decision<void> ApproveRoutes(
      WallTime now, std::string_view actor, NodeId node,
      const std::vector<IpPrefix>& routes, bool exit);

  [[nodiscard]] Decision<void> AddUser(WallTime now, std::string_view actor,
                                       std::string_view name,
                                       const std::set<std::string>& roles);
  [[nodiscard]] Decision<void> SetUserRoles(WallTime now,
                                            std::string_view actor,
                                            std::string_view name,
                                            const std::set<std::string>& roles);
  /// Revokes all nodes and auth keys of the user, too.
  [[nodiscard]] Decision<void> DeleteUser(WallTime now, std::string_view actor,
                                          std::string_view name);

  [[nodiscard]] Decision<NewAuthKey> MakeAuthKey(WallTime now,
                                                 std::string_view actor,
                                                 const AuthKeySpec& spec);
  /// Also revokes, if asked to, the nodes that joined with it.
  [[nodiscard]] Decision<void> RevokeAuthKey(WallTime now,
                                             std::string_view actor,
                                             std::string_view id,
                                             bool with_nodes);

  /// `lifetime` as in AuthKeySpec.
  [[nodiscard]] Decision<NewAuthKey> MakeApiToken(
      WallTime now, std::string_view actor, const std::set<std::string>& scopes,
      std::optional<std::chrono::seconds> lifetime,
      std::string_view description);
  [[nodiscard]] Decision<void> RevokeApiToken(WallTime now,
                                              std::string_view actor,
                                              std::string_view id);
  /// The token's record if the secret is a token's that holds; constant time.
  [[nodiscard]] const ApiTokenRecord* CheckApiToken(
      WallTime now, std::string_view secret) const;

  /// `expected`: the revision that the caller has read; unset: whatever there
  /// is. The text has been checked. Refused: kConflict.
  [[nodiscard]] Decision<uint64_t> SetPolicy(WallTime now,
                                             std::string_view actor,
                                             std::string_view text,
                                             std::optional<uint64_t> expected);
  [[nodiscard]] Decision<void> SetDns(WallTime now, std::string_view actor,
                                      const DnsInfo& dns);
  [[nodiscard]] Decision<uint64_t> AddRelay(WallTime now,
                                            std::string_view actor,
                                            const RelayInfo& relay);
  [[nodiscard]] Decision<void> RemoveRelay(WallTime now, std::string_view actor,
                                           uint64_t id);

  // Time.
  /// Expires keys, ephemeral and pending nodes, announced keys.
  void HandleTimeout(WallTime now);
  [[nodiscard]] std::optional<WallTime> NextTimeout() const;

  // Writing.
  /// Errors: the store's; nothing was written then, and what was noted stays
  /// noted.
  [[nodiscard]] Result<void> Commit();
  [[nodiscard]] bool has_uncommitted() const;
  [[nodiscard]] RegistryChanges TakeChanges();

  // Reading.
  [[nodiscard]] const MeshRecord& mesh() const;
  [[nodiscard]] const std::map<NodeId, NodeRecord>& nodes() const;
  [[nodiscard]] const std::map<std::string, UserRecord>& users() const;
  [[nodiscard]] const std::map<std::string, AuthKeyRecord>& auth_keys() const;
  [[nodiscard]] const std::map<std::string, ApiTokenRecord>& api_tokens() const;
  [[nodiscard]] const std::map<uint64_t, RelayRecord>& relays() const;
  [[nodiscard]] const std::map<IpPrefix, RoutePrimaryRecord>& route_primaries()
      const;
  /// Rises whenever users, their roles or the approved routes of nodes change,
  /// and perhaps more often: what a policy depends on beside the node that it
  /// is asked about.
  [[nodiscard]] uint64_t policy_inputs() const;
  /// nullptr: no policy was ever set.
  [[nodiscard]] const PolicyRecord* policy() const;
  [[nodiscard]] const NodeRecord* FindNode(NodeId id) const;
  /// By name, number, or address.
  [[nodiscard]] const NodeRecord* FindNode(std::string_view text) const;
  [[nodiscard]] const NodeRecord* FindByMachine(const MachineKey& key) const;
  [[nodiscard]] bool IsRevoked(const NodeKeys& keys) const;
  [[nodiscard]] bool is_online(NodeId node) const;
  /// In the maps of others: approved, not expired.
  [[nodiscard]] bool IsServing(WallTime now, const NodeRecord& node) const;
  [[nodiscard]] const std::vector<Endpoint>& endpoints(NodeId node) const;
  [[nodiscard]] uint64_t home_relay(NodeId node) const;

 private:
  class Impl;
  explicit Registry(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace natkit::mesh
