#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/netsim/packet.h"
#include "packet/wire.h"

namespace natkit::netsim {

/// The fields of a segment, for expectations.
struct SeenSegment {
  uint32_t sequence = 0;
  uint32_t acknowledgement = 0;
  uint8_t flags = 0;
  uint16_t window = 0;
  std::string payload;

  [[nodiscard]] bool Has(uint8_t flag) const { return (flags & flag) != 0; }

  [[nodiscard]] uint32_t end() const {
    return sequence + static_cast<uint32_t>(payload.size()) +
           (Has(kTcpFin) ? 1 : 0);
  }

  static SeenSegment Read(ByteView packet) {
    const auto info = ParsePacket(packet).value();
    const ByteView tcp = packet.subspan(info.transport_offset);
    const size_t header = size_t{4} * (tcp[wire::kTcpDataOffset] >> 4);
    return {.sequence = wire::Get32(tcp, 4),
            .acknowledgement = wire::Get32(tcp, 8),
            .flags = info.tcp_flags,
            .window = wire::Get16(tcp, 14),
            .payload = std::string(AsText(tcp.subspan(header)))};
  }
};

/// The client's end of one connection, as little as tests need: it sends what
/// it is told to and takes in order what comes.
class TcpClient {
 public:
  /// Hands a packet over and returns the packets that come back.
  using Exchange = std::function<std::vector<std::vector<uint8_t>>(
      std::vector<uint8_t> packet)>;

  TcpClient(const Endpoint& local, const Endpoint& server, uint32_t initial,
            Exchange exchange)
      : local_(local),
        server_(server),
        exchange_(std::move(exchange)),
        next(initial) {}

  /// Sends one segment at `next` (which it moves on) and takes the answers.
  void Send(uint8_t flags, std::string_view payload = {}) {
    const uint32_t at = next;
    next += static_cast<uint32_t>(payload.size()) +
            ((flags & (kTcpSyn | kTcpFin)) != 0 ? 1 : 0);
    SendAt(at, flags, payload);
  }

  void SendAt(uint32_t sequence, uint8_t flags, std::string_view payload = {}) {
    Take(exchange_(
        BuildTcp(local_, server_,
                 {.sequence = sequence,
                  .acknowledgement = (flags & kTcpAck) != 0 ? expected : 0,
                  .flags = flags,
                  .window = window,
                  .mss = (flags & kTcpSyn) != 0 ? mss : uint16_t{0}},
                 AsBytes(payload))));
  }

  void Connect() {
    Send(kTcpSyn);
    Send(kTcpAck);
  }

  /// The whole life of a connection; what was received.
  std::string Fetch(std::string_view request) {
    Connect();
    Send(kTcpAck | kTcpPsh, request);
    for (int i = 0; i < 100 && !has_fin; ++i) {
      Send(kTcpAck);
    }
    Send(kTcpFin | kTcpAck);
    return received;
  }

  void Take(const std::vector<std::vector<uint8_t>>& packets) {
    for (const auto& packet : packets) {
      const SeenSegment segment = SeenSegment::Read(packet);
      seen.push_back(segment);
      if (segment.Has(kTcpSyn)) {
        expected = segment.sequence + 1;
      } else if (segment.sequence == expected && !segment.Has(kTcpRst)) {
        received += segment.payload;
        expected = segment.end();
        has_fin = has_fin || segment.Has(kTcpFin);
      }
    }
  }

 private:
  Endpoint local_;
  Endpoint server_;
  Exchange exchange_;

 public:
  uint32_t next;          ///< to send
  uint32_t expected = 0;  ///< to receive
  uint16_t window = 65535;
  uint16_t mss = 1460;
  std::string received;
  bool has_fin = false;
  std::vector<SeenSegment> seen;
};

}  // namespace natkit::netsim
