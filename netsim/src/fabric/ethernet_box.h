#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ethernet/ethernet_port.h"
#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/netsim/nat_engine.h"

namespace natkit::netsim {

/// Where packets to a range of addresses go from one side of a box; without
/// `via` they are delivered on that side's own network.
struct BoxRoute {
  IpPrefix to;
  std::optional<IpAddress> via;
};

/// One side of a box: a network interface.
struct BoxSide {
  MacAddress mac;
  std::vector<IpAddress> addresses;  ///< it answers for them
  std::vector<BoxRoute> routes;
};

/// A NAT as a device on two Ethernets: a NatEngine, and for each side an
/// EthernetPort and routes. Pure; not thread-safe.
///
/// After every input drain PollTransmit().
class EthernetBox {
 public:
  /// A frame that leaves on one side.
  struct Output {
    Side side = Side::kOutside;
    std::vector<uint8_t> frame;
  };

  /// It is switched on at `start`.
  EthernetBox(const NatConfig& config, uint64_t seed, BoxSide inside,
              BoxSide outside, Instant start);

  /// A frame arrives. If its packet leaves at once, rewritten in place, the
  /// side is returned and `frame` is ready to be sent there.
  [[nodiscard]] std::optional<Side> HandleFrame(Instant now, Side from,
                                                MutableBytes frame);

  [[nodiscard]] std::optional<Output> PollTransmit(Instant now);
  [[nodiscard]] std::optional<Instant> NextTimeout() const;
  void HandleTimeout(Instant now);

  /// The cable of one side was pulled or plugged in.
  void HandlePlug(Side side) { ports_[Index(side)].ForgetNeighbors(); }

  /// Tells both networks which addresses are here.
  void Announce();

  /// Loses all state; with `address` comes back as that on the outside.
  void Reboot(Instant now, std::optional<IpAddress> address);

  [[nodiscard]] NatEngine& engine() { return engine_; }

  [[nodiscard]] const NatEngine& engine() const { return engine_; }

  [[nodiscard]] const EthernetPort& port(Side side) const {
    return ports_[Index(side)];
  }

  /// Packets to destinations without a route.
  [[nodiscard]] uint64_t dropped_no_route() const { return dropped_no_route_; }

 private:
  static constexpr size_t Index(Side side) {
    return side == Side::kInside ? 0 : 1;
  }

  /// Writes the header of `frame` for its packet's next hop.
  [[nodiscard]] bool Address(Instant now, Side side, MutableBytes frame);
  [[nodiscard]] std::optional<IpAddress> NextHop(Side side,
                                                 const IpAddress& to) const;
  NatEngine engine_;
  std::array<EthernetPort, 2> ports_;
  std::array<std::vector<BoxRoute>, 2> routes_;
  std::vector<IpAddress> outside_addresses_;
  uint64_t dropped_no_route_ = 0;
};

}  // namespace natkit::netsim
