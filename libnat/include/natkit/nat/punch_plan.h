#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <variant>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/nat/nat_traits.h"
#include "natkit/nat/port_prediction.h"

namespace natkit::nat {

/// What the owner lets one attempt at a hard NAT cost. Never exceeded, whatever
/// the peer asks for.
struct PunchBudget {
  /// All packets, answers included; evenly spaced, so no second has more.
  uint32_t packets_per_second = 100;
  /// Of all packets of one attempt, samples included.
  uint32_t max_packets = 4096;
  /// Endpoints probed; each may cost an entry in our own NAT's table.
  uint32_t max_probes = 2048;
  /// Sockets opened besides the main one.
  uint32_t max_sockets = 256;
  /// Mappings that our own NAT is made to create.
  uint32_t new_mappings_per_second = 200;
  /// Share of a subscriber's ports (a carrier's block or quota) that may be
  /// taken; others in the house need the rest (RFC 6888 section 4).
  double quota_share = 0.25;
  bool operator==(const PunchBudget&) const = default;
};

/// What one side says about itself so that a plan can be made.
struct PunchSide {
  Dependence mapping = Dependence::kEndpointIndependent;
  Dependence filtering = Dependence::kAddressAndPortDependent;
  /// Where its main socket is seen; an endpoint-independent one is reached
  /// there.
  Endpoint mapped;
  PortForecast forecast;
  /// How old the forecast's last sample was when this was written.
  Duration sample_age{};
  /// Mappings that this side may hold at once, if it knows of a quota; 0: not
  /// known.
  uint32_t mapping_quota = 0;
  PunchBudget budget;
  bool operator==(const PunchSide&) const = default;
};

/// How a path is looked for.
enum class PunchMethod : uint8_t {
  /// One side has an endpoint-independent mapping ("easy"), the other ("hard")
  /// opens many ports toward it, and the easy side probes ports at random
  /// (nat.md 12.2).
  kBirthday,
  /// The same, but the hard side's ports are predicted (nat.md 12.1).
  kSequence,
  /// Both are hard, and both allocate from few known ports (nat.md 12.5).
  kCrossing,
};

/// One side's part. A flow is a socket and a remote endpoint that it sends to.
struct PunchShare {
  /// Sockets to open; 0: only the main one is used.
  uint32_t sockets = 0;
  uint32_t flows = 0;
  /// Whether each flow begins with a packet whose TTL is too low to get far
  /// (nat.md 14.3).
  bool opens = false;
  /// From the start until the flows are checked, and how long that takes.
  Duration checks_after{};
  Duration checks_for{};
  uint32_t packets_per_second = 0;
  bool operator==(const PunchShare&) const = default;
};

/// Who does what, made by the responder.
struct PunchPlan {
  PunchMethod method = PunchMethod::kBirthday;
  PunchShare initiator;
  PunchShare responder;
  /// From the start until both give up.
  Duration lasts{};
  /// Expected without loss.
  double chance = 0;
  bool operator==(const PunchPlan&) const = default;
};

/// Why there is no plan, or no hit.
enum class PunchFailure : uint8_t {
  kNotNeeded,   ///< ordinary checks reach an endpoint-independent pair
  kHopeless,    ///< the chance is below HardPunchConfig::min_chance
  kNotAllowed,  ///< a side has it switched off
  kBackingOff,  ///< it failed within the last hour
  kNoSamples,   ///< STUN servers did not answer
  kNoSockets,   ///< none could be opened
  kNoAnswer,    ///< the peer did not answer the offer
  kRefused,     ///< the peer refused, or its plan made no sense
  kNoHit,       ///< all was tried
  /// A budget or quota leaves no probe, or no mapping to probe.
  kBudgetTooSmall,
};

/// "Let us try; this is what I am." From the initiator.
struct PunchOffer {
  uint64_t attempt = 0;
  PunchSide side;
  bool operator==(const PunchOffer&) const = default;
};

/// "This is what we do, and it starts now." From the responder.
struct PunchAnswer {
  uint64_t attempt = 0;
  PunchSide side;
  PunchPlan plan;
  bool operator==(const PunchAnswer&) const = default;
};

struct PunchRefusal {
  uint64_t attempt = 0;
  PunchFailure reason = PunchFailure::kNotAllowed;
  bool operator==(const PunchRefusal&) const = default;
};

/// What two sides tell each other over their relay, which must be
/// authenticated.
using PunchMessage = std::variant<PunchOffer, PunchAnswer, PunchRefusal>;

/// What a plan aims at.
struct PunchAim {
  double target = 0.99;      ///< chance to reach, if the budgets allow
  double min_chance = 0.05;  ///< below it nothing is tried
  /// Time for the answer to reach the initiator and for the first packets.
  Duration slack = std::chrono::milliseconds(500);
};

/// A plan, or why there is none: kNotNeeded, kHopeless or kBudgetTooSmall.
struct PunchDecision {
  std::optional<PunchPlan> plan;
  PunchFailure failure = PunchFailure::kHopeless;
};

/// Makes the cheapest plan that reaches the aim within both budgets and quotas.
[[nodiscard]] PunchDecision MakePunchPlan(const PunchSide& initiator,
                                          const PunchSide& responder,
                                          const PunchAim& aim);

/// Whether a plan keeps within this side's budget and a side that came from a
/// peer is sane: usable addresses, bounded areas, finite numbers.
[[nodiscard]] bool IsWithinBudget(const PunchShare& share,
                                  const PunchBudget& budget);
[[nodiscard]] bool IsUsable(const PunchSide& side);

}  // namespace natkit::nat
