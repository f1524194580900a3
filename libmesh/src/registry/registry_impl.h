#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "natkit/mesh/registry/registry.h"
#include "registry/former_keys.h"

namespace natkit::mesh {

/// What is known of a node only while the server runs.
struct NodeVolatile {
  bool is_online = false;
  std::vector<Endpoint> endpoints;
  uint64_t home_relay = 0;
};

/// Split by concern: registry_load.cc (store), registry_join.cc (nodes that
/// come), registry_admission.cc (who answers for them), registry_node_keys.cc
/// (their keys), registry_nodes.cc (their administration),
/// registry_deadlines.cc (what time does to them), registry_keys.cc (auth keys
/// and tokens), registry_admin.cc (users, policy, DNS, relays).
class Registry::Impl {
 public:
  Impl(RegistryConfig config, Store& store, Rng& rng)
      : config_(std::move(config)), store_(store), rng_(rng) {
    MakeAuthenticators();
  }

  // registry_load.cc
  std::expected<void, std::string> Load(WallTime now);
  Result<void> Commit();

  // registry_join.cc
  Decision<NodeId> Join(WallTime now, const JoinRequest& request);
  void Report(WallTime now, NodeId node, const NodeReport& report);

  // registry_node_keys.cc
  Decision<void> AnnounceKey(WallTime now, NodeId node, const PublicKey& next);
  Decision<void> ActivateKey(WallTime now, NodeId node, const PublicKey& key);
  void AbortKey(WallTime now, NodeId node);
  [[nodiscard]] bool IsRevoked(const NodeKeys& keys) const;

  // registry_admission.cc
  void AddAuthenticator(std::shared_ptr<Authenticator> added);

  // registry_nodes.cc
  void SetOnline(WallTime now, NodeId node, bool is_online);
  Decision<NodeId> Approve(WallTime now, std::string_view actor,
                           std::string_view code_or_name, const Owner& owner);
  Decision<void> Rename(WallTime now, std::string_view actor, NodeId node,
                        std::string_view name);
  Decision<void> SetOwner(WallTime now, std::string_view actor, NodeId node,
                          const Owner& owner);
  Decision<void> Delete(WallTime now, std::string_view actor, NodeId node);
  Decision<void> SetExpiry(WallTime now, std::string_view actor, NodeId node,
                           std::optional<WallTime> at);
  Decision<void> ApproveRoutes(WallTime now, std::string_view actor,
                               NodeId node, const std::vector<IpPrefix>& routes,
                               bool exit);
  void SetRoutePrimary(const IpPrefix& prefix, NodeId router);

  // registry_deadlines.cc
  void HandleTimeout(WallTime now);
  std::optional<WallTime> NextTimeout();

  // registry_keys.cc
  Decision<NewAuthKey> MakeAuthKey(WallTime now, std::string_view actor,
                                   const AuthKeySpec& spec);
  Decision<void> RevokeAuthKey(WallTime now, std::string_view actor,
                               std::string_view id, bool with_nodes);
  Decision<NewAuthKey> MakeApiToken(
      WallTime now, std::string_view actor, const std::set<std::string>& scopes,
      std::optional<std::chrono::seconds> lifetime,
      std::string_view description);
  Decision<void> RevokeApiToken(WallTime now, std::string_view actor,
                                std::string_view id);
  const ApiTokenRecord* CheckApiToken(WallTime now,
                                      std::string_view secret) const;

  // registry_admin.cc
  Decision<void> AddUser(WallTime now, std::string_view actor,
                         std::string_view name,
                         const std::set<std::string>& roles);
  Decision<void> SetUserRoles(WallTime now, std::string_view actor,
                              std::string_view name,
                              const std::set<std::string>& roles);
  Decision<void> DeleteUser(WallTime now, std::string_view actor,
                            std::string_view name);
  Decision<uint64_t> SetPolicy(WallTime now, std::string_view actor,
                               std::string_view text,
                               std::optional<uint64_t> expected);
  Decision<void> SetDns(WallTime now, std::string_view actor,
                        const DnsInfo& dns);
  Decision<uint64_t> AddRelay(WallTime now, std::string_view actor,
                              const RelayInfo& relay);
  Decision<void> RemoveRelay(WallTime now, std::string_view actor, uint64_t id);

  [[nodiscard]] bool IsServing(WallTime now, const NodeRecord& node) const;
  [[nodiscard]] const NodeVolatile& live(NodeId node) const;
  [[nodiscard]] const NodeRecord* FindNode(NodeId id) const;

  // State, read through Registry's accessors.
  MeshRecord mesh;
  std::map<NodeId, NodeRecord> nodes;
  std::map<std::string, UserRecord> users;
  std::map<std::string, AuthKeyRecord> auth_keys;
  std::map<std::string, ApiTokenRecord> api_tokens;
  std::map<NodeId, TombstoneRecord> tombstones;
  std::map<uint64_t, RelayRecord> relays;
  std::map<IpPrefix, RoutePrimaryRecord> route_primaries;
  std::optional<PolicyRecord> policy;
  std::map<std::string, NodeId, std::less<>> by_name;
  std::unordered_map<MachineKey, NodeId> by_machine;
  std::map<IpAddress, NodeId> by_address;
  std::shared_ptr<const PolicyHooks> hooks;
  RegistryChanges changes;
  uint64_t policy_inputs = 1;

  [[nodiscard]] bool has_uncommitted() const {
    return !dirty_.empty() || !events_.empty();
  }

 private:
  struct Event {
    WallTime now;
    std::string_view type;
    std::string_view actor;
    std::string subject;
    std::string detail{};
  };

  /// Lets in who has an auth key (registry_keys.cc).
  class AuthKeys final : public Authenticator {
   public:
    explicit AuthKeys(Impl& registry) : registry_(registry) {}

    [[nodiscard]] std::optional<Decision<Admittance>> Authenticate(
        WallTime now, const JoinRequest& request) const override;
    void NoteUse(WallTime now, const Admittance& admittance,
                 const NodeRecord& node) override;

   private:
    Impl& registry_;
  };

  struct Admitted {
    std::shared_ptr<Authenticator> by;
    Admittance what;
  };

  using RecordName = std::pair<std::string, std::string>;  // kind and key

  // registry_load.cc
  std::expected<void, std::string> LoadRecord(const StoreRecord& record,
                                              WallTime now);
  void MakeMesh(WallTime now);
  void IndexAll();
  void Index(const NodeRecord& node);
  void Note(Event event);
  void Dirty(std::string_view kind, std::string key);
  void DirtyNode(NodeId node);
  void DirtyMesh();
  [[nodiscard]] std::optional<std::vector<uint8_t>> Encode(
      const RecordName& name) const;

  // registry_join.cc
  Decision<NodeId> Return(WallTime now, NodeRecord& node,
                          const JoinRequest& request);
  Decision<NodeId> Register(WallTime now, const JoinRequest& request);
  Decision<void> Renew(WallTime now, NodeRecord& node,
                       const Admittance& admittance,
                       const JoinRequest& request);
  Decision<void> CheckRoom(bool is_pending) const;
  Decision<void> Activate(WallTime now, NodeRecord& node);
  [[nodiscard]] std::optional<WallTime> NewExpiry(WallTime now,
                                                  const Owner& owner) const;
  [[nodiscard]] std::string NewApprovalCode();
  [[nodiscard]] std::string FreeName(std::string_view wanted) const;
  void SetName(NodeRecord& node, std::string name);
  void ApproveByPolicy(NodeRecord& node);
  bool TakeRoutes(NodeRecord& node, const std::vector<IpPrefix>& routes);

  // registry_node_keys.cc
  [[nodiscard]] bool IsKeyInUse(const PublicKey& key, NodeId except) const;
  void ExchangeKeys(WallTime now, NodeRecord& node, const NodeKeys& keys);
  /// Nobody announces it or joins with it again, but for the node itself.
  void RetireKey(WallTime now, NodeId node, const PublicKey& key);

  // registry_admission.cc
  void MakeAuthenticators();
  Decision<Admitted> Admit(WallTime now, const JoinRequest& request) const;
  /// With the tags that the request wants in its place, as far as it may.
  Decision<Owner> OwnerFor(Owner owner, const JoinRequest& request) const;

  // registry_nodes.cc
  NodeRecord* Find(NodeId id);
  /// `is_revoked`: its keys never come back.
  void Remove(WallTime now, NodeId id, bool is_revoked);
  Decision<void> CheckOwner(const Owner& owner) const;
  void ReleaseAddresses(WallTime now, const NodeRecord& node);

  // registry_deadlines.cc
  [[nodiscard]] std::optional<WallTime> VanishesAt(
      const NodeRecord& node) const;
  [[nodiscard]] std::optional<WallTime> RotationEndsAt(
      const NodeRecord& node) const;
  [[nodiscard]] std::optional<WallTime> DeadlineOf(NodeId id) const;
  void UpdateDeadlines();
  void HandleDue(WallTime now, NodeId id);
  /// It is another: it will be told when it comes, and a rotation may move it.
  void ResetExpiry(NodeRecord& node);
  /// Addresses that have rested long enough are like any other.
  void ForgetReleased(WallTime now);
  void ForgetExpiries(WallTime now);

  RegistryConfig config_;
  Store& store_;
  Rng& rng_;
  std::vector<std::shared_ptr<Authenticator>> authenticators_;
  std::optional<AddressPool> pool_;
  std::map<IpAddress, ReleasedAddress> released_;
  /// Of the above, by time; some are no longer there.
  std::set<std::pair<WallTime, IpAddress>> resting_;
  std::set<RecordName> dirty_;
  std::vector<StoreEvent> events_;
  std::unordered_map<NodeId, NodeVolatile> live_;
  std::set<NodeId> expired_;  ///< whose is_expiry_told
  /// When time does something to a node; what a verb did to the nodes of
  /// `moved_` is not in it yet.
  std::set<std::pair<WallTime, NodeId>> deadlines_;
  std::unordered_map<NodeId, WallTime> deadline_of_;
  std::set<NodeId> moved_;
  std::set<MachineKey> revoked_machines_;
  std::set<PublicKey> revoked_keys_;
  std::set<PublicKey> keys_in_use_;  ///< node, next and signalling keys
  FormerKeys former_keys_;
};

/// "not found: no node is called x".
[[nodiscard]] std::unexpected<Refusal> NoSuchNode();

/// A DNS label out of what a host calls itself (RFC 1123 section 2.1): lower
/// case, letters, digits and hyphens, at most 63; "node" if nothing is left, or
/// "localhost".
[[nodiscard]] std::string MakeLabel(std::string_view text);
/// Not one of digits alone, which would be taken for a node's number, and not
/// "localhost".
[[nodiscard]] bool IsLabel(std::string_view text);
/// The user, or the tags with commas.
[[nodiscard]] std::string OwnerText(const Owner& owner);
/// Sorted, each once: owners are compared.
void NormalizeTags(Owner& owner);

}  // namespace natkit::mesh
