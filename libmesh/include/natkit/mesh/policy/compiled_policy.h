#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/mesh/policy/policy.h"

namespace natkit::mesh::policy {

/// What a policy knows of a node.
struct PolicyNode {
  uint64_t id = 0;
  std::string name;
  std::string user;               ///< login; empty: none
  std::vector<std::string> tags;  ///< without "tag:"; any: the user counts not
  std::vector<IpAddress> ips;     ///< its own, inside the mesh
  std::vector<IpPrefix> advertised;
  /// Of the advertised ones, those that serve: a route that is only in one of
  /// the two lists has no effect. Default routes make an exit.
  std::vector<IpPrefix> approved;
  Attributes attributes;
  std::set<std::string> roles;  ///< of its user: "admin", "owner", ...
};

/// 100.64.0.0/10 and fd7a:115c:a1e0::/48.
[[nodiscard]] std::vector<IpPrefix> DefaultMeshPrefixes();

struct CompileOptions {
  /// Where the nodes' own addresses are. As sources, `*` stands for these less
  /// 100.115.92.0/23.
  std::vector<IpPrefix> mesh_prefixes = DefaultMeshPrefixes();
};

/// Who one side of a rule stands for, groups and aliases resolved.
struct IdentitySet {
  bool is_any = false;         ///< *
  bool is_member = false;      ///< autogroup:member
  bool is_tagged = false;      ///< autogroup:tagged
  bool is_danger_all = false;  ///< sources only
  bool is_self = false;        ///< destinations only; then nothing else is set
  bool is_internet = false;    ///< destinations only
  std::set<std::string, std::less<>> users;
  std::set<std::string, std::less<>> tags;
  std::set<std::string, std::less<>> roles;
  std::vector<IpPrefix> prefixes;
};

/// Where in the file a compiled rule comes from.
struct RuleOrigin {
  std::string section;  ///< "acls", "grants"; empty: neither is in the file
  size_t index = 0;     ///< of the entry, from 0
  Position at;
  std::string text;  ///< "acls[2]: group:eng -> tag:web:443 tcp"
};

/// One rule with one set of ports and protocols for all its destinations: a
/// destination of an ACL, or the `ip` entries of a grant that share a protocol.
struct CompiledRule {
  /// From what the entry says, not from where it stands or what its groups and
  /// aliases hold: it stays while others are edited. Never 0, unique.
  uint64_t id = 0;
  IdentitySet sources;
  IdentitySet destinations;
  Ports ports;                      ///< empty: all
  std::vector<uint8_t> protocols;   ///< sorted; never empty for a network rule
  std::vector<TimeWindow> windows;  ///< any open one suffices; empty: always
  std::vector<std::string> postures;  ///< any suffices; empty: any machine
  std::set<std::string> via;          ///< tags of the routers that may serve it
  /// False for a grant of capabilities only: its nodes see each other, no more.
  bool is_network = true;
  RuleOrigin origin;
};

/// A rule in which a node takes part, and with what.
struct RuleRole {
  size_t rule = 0;  ///< index into CompiledPolicy::rules()
  uint64_t rule_id = 0;
  /// Of a rule to autogroup:self: the user. The rule holds between nodes that
  /// have the same user here; it is one instance for each.
  std::string user;
  /// The addresses that it takes part with: own ones, served routes or parts of
  /// them. Sorted, none inside another.
  std::vector<IpPrefix> prefixes;
};

/// All rules in which one node takes part, by rule index.
struct NodeRoles {
  std::vector<RuleRole> as_source;
  std::vector<RuleRole> as_destination;
};

/// Finds the rules whose one side a node is a member of, by what it is and not
/// by its addresses.
class MemberIndex {
 public:
  void Add(size_t rule, const IdentitySet& side);

  /// For each of the first `rules` rules, whether the node is a member.
  [[nodiscard]] std::vector<bool> RulesOf(const PolicyNode& node,
                                          size_t rules) const;

 private:
  using Rules = std::vector<size_t>;
  using RulesByName = std::map<std::string, Rules, std::less<>>;

  RulesByName users_;
  RulesByName tags_;
  RulesByName roles_;
  Rules members_;
  Rules tagged_;
};

/// A policy made ready to ask. Immutable; knows no node.
///
/// The default-constructed one stands for "no policy file": it allows nothing.
class CompiledPolicy {
 public:
  CompiledPolicy() = default;
  /// Compiles what ParsePolicy() gave.
  explicit CompiledPolicy(Policy policy, CompileOptions options = {});

  [[nodiscard]] const std::vector<CompiledRule>& rules() const {
    return rules_;
  }

  [[nodiscard]] const Policy& source() const { return policy_; }

  [[nodiscard]] const std::vector<IpPrefix>& mesh_prefixes() const {
    return options_.mesh_prefixes;
  }

  /// What autogroup:internet covers here: public addresses, less the mesh's.
  [[nodiscard]] const std::vector<IpPrefix>& internet() const {
    return internet_;
  }

  /// The sources that `*` stands for, routes aside.
  [[nodiscard]] const std::vector<IpPrefix>& any_sources() const {
    return any_sources_;
  }

  /// The node's part in each rule. A rule whose postures it does not meet is
  /// left out of `as_source`. Cost: rules, whatever the number of nodes.
  [[nodiscard]] NodeRoles RolesOf(const PolicyNode& node) const;

  /// As RolesOf(), with the rules whose postures the node does not meet.
  [[nodiscard]] NodeRoles RolesWhateverPosture(const PolicyNode& node) const;

  /// Whether the node meets any of the rule's postures, or it has none.
  [[nodiscard]] bool MeetsPosture(const CompiledRule& rule,
                                  const PolicyNode& node) const;

 private:
  void CompileRules();
  void CompileAcls();
  void CompileGrants();
  void CompileGrant(const GrantRule& grant, size_t index,
                    const std::vector<Selector>& destinations);
  void Add(CompiledRule rule, const std::string& names);
  IdentitySet Resolve(const std::vector<Selector>& selectors) const;

  Policy policy_;
  CompileOptions options_;
  std::vector<IpPrefix> internet_;
  std::vector<IpPrefix> any_sources_;
  std::vector<CompiledRule> rules_;
  std::set<uint64_t> ids_;
  MemberIndex source_members_;
  MemberIndex destination_members_;
};

/// One rule (or instance of a rule to autogroup:self) that joins two nodes.
struct JoinedRule {
  size_t rule = 0;
  std::string user;
  auto operator<=>(const JoinedRule&) const = default;
};

/// The rules that let `source` reach `destination`: both take part, with
/// addresses of one family. Sorted by rule.
[[nodiscard]] std::vector<JoinedRule> JoinedRules(const NodeRoles& source,
                                                  const NodeRoles& destination);

/// Whether two nodes see each other: a rule joins them, in either direction.
[[nodiscard]] bool SharesEdge(const NodeRoles& a, const NodeRoles& b);

/// Whether `viewer` may be given `route` of `router`, a node that serves it: a
/// rule joins the viewer and some of the route, in either direction. An exit (a
/// default route) takes a rule from the viewer to `*` or to autogroup:internet.
/// Rules with `via` count for routers with such a tag only.
[[nodiscard]] bool JoinsRoute(const CompiledPolicy& policy,
                              const NodeRoles& viewer, const NodeRoles& router,
                              const IpPrefix& route);

/// The routes that the node serves: advertised and approved.
[[nodiscard]] std::vector<IpPrefix> ServedRoutes(const PolicyNode& node);

/// Whether the node advertises `route`, an autoApprovers entry covers it, and
/// the node's user (if it is untagged) or one of its tags is listed there.
/// Default routes are approved by `exitNode` alone.
[[nodiscard]] bool AutoApproves(const Policy& policy, const PolicyNode& node,
                                const IpPrefix& route);

/// Who asks for a tag: a user, or a credential that carries tags.
struct TagClaimant {
  std::string user;             ///< login; empty: none
  std::set<std::string> roles;  ///< of the user
  std::set<std::string> tags;   ///< of the credential, without "tag:"
};

/// Whether the claimant owns `tag` ("web"), itself or through tags that own
/// tags. A tag without owners belongs to admins and the owner of the network.
[[nodiscard]] bool MayAssignTag(const Policy& policy,
                                const TagClaimant& claimant,
                                std::string_view tag);

/// The attributes that nodeAttrs give the node, sorted.
[[nodiscard]] std::set<std::string> AttributesOf(const Policy& policy,
                                                 const PolicyNode& node);

/// The ssh rules that hold between two nodes, in the order in which they are
/// tried: those with the action check first.
[[nodiscard]] std::vector<const SshRule*> SshRulesBetween(
    const Policy& policy, const PolicyNode& source,
    const PolicyNode& destination);

enum class SshAnswer : uint8_t {
  kDeny,
  kAccept,
  kCheck  ///< accepted after a login that is not older than the rule says
};

/// Whether the ssh rules let `source` log in as `login`. Says nothing of port
/// 22, which takes a network rule.
[[nodiscard]] SshAnswer DecideSsh(const Policy& policy,
                                  const PolicyNode& source,
                                  const PolicyNode& destination,
                                  std::string_view login);

}  // namespace natkit::mesh::policy
