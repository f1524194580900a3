#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ethernet/ethernet_switch.h"
#include "fabric/delay_queue.h"
#include "fabric/ethernet_box.h"
#include "natkit/base/bytes.h"
#include "natkit/base/time.h"
#include "natkit/netsim/link.h"
#include "natkit/netsim/nat_config.h"

namespace natkit::netsim {

/// One end of a cable at a network: a member's interface.
struct FabricPort {
  std::string member;
  size_t network = 0;
  LinkConfig up;    ///< from the member to the network
  LinkConfig down;  ///< from the network to the member
};

/// A box that a NatEngine plays; its sides are two of the ports.
struct FabricBox {
  std::string name;
  NatConfig config;
  std::array<size_t, 2> ports{};  ///< inside, outside
  std::vector<BoxRoute> inside_routes;
  std::vector<BoxRoute> outside_routes;
  std::vector<IpAddress> inside_addresses;
  std::vector<IpAddress> outside_addresses;
};

struct FabricConfig {
  size_t network_count = 0;
  std::vector<FabricPort> ports;
  std::vector<FabricBox> boxes;
  uint64_t seed = 0;
  Instant start;  ///< when the boxes are switched on
};

/// Takes the frames that leave a Fabric at ports that are not boxes'.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  /// `frame` is valid during the call only; if it lies in the bytes that were
  /// given to Fabric::HandleFrame(), then as long as those.
  virtual void SendFrame(size_t port, ByteView frame) = 0;
};

/// Networks in user space: a switch each, cables with the behaviour of Link,
/// and boxes that NatEngine plays. Frames and time in, frames out; no I/O.
///
/// A frame from a port passes the cable's `up` link, the switch, the `down`
/// link of the port it goes to, and arrives there. Without impairments all of
/// that happens within HandleFrame(), in place and without a copy. Frames that
/// wait for their time take at most kMaxDelayedBytes.
///
/// ARP and neighbor discovery pass every plugged cable at once and unharmed,
/// and no link counts them, so that first packets meet what all others meet.
class Fabric {
 public:
  static constexpr size_t kMaxDelayedBytes = size_t{256} << 20;

  /// `sink` must live as long as the fabric.
  Fabric(const FabricConfig& config, FrameSink& sink);

  /// A frame from the device of port `port`; its bytes are overwritten.
  void HandleFrame(Instant now, size_t port, MutableBytes frame);
  /// Also when frames that waited are due.
  [[nodiscard]] std::optional<Instant> NextTimeout();
  void HandleTimeout(Instant now);

  /// Announces every box's addresses.
  void Start(Instant now);

  // Events. Ports and boxes are positions in the configuration.
  void Reboot(Instant now, size_t box, std::optional<IpAddress> address);
  void SetUdpBlocked(size_t box, bool is_blocked);
  /// An unplugged cable loses everything, also what is under way in it.
  void SetPlugged(size_t port, bool is_plugged);
  void Blackhole(size_t port, Instant until);
  void Configure(size_t port, const LinkConfig& up, const LinkConfig& down);

  [[nodiscard]] const FabricConfig& config() const { return config_; }

  [[nodiscard]] const EthernetBox& box(size_t index) const {
    return boxes_[index];
  }

  /// The links of a port: up, down.
  [[nodiscard]] std::array<const Link*, 2> links(size_t port) const {
    return {&ports_[port].up.link, &ports_[port].down.link};
  }

  [[nodiscard]] bool is_plugged(size_t port) const {
    return ports_[port].is_plugged;
  }

  /// Frames that did not fit into kMaxDelayedBytes, or went in circles.
  [[nodiscard]] uint64_t dropped() const { return dropped_; }

 private:
  /// A direction of a cable. A perfect one has nothing under way.
  struct Wire {
    explicit Wire(const LinkConfig& config, uint64_t seed)
        : link(config, seed), is_perfect(config.is_perfect()) {}

    Link link;
    bool is_perfect;
  };

  struct Port {
    Port(const FabricPort& config, uint64_t seed)
        : up(config.up, seed), down(config.down, seed + 1) {}

    Wire up;
    Wire down;
    uint32_t unplugged = 0;  ///< how often; frames under way carry it
    bool is_plugged = true;
    std::optional<size_t> box;
    Side side = Side::kInside;
  };

  enum class Stage : uint8_t { kUp, kDown };

  static DelayQueue::Tag MakeTag(size_t port, Stage stage, uint32_t unplugged);
  /// True: the frame has passed the wire. False: it is lost or under way.
  bool PassWire(Instant now, size_t port, Stage stage, ByteView frame);
  void Switch(Instant now, size_t port, MutableBytes frame);
  void Flood(Instant now, size_t from, ByteView frame);
  void Leave(Instant now, size_t port, MutableBytes frame);
  void Deliver(Instant now, size_t port, MutableBytes frame);
  void DeliverToBox(Instant now, size_t port, MutableBytes frame);
  void Drain(Instant now, size_t box);
  void MarkChanged(size_t box);
  void ReleaseDelayed(Instant now);
  void RefreshTimeouts();

  static constexpr int kMaxDepth = 64;

  FabricConfig config_;
  FrameSink& sink_;
  std::vector<EthernetSwitch> switches_;
  std::vector<std::vector<size_t>> members_;  ///< ports of each network
  std::vector<Port> ports_;
  std::vector<EthernetBox> boxes_;
  DelayQueue delayed_{kMaxDelayedBytes};
  std::vector<size_t> changed_;  ///< boxes whose next timeout is to be read
  std::vector<bool> is_changed_;
  std::vector<std::optional<Instant>> timeouts_;
  std::set<std::pair<Instant, size_t>> due_;
  int depth_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace natkit::netsim
