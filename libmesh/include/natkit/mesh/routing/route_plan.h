#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "natkit/base/endpoint.h"

/// What a node has to set up on its system so that packets find the mesh.
///
/// All functions are pure: they look at nothing but their arguments.
namespace natkit::routing {

/// What another node of the mesh owns.
struct MeshPeer {
  std::string name;
  std::vector<IpAddress> addresses;
  /// Approved and, where several routers offer one, elected. 0.0.0.0/0 and
  /// ::/0 mean that it is an exit node.
  std::vector<IpPrefix> routes;
};

/// One network that an interface of the host is part of.
struct LocalNetwork {
  std::string interface;
  IpPrefix prefix;
};

/// Whether a node behind an exit still reaches the networks it is part of.
enum class LanAccess : uint8_t { kOff, kOn };

/// Whether names are asked through the exit, too. With kFollowsExit questions
/// to resolvers on local networks go into the tunnel, LAN access or not.
enum class ExitDns : uint8_t { kFollowsExit, kLocal };

/// Whether packets that a router brings out of the mesh get its own address.
enum class Snat : uint8_t { kOn, kOff };

/// Everything that decides.
struct PlanInput {
  std::string tun;   ///< name of the mesh's interface
  uint16_t mtu = 0;  ///< of that interface; 0: it is left as it is
  std::vector<IpAddress> addresses;  ///< the node's own
  std::vector<IpPrefix> advertised;  ///< own routes in use; /0: it is an exit
  std::vector<MeshPeer> peers;
  std::vector<IpPrefix> mesh_prefixes;  ///< what the mesh numbers nodes from
  std::optional<std::string> exit;      ///< name of the peer that is chosen
  LanAccess lan_access = LanAccess::kOff;
  ExitDns exit_dns = ExitDns::kFollowsExit;
  Snat snat = Snat::kOn;
  /// Those of `tun`, loopback and link-local ones are skipped.
  std::vector<LocalNetwork> local_networks;
};

/// The tables of the system's routes that are the mesh's alone.
enum class RouteTable : uint8_t {
  kMesh,  ///< what peers own
  kExit,  ///< everything else, while an exit is chosen
  kGone,  ///< what is the mesh's and nobody's at present
};

enum class RouteKind : uint8_t {
  kTunnel,       ///< into the interface
  kThrow,        ///< not the mesh's business: the next rule decides
  kUnreachable,  ///< refused; a route of another kind to the same is preferred
};

struct PlannedRoute {
  RouteTable table = RouteTable::kMesh;
  IpPrefix to;
  RouteKind kind = RouteKind::kTunnel;

  auto operator<=>(const PlannedRoute&) const = default;
};

/// What decides which table is asked, in this order. All come before the main
/// table, and none applies to packets with the node's own mark, except for
/// kLan, kDhcp and kLinkLocal, which lead to the main table.
enum class RuleKind : uint8_t {
  kMesh,       ///< table kMesh
  kDns,        ///< to port 53 (UDP, TCP): table kExit
  kLan,        ///< main table without its default routes
  kDhcp,       ///< IPv4, UDP from port 68 to 67: main table
  kLinkLocal,  ///< IPv6, to fe80::/10: main table
  kExit,       ///< table kExit
  kGone,       ///< table kGone
};

struct PlannedRule {
  RuleKind kind = RuleKind::kMesh;
  AddressFamily family = AddressFamily::kIpv4;

  auto operator<=>(const PlannedRule&) const = default;
};

/// What packet filter rules are needed.
struct Firewall {
  bool forwards = false;     ///< clamp MSS of what passes to the tunnel's MTU
  bool masquerades = false;  ///< what comes from the mesh and leaves elsewhere
  bool guards_exit = false;  ///< answers to marked packets are marked; nobody
                             ///< but the tunnel brings packets to `addresses`
  std::vector<IpAddress> addresses;  ///< the node's own, with guards_exit
  uint16_t mtu = 0;                  ///< of the tunnel, with forwards

  bool operator==(const Firewall&) const = default;
};

/// Which families the system has to forward.
struct Forwarding {
  bool ipv4 = false;
  bool ipv6 = false;

  bool operator==(const Forwarding&) const = default;
};

/// The state that the system is to have. Lists are sorted and without doubles.
struct SystemPlan {
  std::vector<IpAddress> addresses;  ///< of the interface, as host prefixes
  std::vector<PlannedRoute> routes;
  std::vector<PlannedRule> rules;
  Firewall firewall;
  Forwarding forwarding;

  bool operator==(const SystemPlan&) const = default;
};

enum class FindingKind : uint8_t {
  kLocalOverlap,        ///< a mesh route and a local network overlap
  kPeerOverlap,         ///< two peers' routes overlap
  kExitNotChosen,       ///< a default route is offered and not used
  kExitUnusable,        ///< the chosen exit is not there, or is none
  kExitWithoutFamily,   ///< the exit carries one family; the other is blocked
  kAdvertisedNotLocal,  ///< the host is not part of what it advertises
  kOwnRoute,            ///< a peer has the route that this node has itself
  kNoAddress,           ///< routes of a family that the node has no address of
};

/// Something that a person should know, in words.
struct Finding {
  FindingKind kind = FindingKind::kLocalOverlap;
  std::string text;

  auto operator<=>(const Finding&) const = default;
};

struct RoutePlan {
  SystemPlan system;
  std::vector<Finding> findings;  ///< sorted, without doubles
  /// The node's DNS is to take all names: an exit is in use and DNS follows.
  bool takes_all_dns = false;
};

/// Decides. The rules:
/// - a peer's address always leads into the tunnel;
/// - an address of the mesh that no peer has is unreachable, but for the exit:
///   what was for a peer that is gone never leaves in the clear. Local networks
///   inside the mesh's prefix are left alone;
/// - a local network wins over a peer's route to the same or to a part of it;
///   a wider route leaves the local network alone;
/// - default routes are for the chosen exit only. Once one is chosen nothing
///   leaves past the tunnel, whether the exit is there or not: what it does not
///   carry is unreachable.
[[nodiscard]] RoutePlan MakePlan(const PlanInput& input);

/// One change of the system.
struct Step {
  enum class Action : uint8_t {
    kPut,     ///< add, or replace what has the same key; set
    kRemove,  ///< never with Firewall and Forwarding, which are only set
  };

  Action action = Action::kPut;
  std::variant<IpAddress, PlannedRoute, PlannedRule, Firewall, Forwarding> what;

  bool operator==(const Step&) const = default;
};

/// What leads from one plan to another, in an order in which, after every
/// step, a packet that both plans send into the tunnel goes there, and one that
/// neither does never goes there.
[[nodiscard]] std::vector<Step> Diff(const SystemPlan& from,
                                     const SystemPlan& to);

/// Carries out a step on a plan: what the system has after it.
void Apply(const Step& step, SystemPlan& plan);

/// Whether both have one place in a table: one replaces the other there.
[[nodiscard]] bool HaveSameKey(const PlannedRoute& a, const PlannedRoute& b);

/// "route 10.0.0.0/8 into the tunnel" and the like, for messages.
[[nodiscard]] std::string Describe(const Step& step);

}  // namespace natkit::routing
