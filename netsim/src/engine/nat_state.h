#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "engine/address_pool.h"
#include "engine/host_table.h"
#include "engine/mapping_table.h"
#include "engine/port_allocator.h"
#include "engine/session_table.h"
#include "engine/tcp_state.h"
#include "engine/timer_lists.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/base/time.h"
#include "natkit/netsim/nat_config.h"
#include "natkit/netsim/nat_engine.h"
#include "natkit/netsim/sim_rng.h"

namespace natkit::netsim::engine {

/// What state says about a packet.
enum class Verdict : uint8_t {
  kPass,
  kFiltered,   ///< a mapping, but not for this sender
  kUnmapped,   ///< no mapping, or a TCP segment of no connection
  kPolicy,     ///< not let out
  kFull,       ///< needs state that a limit forbids
  kSwallowed,  ///< belongs to a flow of the box itself
};

/// A packet on its way out. Endpoints of ICMP queries have the identifier as
/// the port of the one who asks; other protocols without ports have 0.
struct OutboundPacket {
  uint8_t protocol = 0;
  uint8_t tcp_flags = 0;
  const Endpoint& inside;
  const Endpoint& remote;
  /// Where addresses follow a rule (basic NAT, NPTv6) or stay (firewall): the
  /// external endpoint. nullptr: the port allocator chooses it.
  const Endpoint* fixed_external = nullptr;
};

/// A packet on its way in.
struct InboundPacket {
  uint8_t protocol = 0;
  uint8_t tcp_flags = 0;
  const Endpoint& external;
  const Endpoint& remote;
};

struct OutboundVerdict {
  Verdict verdict = Verdict::kUnmapped;
  Endpoint external;  ///< kPass
};

struct InboundVerdict {
  Verdict verdict = Verdict::kUnmapped;
  Endpoint inside;  ///< kPass
};

/// Mappings and sessions, and the rules by which they come, admit, live and
/// go: RFC 4787 sections 4 and 5, RFC 5382, RFC 5508 section 3, RFC 6888. It
/// never sees bytes. Inside, external and remote endpoints may be of different
/// families, so one state serves NAPT, firewalls of both families and NAT64.
///
/// Every call begins with what is due at `now` having expired: the caller
/// calls Expire() first. A session times out on its own where the scope is
/// kSession, for TCP (each connection has its state), and below a forward;
/// a mapping then goes with its last session, a forward with its lease.
class NatState {
 public:
  /// All references outlive it.
  NatState(const NatConfig& config, NatCounters& counters, SimRng& rng);

  /// Finds or makes the session of a packet from the inside, and refreshes it.
  [[nodiscard]] OutboundVerdict Outbound(Instant now,
                                         const OutboundPacket& packet);
  /// Finds the session or an admitting mapping of a packet from outside.
  [[nodiscard]] InboundVerdict Inbound(Instant now,
                                       const InboundPacket& packet);
  /// The packet makes a flow of the box itself if there is room.
  void AddLocalFlow(Instant now, const InboundPacket& packet);

  // For ICMP errors, which neither make nor refresh state (RFC 5508 REQ-6):
  // the other end of the session that the quoted packet belongs to, or of a
  // mapping that such a packet would pass by.
  /// `packet` went out before it was translated.
  [[nodiscard]] std::optional<Endpoint> FindExternalOf(
      const OutboundPacket& packet) const;
  /// `packet` is a reply to what is quoted: its remote is the quoted
  /// destination.
  [[nodiscard]] std::optional<Endpoint> FindInsideOf(
      const InboundPacket& packet) const;

  /// See NatEngine. `fixed_external` as in OutboundPacket.
  [[nodiscard]] Result<Endpoint> AddForward(Instant now,
                                            const ForwardRequest& request,
                                            const Endpoint* fixed_external);
  /// A forward for ever, to the primary address. False if it is impossible.
  bool AddStaticForward(Instant now, const StaticForward& forward,
                        const Endpoint* fixed_external);
  bool RemoveForward(Instant now, uint8_t protocol, const Endpoint& inside);

  /// Removes all whose time has come. Cheap if nothing has.
  void Expire(Instant now) {
    if (now >= next_expiry_) {
      ExpireDue(now);
    }
  }

  /// Nothing expires before it; Instant::max() if nothing ever does.
  [[nodiscard]] Instant next_expiry() const { return next_expiry_; }

  /// Forgets everything, but not the addresses' rotation.
  void Reset();

  [[nodiscard]] std::vector<MappingView> Mappings(Instant now) const;

  [[nodiscard]] size_t mapping_count() const {
    return tables_->mappings.size();
  }

  [[nodiscard]] size_t session_count() const {
    return tables_->sessions.size();
  }

  [[nodiscard]] AddressPool& pool() { return pool_; }

  [[nodiscard]] const AddressPool& pool() const { return pool_; }

 private:
  struct Tables {
    Tables(const NatConfig& config, uint64_t seed);

    MappingTable mappings;
    SessionTable sessions;
    HostTable hosts;
    TimerLists<Mapping> mapping_timers;
    TimerLists<Session> session_timers;
    /// Ends of leases and the forwards that have them.
    std::set<std::pair<Instant, uint32_t>> leases;
    /// Of the forwards that do not admit everybody.
    std::map<uint32_t, std::vector<RemoteFilter>> filters;
  };

  /// Whether a packet restarts timers as `refresh` says, or in any case
  /// because it is the first.
  enum class Refresh : uint8_t { kConfigured, kAlways };

  // nat_state.cc: packets.
  OutboundVerdict NewOutbound(Instant now, const OutboundPacket& packet);
  InboundVerdict NewInbound(Instant now, const InboundPacket& packet);
  InboundVerdict JoinInbound(Instant now, const InboundPacket& packet,
                             uint32_t session);
  [[nodiscard]] Dependence DependenceOf(const OutboundPacket& packet) const;
  [[nodiscard]] uint32_t FindMapping(const OutboundPacket& packet) const;
  [[nodiscard]] uint32_t FindAdmitting(const InboundPacket& packet,
                                       Verdict& verdict) const;
  [[nodiscard]] bool NeedsSession(const Mapping& mapping) const;

  /// Of mappings without ports: those under NAPT do, those whose addresses
  /// follow a rule do not.
  [[nodiscard]] bool SharesAddress(uint32_t mapping) const {
    return tables_->mappings[mapping].dependence ==
           Dependence::kAddressAndPortDependent;
  }

  void Touch(Instant now, uint32_t session, Direction direction,
             uint8_t tcp_flags, Refresh refresh);
  void TouchTcp(Instant now, uint32_t session, Direction direction,
                uint8_t tcp_flags);
  void TouchMapping(Instant now, uint32_t mapping, Direction direction,
                    Refresh refresh);
  [[nodiscard]] bool Refreshes(Direction direction, Refresh refresh) const;
  void StartTimer(Instant now, uint32_t session, TimerClass timer_class);
  void MarkUsed(uint32_t session);

  // nat_state_make.cc: new state within limits.
  uint32_t MakeMapping(Instant now, const OutboundPacket& packet,
                       Dependence dependence);
  [[nodiscard]] bool HasRoomForMapping(Instant now, uint32_t host);
  [[nodiscard]] bool HasRoomForSession(Instant now);
  [[nodiscard]] bool HasRoomIn(const Mapping& mapping) const;
  uint32_t AddMapping(Instant now, const OutboundPacket& packet,
                      Dependence dependence, uint32_t host);
  [[nodiscard]] bool AllocateExternal(Instant now, const OutboundPacket& packet,
                                      Mapping& mapping);
  [[nodiscard]] bool TakeAddress(const OutboundPacket& packet,
                                 Mapping& mapping);
  [[nodiscard]] bool ReuseExternal(const OutboundPacket& packet,
                                   Mapping& mapping) const;
  void ChooseAddress(const OutboundPacket& packet, Mapping& mapping,
                     PortRequest& request);
  [[nodiscard]] bool AllocatePort(Instant now, Mapping& mapping,
                                  PortRequest& request);
  [[nodiscard]] std::optional<Endpoint> FindPredecessor(
      const OutboundPacket& packet) const;
  uint32_t AddSession(Instant now, uint32_t mapping, const Endpoint& remote,
                      Direction direction, uint8_t tcp_flags);
  bool EvictOldest(Instant now);
  bool EvictOldestOf(Instant now, uint32_t host);
  bool EvictOldestFor(Instant now, const Mapping& mapping,
                      const PortRequest& request, const Endpoint& remote);
  [[nodiscard]] bool IsHelpfulVictim(uint32_t index, const Mapping& mapping,
                                     const PortRequest& request,
                                     const Endpoint& remote) const;

  [[nodiscard]] bool IsShedding() const {
    return config_.shed_above != 0 &&
           tables_->mappings.size() >= config_.shed_above;
  }

  /// Whether a host's mappings are all on one external address.
  [[nodiscard]] bool IsBoundToAddress() const {
    return config_.pooling == Pooling::kPaired ||
           config_.port_assignment == PortAssignment::kDeterministicBlock;
  }

  [[nodiscard]] bool Evicts() const {
    return config_.limits.when_full == WhenFull::kEvictOldest;
  }

  // nat_state_life.cc: the end of state.
  void ExpireDue(Instant now);
  void RemoveSession(Instant now, uint32_t index);
  void RemoveMapping(Instant now, uint32_t index);
  void ReleasePort(Instant now, const Mapping& mapping);
  [[nodiscard]] bool HasOwnTimer(const Mapping& mapping) const;
  [[nodiscard]] MappingView ViewOf(const Mapping& mapping) const;

  // nat_state_forwards.cc
  Result<Endpoint> MakeForward(Instant now, const ForwardRequest& request,
                               const Endpoint* fixed_external);
  [[nodiscard]] uint32_t FindLease(const ForwardRequest& request) const;
  [[nodiscard]] bool FindForwardPort(Instant now, const ForwardRequest& request,
                                     const Endpoint* fixed_external,
                                     Mapping& mapping, Errc& error);
  [[nodiscard]] bool TakeForwardPort(Mapping& mapping);
  [[nodiscard]] bool IsLeasable(uint32_t mapping) const;
  void Upgrade(Instant now, uint32_t mapping);
  void UncoverForward(uint8_t protocol, const Endpoint& inside);
  void SetLease(Instant now, uint32_t mapping, const ForwardRequest& request);
  [[nodiscard]] bool ForwardAdmits(uint32_t mapping,
                                   const Endpoint& remote) const;

  const NatConfig& config_;
  NatCounters& counters_;
  SimRng& rng_;
  uint64_t seed_;
  AddressPool pool_;
  PortAllocator allocator_;
  std::unique_ptr<Tables> tables_;
  Instant next_expiry_ = Instant::max();
};

}  // namespace natkit::netsim::engine
