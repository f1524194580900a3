#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/netsim/packet.h"

namespace natkit::netsim {

/// Puts the fragments of datagrams together (RFC 791 section 3.2, RFC 8200
/// section 4.5), for one host. Bounded: 16 datagrams at a time, of which the
/// oldest gives way, and 64 KiB each. Overlapping fragments discard their
/// datagram (RFC 5722).
class Reassembler {
 public:
  static constexpr size_t kMaxDatagrams = 16;
  static constexpr Duration kLifetime = std::chrono::seconds(30);

  /// What became of a fragment.
  enum class Fate : uint8_t { kComplete, kHeld, kRefused };

  /// Takes one fragment; with kComplete, whole() is the packet.
  Fate Add(Instant now, ByteView fragment, const PacketInfo& info);

  /// The last complete packet, until the next Add().
  [[nodiscard]] MutableBytes whole() { return whole_; }

 private:
  struct Piece {
    size_t offset = 0;
    std::vector<uint8_t> bytes;
  };

  struct Datagram {
    IpAddress source;
    IpAddress destination;
    uint8_t protocol = 0;
    uint16_t id = 0;
    Instant since;
    std::vector<uint8_t> header;  ///< of the first fragment
    std::vector<Piece> pieces;    ///< by offset
    std::optional<size_t> size;   ///< known from the last fragment
  };

  void DropStale(Instant now);
  Datagram& FindOrMake(Instant now, const PacketInfo& info);
  void Forget(const Datagram& datagram);
  /// False: overlaps, or contradicts what is known.
  [[nodiscard]] static bool Insert(Datagram& datagram, Piece piece,
                                   bool is_last);
  [[nodiscard]] static bool IsComplete(const Datagram& datagram);
  void Assemble(const Datagram& datagram);

  std::vector<Datagram> datagrams_;  ///< oldest first
  std::vector<uint8_t> whole_;
};

}  // namespace natkit::netsim
