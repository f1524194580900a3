#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "natkit/base/packet_batch.h"
#include "natkit/base/rng.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/timer.h"
#include "natkit/io/tun_device.h"
#include "natkit/shell/outcome.h"
#include "natkit/wg/device.h"
#include "wg/wg_control.h"
#include "wg/wg_sockets.h"

namespace natkit::meshnode {

/// One userspace WireGuard interface: a TUN device, a wg::Device, UDP sockets
/// and the configuration socket, wired together.
class WgInterface {
 public:
  /// Where the `wg` tool looks for configuration sockets.
  static constexpr const char* kControlFolder = "/var/run/wireguard";

  /// Brings everything into being; the interface is down. The error is one
  /// line that says what to do about it.
  [[nodiscard]] static shell::Outcome<std::unique_ptr<WgInterface>> Create(
      io::EventLoop& loop, Rng& rng, const std::string& name, uint32_t mtu);

  /// Called once if somebody deletes the interface.
  void set_on_gone(std::function<void()> on_gone) {
    on_gone_ = std::move(on_gone);
  }

 private:
  WgInterface(io::EventLoop& loop, Rng& rng, io::TunDevice tun, uint32_t mtu);

  [[nodiscard]] shell::Outcome<void> Start();
  void HandlePackets(const PacketBatch& packets);
  void HandleDatagrams(const PacketBatch& datagrams);
  void HandleTimeout();
  /// Sends what the device put out and arms its timer.
  void Pump();
  void LogEvent(const wg::DeviceEvent& event) const;
  [[nodiscard]] wg::SecretText HandleRequest(std::string& request);
  [[nodiscard]] Result<void> Configure(std::string_view request);

  io::TunDevice tun_;
  wg::Device device_;
  io::Timer timer_;
  WgSockets sockets_;
  WgControl control_;
  std::function<void()> on_gone_;
  PacketBatch outgoing_;
  PacketBatch plaintext_;
};

}  // namespace natkit::meshnode
