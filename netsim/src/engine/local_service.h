#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/base/time.h"
#include "natkit/netsim/nat_engine.h"
#include "natkit/netsim/packet.h"

namespace natkit::netsim::engine {

/// What a service may ask of the box that it is part of.
class ForwardControl {
 public:
  virtual ~ForwardControl() = default;
  /// As NatEngine's functions of these names.
  [[nodiscard]] virtual Result<Endpoint> AddForward(
      Instant now, const ForwardRequest& request) = 0;
  /// Makes or refreshes the mapping that a packet from `inside` to `remote`
  /// would (RFC 6887 section 12). UDP or TCP. Errors: kBadValue (the packet
  /// would not be translated), kLimitExceeded.
  [[nodiscard]] virtual Result<Endpoint> AddPeer(Instant now, uint8_t protocol,
                                                 const Endpoint& inside,
                                                 const Endpoint& remote) = 0;
  virtual bool RemoveForward(Instant now, uint8_t protocol,
                             const Endpoint& inside) = 0;
  [[nodiscard]] virtual std::vector<MappingView> Mappings(
      Instant now) const = 0;
  [[nodiscard]] virtual const IpAddress& external_address() const = 0;
};

/// A server of the box on its inside: NAT-PMP, PCP, UPnP. Pure, like the box.
///
/// It is offered packets from the inside to the inside address (of either
/// family) and to multicast groups: whole, not fragmented, with a right
/// transport checksum.
class LocalService {
 public:
  virtual ~LocalService() = default;

  /// False if the packet is none of its business.
  [[nodiscard]] virtual bool HandlePacket(Instant now, ByteView packet,
                                          const PacketInfo& info) = 0;
  /// Whole packets to the inside.
  [[nodiscard]] virtual std::optional<std::vector<uint8_t>> PollTransmit() = 0;
  [[nodiscard]] virtual std::optional<Instant> NextTimeout() const = 0;
  virtual void HandleTimeout(Instant now) = 0;
  /// The box has lost all state, its forwards too.
  virtual void HandleReboot(Instant now) = 0;
};

/// The services that `config.services` asks for; the box starts at `start`.
[[nodiscard]] std::vector<std::unique_ptr<LocalService>> MakeLocalServices(
    const NatConfig& config, ForwardControl& control, Instant start);

}  // namespace natkit::netsim::engine
