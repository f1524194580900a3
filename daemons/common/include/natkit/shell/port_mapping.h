#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "natkit/base/packet_batch.h"
#include "natkit/base/rng.h"
#include "natkit/io/background_work.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/timer.h"
#include "natkit/io/udp_socket.h"
#include "natkit/nat/port_mapper.h"
#include "natkit/shell/upnp_device.h"

namespace natkit::shell {

/// Binds a nat::PortMapper to the system: finds the default gateway, owns a
/// socket toward it and one for its announcements, and does UPnP on another
/// thread. IPv4. An IPv6 router is usually known by a link-local address alone,
/// which nat::PortMapper does not take.
class PortMapping {
 public:
  using Handler = std::function<void(const nat::PortMapperEvent& event)>;

  /// Nothing happens before Refresh(). `rng` and `loop` must outlive it;
  /// `nonce_key` as for nat::PcpClient.
  PortMapping(io::EventLoop& loop, Rng& rng,
              const nat::PortMapperConfig& config, Handler on_event,
              std::optional<nat::PcpNonceKey> nonce_key = std::nullopt);
  ~PortMapping();
  PortMapping(const PortMapping&) = delete;
  PortMapping& operator=(const PortMapping&) = delete;

  /// Of all that is sent, and of the way to the gateway that is looked for
  /// (SO_MARK); 0: none. Before the first Refresh().
  void SetFwmark(uint32_t fwmark);

  /// Looks for the gateway: at the start, and when the network has changed.
  void Refresh();
  void Map(const nat::PortMappingKey& key);
  void SetReflexiveAddresses(std::vector<IpAddress> addresses);
  void SetInboundReach(const nat::PortMappingKey& key, const Endpoint& external,
                       nat::InboundReach reach);
  /// Deletes what is mapped, then, or after `limit`, calls `on_done` once.
  void Shutdown(Duration limit, std::function<void()> on_done);

  [[nodiscard]] const nat::PortMapper& mapper() const { return mapper_; }

 private:
  void OpenSockets(const nat::PortMapperGateway& gateway);
  void Receive(const PacketBatch& batch);
  void HandleIcmp(const io::IcmpError& error);
  void Do(const nat::UpnpRequest& request);
  void Pump();
  void CheckDone();

  io::EventLoop& loop_;
  nat::PortMapper mapper_;
  Handler on_event_;
  uint32_t fwmark_ = 0;
  std::optional<io::UdpSocket> socket_;
  std::optional<io::UdpSocket> old_socket_;  ///< while the mapper is leaving()
  std::optional<io::UdpSocket> announcements_;
  std::shared_ptr<UpnpDevice> upnp_;
  io::BackgroundWork work_;
  io::Timer timer_;
  io::Timer limit_;
  std::function<void()> on_done_;
};

}  // namespace natkit::shell
