#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/nat/keepalive_policy.h"
#include "natkit/nat/nat_traits.h"
#include "natkit/nat/port_mapping.h"

// Why a pair of hosts has no direct path, and what would give it one.
namespace natkit::nat {

/// What a pair of behaviours can do by plain hole punching: both sides send to
/// every address they know of the other, again and again.
enum class Reach : uint8_t {
  kDirect,      ///< one 5-tuple works both ways
  kAsymmetric,  ///< both ways, but over different 5-tuples: no use to ICE
  kOneWay,      ///< one direction only
  kNothing,
};

/// One side of the punch matrix.
struct NatBehavior {
  Dependence mapping = Dependence::kEndpointIndependent;
  Dependence filtering = Dependence::kEndpointIndependent;

  bool operator==(const NatBehavior&) const = default;
};

/// A cell of the punch matrix.
struct PunchCell {
  NatBehavior ours;
  NatBehavior theirs;
  Reach reach = Reach::kDirect;

  bool operator==(const PunchCell&) const = default;
};

/// The matrix of all 81 pairs, for one address per NAT, no hairpinning and new
/// mappings on ports that nobody can guess. Symmetric in its arguments.
[[nodiscard]] Reach PredictReach(const NatBehavior& a, const NatBehavior& b);

/// "EI/APD": mapping, then filtering.
[[nodiscard]] std::string BehaviorName(const NatBehavior& behavior);
/// A stable word: "direct", "asymmetric", "one-way", "nothing".
[[nodiscard]] std::string_view ReachName(Reach reach);

/// A port that a router forwards to one end of a path. Values are for ever:
/// they are signalled.
enum class MappedPort : uint8_t {
  kNone,
  kNotProbed,    ///< the router says that it does; nobody could try
  kUnreachable,  ///< it says so, but what strangers send does not arrive
  kReachable,    ///< strangers reach it
  kClaimed,      ///< its owner says so; nobody could try
};

/// What is known of one end of a path.
struct PathSide {
  NatTraits traits;
  /// The mapping is address-and-port-dependent as far as is known, but two
  /// ports of one server were never compared: it may be address-dependent.
  bool may_be_address_dependent = false;
  MappedPort mapped_port = MappedPort::kNone;
  /// Its router maps a port, but another NAT stands beyond.
  bool is_behind_second_nat = false;
  bool uses_port_mapping = false;
  std::optional<PortMappingError> port_mapping_error;
  bool has_ipv6 = false;
  /// How much that side minds keepalives; no reason for anything here.
  PowerMode power = PowerMode::kMains;

  bool operator==(const PathSide&) const = default;
};

/// Whether many probes toward a hard NAT were tried (nat/hard_punch.h).
enum class HardPunchOutcome : uint8_t {
  kNotTried,
  kNotAllowed,
  kFailed,          ///< all was probed
  kRunning,         ///< not finished yet
  kHopeless,        ///< no budget makes a hit likely
  kBroken,          ///< it ended before the first probe
  kBudgetTooSmall,  ///< not even one probe is within it
  kSucceeded,       ///< the path was found so
};

/// What is asked.
struct PathQuestion {
  PathSide ours;
  /// nullopt: the peer has told nothing yet.
  std::optional<PathSide> theirs;
  bool is_direct = false;
  /// The direct path runs between the two endpoints that STUN servers saw, so
  /// it tells what the two NATs do: no IPv6, no common network or NAT, no
  /// mapped port and no hard punch had a part in it.
  bool is_plain_punch = false;
  /// A direct path was found, but what was sent over it did not arrive, so it
  /// is not used; it is tried again after `retry_in`.
  bool eats_data = false;
  std::optional<Duration> retry_in{};
  /// Without traffic nobody searches.
  bool is_active = false;
  /// The search has had its time: what can be found has been found.
  bool has_searched = false;
  /// One is up, so the two sides can tell each other where they are.
  bool has_relay = true;
  /// The two sides tell each other over relays; else their owners carry what
  /// each has to know.
  bool uses_relays = true;
  HardPunchOutcome hard_punch = HardPunchOutcome::kNotTried;
  /// Which sides have it switched on.
  bool we_allow_hard_punch = false;
  bool they_allow_hard_punch = false;
  /// Other local ports that were tried because a NAT may have moved the
  /// mapping of the first.
  uint32_t fresh_ports = 0;
};

/// The answer in one word.
enum class PathReason : uint8_t {
  kDirect,      ///< it is direct
  kNoRelay,     ///< no way to tell each other where they are
  kIdle,        ///< no traffic, so no search
  kPeerSilent,  ///< the peer has not answered the search
  kSearching,   ///< not finished yet
  /// On one side or both; or no server answers there, which looks the same.
  kUdpBlocked,
  /// Behind one NAT that seems not to lead back inside: else it might be
  /// direct.
  kSameNat,
  kNatPair,          ///< the two behaviours do not fit: see the cells
  kUnknownBehavior,  ///< not enough is known of one side
  kShouldBeDirect,   ///< nothing that is known stands in the way
  kEatsData,         ///< a direct path passes STUN and loses what matters
};

/// A stable word such as "nat-pair".
[[nodiscard]] std::string_view PathReasonName(PathReason reason);

enum class FixCode : uint8_t {
  kWait,
  kSendTraffic,
  kStartPeer,
  kReachRelay,
  kAllowUdp,
  kAllowInbound,       ///< what comes in at our port, through a firewall
  kForwardPort,        ///< by hand, in the router
  kEnablePortMapping,  ///< PCP, NAT-PMP or UPnP, in the router or in the node
  kRemoveSecondNat,
  kLeaveHardNat,  ///< another network, or another NAT mode
  kUseIpv6,
  kEnableHairpinning,
  kUseSameLan,
  kAllowHardPunch,
  kAddStunServers,
  kRaiseHardPunchBudget,
};

/// A stable word such as "forward-port".
[[nodiscard]] std::string_view FixCodeName(FixCode code);

enum class FixSide : uint8_t {
  kOurs,
  kTheirs,
  kEither,  ///< one of them is enough, or it is about both together
  kBoth,    ///< on one side alone it does not help
};

/// "ours", "theirs", "either", "both".
[[nodiscard]] std::string_view FixSideName(FixSide side);

/// One thing that would help, and why.
struct Fix {
  FixCode code = FixCode::kWait;
  FixSide side = FixSide::kEither;
  std::string reason;
};

struct PathDiagnosis {
  PathReason reason = PathReason::kSearching;
  std::string summary;  ///< one sentence
  std::string ours;     ///< the behaviour in words
  std::string theirs;
  /// The cells of the two IPv4 NATs that fit what is known and seen; one if all
  /// is known. Empty if nothing is known of a side.
  std::vector<PunchCell> cells;
  /// What was tried, one sentence each.
  std::vector<std::string> tried;
  /// Most helpful first. Each one alone makes the pair direct, except that
  /// kAllowUdp may be needed on both sides, comes before all that follow it and
  /// shows only then what the NATs do, kRemoveSecondNat is what kForwardPort
  /// needs first, kEnablePortMapping behind a NAT that both share needs a
  /// router of one's own, and kReachRelay, kStartPeer and kSendTraffic are what
  /// a search needs.
  std::vector<Fix> fixes;
};

/// Pure. What is unknown stays unknown, except that a finished search without
/// success rules out the cells that would have been direct, unless both share a
/// NAT, and a plain punch those that would not.
[[nodiscard]] PathDiagnosis DiagnosePath(const PathQuestion& question);

}  // namespace natkit::nat
