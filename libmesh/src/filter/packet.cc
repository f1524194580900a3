#include "filter/packet.h"

#include <algorithm>

#include "filter/transport.h"

namespace natkit::mesh {

namespace {

constexpr size_t kIpv4HeaderSize = 20;
constexpr size_t kIpv6HeaderSize = 40;
constexpr size_t kMaxDatagramSize = 65'535;
constexpr size_t kFragmentUnit = 8;
constexpr int kMaxExtensionHeaders = 8;

// IPv4 options (RFC 791, section 3.1).
constexpr uint8_t kOptionEnd = 0;
constexpr uint8_t kOptionNop = 1;
constexpr uint8_t kOptionLooseSourceRoute = 131;
constexpr uint8_t kOptionStrictSourceRoute = 137;

// IPv6 extension headers (RFC 8200, section 4).
constexpr uint8_t kHopByHop = 0;
constexpr uint8_t kRouting = 43;
constexpr uint8_t kFragment = 44;
constexpr uint8_t kDestinationOptions = 60;

std::unexpected<Verdict> Drop(Verdict verdict) {
  return std::unexpected(verdict);
}

struct Ipv4Fields {
  size_t header_size = 0;
  uint16_t total_size = 0;
  uint16_t id = 0;
  uint16_t fragment = 0;
};

// An option that is cut short hides what follows it.
std::optional<Verdict> CheckOptions(ByteView options) {
  ByteReader in(options);
  uint8_t kind = 0;
  uint8_t size = 0;
  while (in.ReadU8(kind) && kind != kOptionEnd) {
    if (kind == kOptionNop) {
      continue;
    }
    if (!in.ReadU8(size) || size < 2 || !in.Skip(size - size_t{2})) {
      return Verdict::kMalformed;
    }
    if (kind == kOptionLooseSourceRoute || kind == kOptionStrictSourceRoute) {
      return Verdict::kSourceRoute;
    }
  }
  return std::nullopt;
}

template <size_t N>
bool ReadAddresses(ByteReader& in, PacketFacts& facts) {
  ByteView source;
  ByteView destination;
  if (!in.ReadView(N, source) || !in.ReadView(N, destination)) {
    return false;
  }
  facts.source = *IpAddress::FromBytes(source);
  facts.destination = *IpAddress::FromBytes(destination);
  return true;
}

class PacketParser {
 public:
  PacketParser(ByteView packet, Completeness completeness)
      : packet_(packet), completeness_(completeness) {}

  std::expected<PacketFacts, Verdict> Parse() {
    if (packet_.empty()) {
      return Drop(Verdict::kMalformed);
    }
    std::optional<Verdict> drop = Verdict::kMalformed;
    if (packet_[0] >> 4 == 4) {
      drop = ParseIpv4();
    } else if (packet_[0] >> 4 == 6) {
      drop = ParseIpv6();
    }
    if (drop) {
      return Drop(*drop);
    }
    return facts_;
  }

 private:
  [[nodiscard]] bool is_whole() const {
    return completeness_ == Completeness::kWhole;
  }

  bool ReadIpv4(ByteReader& in, Ipv4Fields& fields) {
    uint8_t version = 0;
    const bool is_read = in.ReadU8(version) && in.Skip(1) &&
                         in.ReadU16(fields.total_size) &&
                         in.ReadU16(fields.id) && in.ReadU16(fields.fragment) &&
                         in.Skip(1) && in.ReadU8(facts_.protocol) &&
                         in.Skip(2) && ReadAddresses<4>(in, facts_);
    fields.header_size = (version & 0x0F) * size_t{4};
    return is_read && fields.header_size >= kIpv4HeaderSize &&
           fields.header_size <= packet_.size() &&
           fields.total_size >= fields.header_size;
  }

  std::optional<Verdict> ParseIpv4() {
    ByteReader in(packet_);
    Ipv4Fields fields;
    if (!ReadIpv4(in, fields) ||
        (is_whole() && fields.total_size > packet_.size())) {
      return Verdict::kMalformed;
    }
    const size_t options_size = fields.header_size - kIpv4HeaderSize;
    if (const auto drop =
            CheckOptions(packet_.subspan(kIpv4HeaderSize, options_size))) {
      return drop;
    }
    const size_t end = std::min<size_t>(fields.total_size, packet_.size());
    const ByteView payload =
        packet_.subspan(fields.header_size, end - fields.header_size);
    const bool more = (fields.fragment & 0x2000) != 0;
    const size_t begin = (fields.fragment & 0x1FFF) * kFragmentUnit;
    if (!more && begin == 0) {
      return ParseTransport({payload, completeness_, false}, facts_);
    }
    facts_.fragment = FragmentPlace{.id = fields.id,
                                    .protocol = facts_.protocol,
                                    .begin = static_cast<uint32_t>(begin),
                                    .end = 0};
    return ParseFragment(payload, more);
  }

  // `payload` begins where the datagram's fragmentable part does.
  std::optional<Verdict> ParseFragment(ByteView payload, bool more) {
    const size_t begin = facts_.fragment->begin;
    facts_.fragment->end = static_cast<uint32_t>(begin + payload.size());
    if (payload.empty() || begin + payload.size() > kMaxDatagramSize ||
        (is_whole() && more && payload.size() % kFragmentUnit != 0)) {
      return Verdict::kBadFragment;
    }
    if (begin != 0) {
      facts_.kind = PacketKind::kLaterFragment;
      return std::nullopt;
    }
    return facts_.source.is_v4()
               ? ParseTransport({payload, completeness_, true}, facts_)
               : ParseExtensions(payload);
  }

  std::optional<Verdict> ParseIpv6() {
    ByteReader in(packet_);
    uint16_t payload_size = 0;
    if (!in.Skip(4) || !in.ReadU16(payload_size) ||
        !in.ReadU8(facts_.protocol) || !in.Skip(1) ||
        !ReadAddresses<16>(in, facts_) ||
        (is_whole() && payload_size > in.remaining())) {
      return Verdict::kMalformed;
    }
    const size_t size = std::min<size_t>(payload_size, in.remaining());
    return ParseExtensions(packet_.subspan(kIpv6HeaderSize, size));
  }

  std::optional<Verdict> ParseExtensions(ByteView payload) {
    while (true) {
      const uint8_t kind = facts_.protocol;
      if (kind == kFragment) {
        return ParseFragmentHeader(payload);
      }
      if (kind != kHopByHop && kind != kRouting &&
          kind != kDestinationOptions) {
        return ParseTransport(
            {payload, completeness_, facts_.fragment.has_value()}, facts_);
      }
      // Hop-by-hop options come first or not at all (RFC 8200, section 4.1).
      if ((kind == kHopByHop && extensions_ != 0) || !TakeExtension()) {
        return Verdict::kMalformed;
      }
      if (const auto drop = SkipExtension(kind, payload)) {
        return drop;
      }
    }
  }

  bool TakeExtension() { return ++extensions_ <= kMaxExtensionHeaders; }

  // Without all of the headers in the first fragment nothing can be judged
  // (RFC 7112).
  [[nodiscard]] Verdict CutShort() const {
    return facts_.fragment ? Verdict::kBadFragment : Verdict::kMalformed;
  }

  std::optional<Verdict> SkipExtension(uint8_t kind, ByteView& payload) {
    ByteReader in(payload);
    uint8_t units = 0;
    uint8_t type = 0;
    uint8_t segments_left = 0;
    if (!in.ReadU8(facts_.protocol) || !in.ReadU8(units) || !in.ReadU8(type) ||
        !in.ReadU8(segments_left)) {
      return CutShort();
    }
    const size_t size = (units + size_t{1}) * kFragmentUnit;
    if (size > payload.size()) {
      return CutShort();
    }
    // It would go on to another destination than the one judged.
    if (kind == kRouting && segments_left != 0) {
      return Verdict::kSourceRoute;
    }
    payload = payload.subspan(size);
    return std::nullopt;
  }

  std::optional<Verdict> ParseFragmentHeader(ByteView payload) {
    ByteReader in(payload);
    uint16_t place = 0;
    uint32_t id = 0;
    if (facts_.fragment || !TakeExtension() || !in.ReadU8(facts_.protocol) ||
        !in.Skip(1) || !in.ReadU16(place) || !in.ReadU32(id)) {
      return Verdict::kMalformed;
    }
    const bool more = (place & 1) != 0;
    const uint32_t begin = place & 0xFFF8U;
    const ByteView rest = in.ReadRest();
    if (!more && begin == 0) {
      return ParseExtensions(rest);  // an atomic fragment (RFC 6946)
    }
    facts_.fragment =
        FragmentPlace{.id = id, .protocol = 0, .begin = begin, .end = 0};
    return ParseFragment(rest, more);
  }

  ByteView packet_;
  Completeness completeness_;
  PacketFacts facts_;
  int extensions_ = 0;
};

bool IsIpv4InIpv6(const IpAddress& ip) {
  return ip.is_v6() && ip.Unmapped().is_v4();
}

}  // namespace

std::expected<PacketFacts, Verdict> ParsePacket(ByteView packet) {
  return PacketParser(packet, Completeness::kWhole).Parse();
}

std::expected<PacketFacts, Verdict> ParseEmbedded(ByteView packet) {
  return PacketParser(packet, Completeness::kEmbedded).Parse();
}

bool IsTunnelAddress(const IpAddress& ip) {
  constexpr IpAddress kBroadcast = IpAddress::V4(255, 255, 255, 255);
  return !ip.is_multicast() && !ip.is_link_local() && !ip.is_loopback() &&
         !ip.is_unspecified() && ip != kBroadcast && !IsIpv4InIpv6(ip) &&
         !(ip.is_v4() && ip.bytes()[0] == 0);
}

}  // namespace natkit::mesh
