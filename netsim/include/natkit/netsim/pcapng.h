#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/time.h"

namespace natkit::netsim {

/// Which way a captured packet went, seen from its interface.
enum class PacketDirection : uint8_t { kInbound = 1, kOutbound = 2 };

/// Writes packets as a pcapng file (draft-ietf-opsawg-pcapng) that Wireshark
/// and tshark read: little-endian, link type RAW (the packet begins with its IP
/// header), timestamps in nanoseconds since Instant{}, shown as 1970.
///
/// Life cycle: the section header is written at construction, interfaces when
/// they are added, also between packets. Pure: what to do with the bytes is the
/// sink's business; each call of it gets one whole block.
class PcapngWriter {
 public:
  using Sink = std::function<void(ByteView)>;
  using InterfaceId = uint32_t;

  struct Record {
    InterfaceId interface = 0;
    Instant at;
    ByteView packet;
    PacketDirection direction = PacketDirection::kInbound;
    std::string_view comment;  ///< UTF-8, up to 1000 bytes; empty: none
  };

  explicit PcapngWriter(Sink sink);

  /// Describes one more interface; the first is number 0.
  InterfaceId AddInterface(std::string_view name);
  /// Packets over 65,535 bytes are cut. Does not allocate once a packet of this
  /// size has been written.
  void Write(const Record& record);

  [[nodiscard]] uint64_t packets_written() const { return packets_written_; }

 private:
  void BeginBlock(uint32_t type);
  void PutU16(uint16_t value);
  void PutU32(uint32_t value);
  void PutPadded(ByteView bytes);
  void PutOption(uint16_t code, ByteView value);
  /// Completes both length fields and hands the block to the sink.
  void EndBlock();

  Sink sink_;
  std::vector<uint8_t> block_;
  uint32_t interfaces_ = 0;
  uint64_t packets_written_ = 0;
};

}  // namespace natkit::netsim
