#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "natkit/base/time.h"
#include "natkit/netsim/sim_rng.h"

namespace natkit::netsim {

/// How one direction of a link treats packets. All off: a perfect wire.
struct LinkConfig {
  Duration delay{};   ///< one way
  Duration jitter{};  ///< uniform in [0, jitter], added; never reorders unless
                      ///< `reorder` says so
  double loss = 0;    ///< share lost, 0 to 1, independent draws
  double duplicate = 0;  ///< share that arrives twice
  /// Share that is sent `reorder_delay` later than its turn, so that packets
  /// behind it overtake.
  double reorder = 0;
  Duration reorder_delay = std::chrono::milliseconds(10);
  uint64_t rate = 0;                ///< bits per second; 0: infinite
  size_t queue_bytes = 256 * 1024;  ///< waits for `rate`; beyond it: dropped
  uint16_t mtu = 1500;  ///< larger packets are dropped by the link itself
  bool operator==(const LinkConfig&) const = default;

  [[nodiscard]] bool is_perfect() const { return *this == LinkConfig{}; }
};

/// Why a link did not deliver a packet.
enum class LinkDrop : uint8_t { kNone, kLoss, kQueue, kMtu, kBlackhole };

/// Counted since construction, in packets.
struct LinkCounters {
  uint64_t sent = 0;
  uint64_t delivered = 0;
  uint64_t lost = 0;
  uint64_t duplicated = 0;
  uint64_t reordered = 0;
  uint64_t dropped_queue = 0;
  uint64_t dropped_mtu = 0;
  uint64_t dropped_blackhole = 0;
};

/// One direction of a link, as a pure decision: told when a packet of which
/// size is sent, it says when (and how often) it arrives. The owner keeps the
/// packet and the time. Used by World and by real topologies alike.
///
/// In this order: too large or into a blackhole: dropped; no room in the queue:
/// dropped; then the packet occupies the wire, and is lost, doubled or delayed
/// on it.
class Link {
 public:
  /// When the copies of one packet arrive: none, one or two, in order.
  struct Deliveries {
    std::array<Instant, 2> at{};
    size_t count = 0;
    LinkDrop drop = LinkDrop::kNone;  ///< the reason if `count` is 0
  };

  Link(const LinkConfig& config, uint64_t seed);

  /// A packet of `size` bytes (IP, without link header) is sent. Does not
  /// allocate.
  [[nodiscard]] Deliveries Send(Instant now, size_t size);

  /// Replaces the configuration; what is under way arrives as it was told.
  void Configure(const LinkConfig& config);
  /// Loses everything sent before `until`; a time in the past ends it.
  void BlackholeUntil(Instant until);

  /// The latest arrival of those that were not reordered: no later one of them
  /// comes before it.
  [[nodiscard]] Instant last_arrival() const { return last_arrival_; }

  [[nodiscard]] const LinkConfig& config() const { return config_; }

  [[nodiscard]] const LinkCounters& counters() const { return counters_; }

 private:
  Deliveries Drop(LinkDrop reason, uint64_t& counter);
  /// Puts the packet on the wire behind what waits there already; the time at
  /// which its last bit has left, or nullopt if the queue has no room.
  [[nodiscard]] std::optional<Instant> Serialize(Instant now, size_t size);
  /// When a packet that left at `departure` arrives.
  [[nodiscard]] Instant Arrival(Instant departure);

  LinkConfig config_;
  LinkCounters counters_;
  SimRng rng_;
  Instant busy_until_ = Instant::min();    ///< the wire is occupied until then
  Instant last_arrival_ = Instant::min();  ///< jitter does not reorder
  Instant blackhole_until_ = Instant::min();
};

}  // namespace natkit::netsim
