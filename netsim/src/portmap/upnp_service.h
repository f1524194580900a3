#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "engine/local_service.h"
#include "natkit/base/time.h"
#include "natkit/netsim/nat_config.h"
#include "portmap/igd.h"
#include "portmap/lease_book.h"
#include "portmap/tcp_responder.h"

namespace natkit::netsim::portmap {

/// UPnP IGD on the inside address: SSDP searches at UDP port 1900 and its
/// group 239.255.255.250, descriptions and control over HTTP at TCP port 5000.
class UpnpService final : public engine::LocalService {
 public:
  /// `config` outlives the service.
  UpnpService(const NatConfig& config, std::shared_ptr<LeaseBook> leases,
              Instant start);

  [[nodiscard]] bool HandlePacket(Instant now, ByteView packet,
                                  const PacketInfo& info) override;
  [[nodiscard]] std::optional<std::vector<uint8_t>> PollTransmit() override;
  [[nodiscard]] std::optional<Instant> NextTimeout() const override;
  void HandleTimeout(Instant now) override;
  void HandleReboot(Instant now) override;

 private:
  [[nodiscard]] bool HandleSearch(ByteView packet, const PacketInfo& info);
  [[nodiscard]] std::optional<std::vector<uint8_t>> HandleRequest(
      Instant now, const TcpResponder::Request& request);

  const NatConfig& config_;
  std::shared_ptr<LeaseBook> leases_;
  Igd igd_;
  TcpResponder tcp_;
  uint32_t boot_id_ = 1;
  std::deque<std::vector<uint8_t>> queue_;
};

}  // namespace natkit::netsim::portmap
