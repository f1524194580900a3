#pragma once

#include <cstdint>
#include <optional>

#include "commands/command_support.h"
#include "natkit/base/packet_batch.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/udp_socket.h"
#include "shell/node_shell_addresses.h"

namespace natkit::meshnode {

/// One UDP socket for each address family, on one port where possible.
class UdpPair {
 public:
  /// Binds `port` on all addresses; 0: the system chooses. At least one family
  /// works; a fixed port is the same for both or the call fails. `fwmark`: of
  /// all that is sent (SO_MARK); 0: none.
  [[nodiscard]] static Outcome<UdpPair> Bind(io::EventLoop& loop, uint16_t port,
                                             uint32_t fwmark);

  /// Starts receiving from both.
  void Start(const io::UdpSocket::ReceiveHandler& on_receive);
  /// Sends each packet by the socket of its Meta::remote's family.
  void Send(const PacketBatch& batch);

  /// Sends each packet with the hop limit that is its Meta::tag.
  void SendOpeners(const PacketBatch& batch);

  [[nodiscard]] UdpPorts ports() const;

 private:
  std::optional<io::UdpSocket> v4_;
  std::optional<io::UdpSocket> v6_;
  PacketBatch only_v4_;  // reused: parts of a mixed batch
  PacketBatch only_v6_;
};

}  // namespace natkit::meshnode
