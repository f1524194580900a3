#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/base/time.h"
#include "natkit/netsim/nat_config.h"

namespace natkit::netsim {

/// The two sides of a box.
enum class Side : uint8_t { kInside, kOutside };

/// A packet that the engine made, and the side where it leaves.
struct EnginePacket {
  Side to = Side::kOutside;
  std::vector<uint8_t> bytes;
};

/// Counted since construction; a reboot does not reset them.
struct NatCounters {
  uint64_t forwarded_out = 0;
  uint64_t forwarded_in = 0;
  uint64_t hairpinned = 0;
  uint64_t dropped_malformed = 0;
  uint64_t dropped_filtered = 0;  ///< a mapping, but not for this sender
  uint64_t dropped_unmapped = 0;  ///< no mapping at all
  uint64_t dropped_policy = 0;
  uint64_t dropped_full = 0;  ///< a limit was reached
  uint64_t dropped_fragment = 0;
  uint64_t dropped_ttl = 0;
  uint64_t dropped_mtu = 0;
  uint64_t mappings_made = 0;
  uint64_t mappings_evicted = 0;
  uint64_t icmp_errors_sent = 0;
};

/// What one mapping looks like from outside the engine, for tests and tools.
struct MappingView {
  uint8_t protocol = 0;
  Endpoint inside;  ///< for ICMP the port is the query identifier
  Endpoint external;
  std::optional<Instant> expires_at;  ///< nullopt: a static forward
};

/// A remote endpoint that a forward admits (RFC 6887 section 13.3).
struct RemoteFilter {
  IpPrefix addresses;
  uint16_t port = 0;  ///< 0: any
  bool operator==(const RemoteFilter&) const = default;
};

/// Of one forward.
inline constexpr size_t kMaxRemoteFilters = 16;

/// Asks for a port forward on behalf of an inside host (RFC 6886 section 3.3,
/// RFC 6887 section 11).
struct ForwardRequest {
  uint8_t protocol = 17;  ///< IpProtocol::kUdp or kTcp
  Endpoint inside;
  uint16_t suggested_port = 0;     ///< 0: any
  bool must_be_suggested = false;  ///< else another port may be given
  Duration lifetime{};
  /// Who may use it, at most kMaxRemoteFilters; empty: everybody.
  std::vector<RemoteFilter> filters;
};

/// One NAT, firewall or router as a pure machine: packets and time in, packets
/// out. It owns no clock, socket or thread; all randomness comes from its
/// 64-bit seed, so equal inputs give equal outputs.
///
/// Life cycle: Process() every packet that arrives on a side. What leaves as
/// it came but rewritten is rewritten in place and its side returned; all
/// else (ICMP errors, held fragments, answers of the box itself, packets whose
/// family changed) is queued: drain PollTransmit() after every input. Call
/// HandleTimeout() when NextTimeout() has come. Times never go backwards; one
/// that does is taken as the latest seen.
///
/// Invariants, at all times: no more than `limits.max_mappings` mappings, no
/// two live mappings of one protocol share an external endpoint unless the
/// assignment overloads, no port outside the range but by explicit forward.
/// The queue of PollTransmit() is bounded; what does not fit is dropped.
/// Process() does not allocate for packets of known flows.
class NatEngine {
 public:
  /// `config` must have no FindProblems(); that is checked. Port mapping
  /// services count their epoch from `start`.
  NatEngine(NatConfig config, uint64_t seed, Instant start = Instant{});
  ~NatEngine();
  NatEngine(NatEngine&&) noexcept;
  NatEngine& operator=(NatEngine&&) noexcept;

  /// One IP packet arriving on side `from`. Returns where it leaves, rewritten
  /// in place; nullopt if it was consumed: dropped, answered or queued.
  [[nodiscard]] std::optional<Side> Process(Instant now, Side from,
                                            MutableBytes packet);

  [[nodiscard]] std::optional<EnginePacket> PollTransmit();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;
  void HandleTimeout(Instant now);

  /// Loses all state. With `new_external`, comes back with that as its primary
  /// external address. Port mapping services restart their epoch.
  void Reboot(Instant now, std::optional<IpAddress> new_external);

  /// Drops all UDP from now on, or no more.
  void SetUdpBlocked(bool is_blocked);

  /// Errors: kAlreadyExists (the suggested port is taken and must be it),
  /// kLimitExceeded, kBadValue.
  [[nodiscard]] Result<Endpoint> AddForward(Instant now,
                                            const ForwardRequest& request);
  /// Removes the forwards of one inside endpoint; port 0 means all of the
  /// host. False if there was none.
  bool RemoveForward(Instant now, uint8_t protocol, const Endpoint& inside);

  /// The mappings live at `now`, ordered by protocol and inside endpoint. A
  /// change of address that is due happens with the next HandleTimeout() or
  /// packet, not here.
  [[nodiscard]] std::vector<MappingView> Mappings(Instant now) const;
  /// Live or not yet reclaimed; what the limits bound.
  [[nodiscard]] size_t mapping_count() const;
  [[nodiscard]] size_t session_count() const;
  [[nodiscard]] const NatCounters& counters() const;
  [[nodiscard]] const NatConfig& config() const;
  /// The external address in use (the primary one of a pool).
  [[nodiscard]] const IpAddress& external_address() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace natkit::netsim
