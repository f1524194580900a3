#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/ice_candidate.h"
#include "natkit/nat/ice_credentials.h"
#include "natkit/nat/nat_traits.h"
#include "natkit/nat/punch_plan.h"

namespace natkit::nat {

/// What a HardPunch needs to know in advance.
struct HardPunchConfig {
  /// Whether this side agrees to it at all: many packets and mappings.
  bool is_allowed = false;
  PunchBudget budget;
  PunchAim aim;
  /// Bound socket that always exists; the agent's own.
  Endpoint main;
  /// Servers of the main socket's family on at least four distinct endpoints;
  /// with eight or more even blocks of ports show.
  std::vector<Endpoint> stun_servers;
  /// Asks of mappings, if the main socket's do not suffice, until so many were
  /// seen; each further one takes a socket.
  uint32_t samples = 12;
  /// What is known already; unknown filtering is taken for
  /// address-and-port-dependent.
  NatTraits traits;
  /// TTL of openers: enough to leave the own outermost NAT, not enough to reach
  /// the peer's (nat.md 14.3). nullopt: sockets cannot set one, or the path is
  /// too short; all packets are then ordinary ones.
  std::optional<uint8_t> opener_ttl = uint8_t{5};
  /// Openers are repeated so often, so that mappings stay.
  Duration refresh_every = std::chrono::seconds(12);
  /// How long the peer's answer is awaited: it takes samples first.
  Duration answer_timeout = std::chrono::seconds(10);

  // The session whose pair this becomes (RFC 8445 section 7.2).
  ice::Role role = ice::Role::kControlling;
  ice::Credentials local;
  ice::Credentials remote;
};

/// One datagram to send from the socket bound to `from`.
struct PunchTransmit {
  Endpoint from;
  Endpoint to;
  std::vector<uint8_t> payload;
  std::optional<uint8_t> ttl;  ///< nullopt: the usual one
};

/// Open so many sockets on the main one's address, any ports, and report each
/// by HandleSocketOpened(), or the end by HandleSocketsDone().
struct OpenSocketsEvent {
  uint32_t count = 0;
};

/// Close all sockets that were opened, but `keep`.
struct CloseSocketsEvent {
  std::optional<Endpoint> keep;
};

/// Tell the peer, over the relay.
struct PunchMessageEvent {
  PunchMessage message;
};

/// What the two sides agreed on; raised once.
struct PunchPlannedEvent {
  PunchMethod method = PunchMethod::kBirthday;
  bool opens = false;
  double chance = 0;
};

/// An authenticated packet of the peer came through: `local` becomes a base of
/// the ICE agent, `remote` a candidate of the peer there; the agent checks and
/// nominates as ever.
struct PunchHitEvent {
  Endpoint local;
  Endpoint remote;
};

struct PunchFailedEvent {
  PunchFailure reason = PunchFailure::kNoHit;
};

using HardPunchEvent =
    std::variant<OpenSocketsEvent, CloseSocketsEvent, PunchMessageEvent,
                 PunchPlannedEvent, PunchHitEvent, PunchFailedEvent>;

/// What it cost.
struct HardPunchCounters {
  uint64_t packets = 0;  ///< all that were sent
  uint64_t samples = 0;
  uint64_t openers = 0;  ///< with a low TTL
  uint64_t probes = 0;   ///< ordinary checks
  uint64_t dropped_unauthenticated = 0;
  uint64_t ignored_messages = 0;
  bool operator==(const HardPunchCounters&) const = default;
};

enum class HardPunchState : uint8_t {
  kIdle,
  kSampling,  ///< finding out how the own NAT allocates ports
  kOffered,   ///< waiting for the peer's plan
  kRunning,
  kHit,
  kFailed,
};

/// One attempt to reach a peer where ordinary checks cannot: at least one side
/// has a NAT whose mappings depend on the destination (nat.md 12).
///
/// Life cycle: the initiator's owner calls Start(); it samples, then offers.
/// The responder gets the offer, samples, decides, answers with a plan and
/// begins; the initiator begins when it has the plan. On the hard side each
/// flow starts with a low-TTL opener, so that nothing arrives early at a NAT
/// that would move the mapping for it. The first authenticated packet ends it:
/// PunchHitEvent, and the owner closes the losers. Owners keep a PunchBackoff.
///
/// Pure: owns no socket, clock or random source; `rng` must outlive it. After
/// each input drain PollTransmit() and PollEvent() and arm NextTimeout(). Never
/// sends more than the budget, whatever the peer says. Not thread-safe.
class HardPunch {
 public:
  HardPunch(HardPunchConfig config, Rng& rng);
  HardPunch(HardPunch&& other) noexcept;
  HardPunch& operator=(HardPunch&& other) noexcept;
  ~HardPunch();

  /// Begins as initiator; no effect unless kIdle.
  void Start(Instant now);
  /// A message of the peer, authenticated by the relay's sealing.
  void HandleMessage(Instant now, const PunchMessage& message);
  /// One socket of the last OpenSocketsEvent is bound to `base`.
  void HandleSocketOpened(Instant now, const Endpoint& base);
  /// No more sockets come for the last OpenSocketsEvent.
  void HandleSocketsDone(Instant now);
  /// Takes a datagram that arrived on `local`, the main socket or an opened
  /// one. False, without effect, if it is not for this attempt.
  bool HandleDatagram(Instant now, const Endpoint& local, const Endpoint& from,
                      ByteView datagram);
  void HandleTimeout(Instant now);

  [[nodiscard]] std::optional<PunchTransmit> PollTransmit();
  [[nodiscard]] std::optional<HardPunchEvent> PollEvent();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  [[nodiscard]] HardPunchState state() const;
  [[nodiscard]] const HardPunchCounters& counters() const;
  /// How the own NAT allocates, once sampled.
  [[nodiscard]] const std::optional<PortForecast>& forecast() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace natkit::nat
