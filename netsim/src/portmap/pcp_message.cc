#include "portmap/pcp_message.h"

#include <array>

namespace natkit::netsim::portmap {
namespace {

constexpr uint8_t kResponse = 0x80;
constexpr uint8_t kThirdParty = 1;
constexpr uint8_t kPreferFailure = 2;
constexpr uint8_t kFilter = 3;
constexpr uint8_t kFirstOptional = 128;
constexpr int kMappedBits = 96;

bool ReadAddress(ByteReader& in, IpAddress& out) {
  std::array<uint8_t, 16> bytes{};
  if (!in.ReadInto(bytes)) {
    return false;
  }
  out = IpAddress::V6(bytes).Unmapped();
  return true;
}

PcpResult ReadThirdParty(ByteReader& in, PcpOptions& out) {
  IpAddress address;
  if (out.third_party || !ReadAddress(in, address) || !in.is_empty()) {
    return PcpResult::kMalformedOption;
  }
  out.third_party = address;
  return PcpResult::kSuccess;
}

PcpResult ReadPreferFailure(ByteReader& in, PcpOptions& out) {
  if (out.prefer_failure || !in.is_empty()) {
    return PcpResult::kMalformedOption;
  }
  out.prefer_failure = true;
  return PcpResult::kSuccess;
}

/// Section 13.3: reserved, prefix length (of 128 bits), port, address.
PcpResult ReadFilter(ByteReader& in, PcpOptions& out) {
  uint8_t length = 0;
  uint16_t port = 0;
  IpAddress address;
  if (!in.Skip(1) || !in.ReadU8(length) || !in.ReadU16(port) ||
      !ReadAddress(in, address) || !in.is_empty() || length > 128) {
    return PcpResult::kMalformedOption;
  }
  if (length == 0) {
    out.filters.clear();
    out.drops_filters = true;
    return PcpResult::kSuccess;
  }
  const int bits = address.is_v4() ? int{length} - kMappedBits : int{length};
  const auto prefix = IpPrefix::Make(address, bits);
  if (bits < 0 || !prefix) {
    return PcpResult::kMalformedOption;
  }
  if (out.filters.size() == kMaxRemoteFilters) {
    return PcpResult::kExcessiveRemotePeers;
  }
  out.filters.push_back({*prefix, port});
  return PcpResult::kSuccess;
}

PcpResult ReadOption(uint8_t code, ByteReader& in, PcpOpcode opcode,
                     PcpOptions& out) {
  const bool is_for_map = code == kPreferFailure || code == kFilter;
  if (is_for_map && opcode != PcpOpcode::kMap) {
    return PcpResult::kUnsupportedOption;
  }
  switch (code) {
    case kThirdParty:
      return ReadThirdParty(in, out);
    case kPreferFailure:
      return ReadPreferFailure(in, out);
    case kFilter:
      return ReadFilter(in, out);
    default:
      return code < kFirstOptional ? PcpResult::kUnsupportedOption
                                   : PcpResult::kSuccess;
  }
}

}  // namespace

std::optional<PcpHeader> ReadPcpHeader(ByteReader& in) {
  PcpHeader out;
  if (in.Skip(1) && in.ReadU8(out.opcode) && in.Skip(2) &&
      in.ReadU32(out.lifetime) && ReadAddress(in, out.client)) {
    return out;
  }
  return std::nullopt;
}

std::optional<PcpMap> ReadPcpMap(ByteReader& in) {
  PcpMap out;
  if (in.ReadInto(out.nonce) && in.ReadU8(out.protocol) && in.Skip(3) &&
      in.ReadU16(out.internal_port) && in.ReadU16(out.suggested.port) &&
      ReadAddress(in, out.suggested.address)) {
    return out;
  }
  return std::nullopt;
}

std::optional<PcpPeer> ReadPcpPeer(ByteReader& in) {
  const auto map = ReadPcpMap(in);
  PcpPeer out;
  if (!map || !in.ReadU16(out.remote.port) || !in.Skip(2) ||
      !ReadAddress(in, out.remote.address)) {
    return std::nullopt;
  }
  out.map = *map;
  return out;
}

std::expected<PcpOptions, PcpResult> ReadPcpOptions(ByteReader& in,
                                                    PcpOpcode opcode) {
  PcpOptions out;
  ByteReader all = in;
  out.bytes = all.ReadRest();
  while (!in.is_empty()) {
    uint8_t code = 0;
    uint16_t length = 0;
    ByteReader value{ByteView()};
    if (!in.ReadU8(code) || !in.Skip(1) || !in.ReadU16(length) ||
        !in.ReadChild(length, value) || !in.Skip((4 - length % 4) % 4)) {
      return std::unexpected(PcpResult::kMalformedOption);
    }
    const PcpResult result = ReadOption(code, value, opcode, out);
    if (result != PcpResult::kSuccess) {
      return std::unexpected(result);
    }
  }
  return out;
}

void WritePcpAddress(ByteWriter& out, const IpAddress& address) {
  out.WriteBytes(address.MappedToV6().bytes());
}

void WritePcpHeader(ByteWriter& out, uint8_t opcode, PcpResult result,
                    uint32_t lifetime, uint32_t epoch) {
  out.WriteU8(kPcpVersion);
  out.WriteU8(kResponse | opcode);
  out.WriteU8(0);
  out.WriteU8(static_cast<uint8_t>(result));
  out.WriteU32(lifetime);
  out.WriteU32(epoch);
  out.WriteZeros(12);
}

void WritePcpMap(ByteWriter& out, const PcpMap& map) {
  out.WriteBytes(map.nonce);
  out.WriteU8(map.protocol);
  out.WriteZeros(3);
  out.WriteU16(map.internal_port);
  out.WriteU16(map.suggested.port);
  WritePcpAddress(out, map.suggested.address);
}

void WritePcpPeer(ByteWriter& out, const PcpPeer& peer) {
  WritePcpMap(out, peer.map);
  out.WriteU16(peer.remote.port);
  out.WriteZeros(2);
  WritePcpAddress(out, peer.remote.address);
}

}  // namespace natkit::netsim::portmap
