#include "natkit/base/copy.h"
#include "natkit/netsim/packet.h"
#include "packet/wire.h"

namespace natkit::netsim {

namespace {

/// Sums 32 bytes at a time, as eight words of 32 bits in sums of 64 bits, so
/// that no carry is lost: one's complement sums can be built from wider words
/// (RFC 1071 section 2). Compilers make vector instructions of it.
class WideSum {
 public:
  static constexpr size_t kStep = 32;

  /// Exactly kStep bytes.
  void Add(const uint8_t* bytes) {
    Words words;
    std::memcpy(&words, bytes, sizeof(words));
    low_ += words & 0xffffffff;
    high_ += words >> 32;
  }

  [[nodiscard]] uint64_t total() const {
    const Words sum = low_ + high_;
    return sum[0] + sum[1] + sum[2] + sum[3];
  }

 private:
  using Words [[gnu::vector_size(kStep)]] = uint64_t;

  Words low_{};
  Words high_{};
};

/// The sum of the 16-bit words in the machine's own byte order, folded; an odd
/// last byte counts as the first of its word. Swapping the bytes of all words
/// swaps those of the sum (RFC 1071 section 2).
uint16_t NativeSum(ByteView bytes) {
  WideSum wide;
  for (; bytes.size() >= WideSum::kStep;
       bytes = bytes.subspan(WideSum::kStep)) {
    wide.Add(bytes.data());
  }
  std::array<uint8_t, WideSum::kStep> tail{};
  CopyBytes(bytes, tail);
  wide.Add(tail.data());
  uint64_t sum = wide.total();
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  return wire::Fold(static_cast<uint32_t>(sum));
}

uint32_t AddressSum(const IpAddress& address) {
  const ByteView bytes = address.bytes();
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    sum += wire::Get16(bytes, i);
  }
  return sum;
}

/// What the transport checksum covers; empty if there is none to speak of or
/// its length field contradicts the packet.
ByteView Covered(ByteView packet, const PacketInfo& info) {
  if (!info.has_transport || info.is_fragment) {
    return {};
  }
  const ByteView transport =
      packet.first(info.total_size).subspan(info.transport_offset);
  if (info.protocol != wire::kUdp) {
    return transport;
  }
  const size_t length = wire::Get16(transport, wire::kUdpLength);
  return length < wire::kUdpHeaderSize || length > transport.size()
             ? ByteView{}
             : transport.first(length);
}

uint32_t PseudoSum(const PacketInfo& info, size_t length) {
  return info.protocol == wire::kIcmp
             ? 0
             : wire::PseudoHeaderSum(info.source.address,
                                     info.destination.address, info.protocol,
                                     length);
}

void FixTransport(MutableBytes packet, const PacketInfo& info) {
  const ByteView covered = Covered(packet, info);
  if (covered.empty()) {
    return;
  }
  const size_t at = info.transport_offset + wire::ChecksumOffset(info.protocol);
  wire::Put16(packet, at, 0);
  uint16_t sum = InternetChecksum(covered, PseudoSum(info, covered.size()));
  if (sum == 0 && info.protocol == wire::kUdp) {
    sum = 0xffff;  // zero would say that there is none (RFC 768)
  }
  wire::Put16(packet, at, sum);
}

}  // namespace

uint32_t wire::PseudoHeaderSum(const IpAddress& source,
                               const IpAddress& destination, uint8_t protocol,
                               size_t length) {
  return AddressSum(source) + AddressSum(destination) + protocol +
         static_cast<uint32_t>(length >> 16) +
         static_cast<uint32_t>(length & 0xffff);
}

uint16_t InternetChecksum(ByteView bytes, uint32_t sum) {
  uint16_t native = NativeSum(bytes);
  if constexpr (std::endian::native == std::endian::little) {
    native = static_cast<uint16_t>(native << 8 | native >> 8);
  }
  return static_cast<uint16_t>(~wire::Fold(uint32_t{wire::Fold(sum)} + native));
}

bool HasValidTransportChecksum(ByteView packet, const PacketInfo& info) {
  if (wire::ChecksumOffset(info.protocol) == 0) {
    return true;
  }
  const ByteView covered = Covered(packet, info);
  if (covered.empty()) {
    return false;
  }
  if (info.protocol == wire::kUdp &&
      wire::Get16(covered, wire::kUdpChecksum) == 0) {
    return info.is_v4();
  }
  return InternetChecksum(covered, PseudoSum(info, covered.size())) == 0;
}

void FixChecksums(MutableBytes packet) {
  if (!packet.empty() && wire::IsV4(packet)) {
    const size_t header = wire::Ipv4HeaderLength(packet);
    if (header < wire::kIpv4HeaderSize || header > packet.size()) {
      return;
    }
    wire::Put16(packet, wire::kIpv4Checksum, 0);
    wire::Put16(packet, wire::kIpv4Checksum,
                InternetChecksum(packet.first(header)));
  }
  if (const auto info = ParsePacket(packet)) {
    FixTransport(packet, *info);
  }
}

}  // namespace natkit::netsim
