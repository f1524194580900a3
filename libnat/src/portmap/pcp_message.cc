#include "natkit/nat/pcp_message.h"

#include <utility>

namespace natkit::nat {

namespace {

constexpr uint8_t kVersion = 2;
constexpr uint8_t kResponseBit = 0x80;
constexpr uint8_t kPreferFailure = 2;
constexpr size_t kHeaderSize = 24;

void WriteAddress(ByteWriter& out, const IpAddress& address) {
  out.WriteBytes(address.MappedToV6().bytes());
}

bool ReadAddress(ByteReader& in, IpAddress& out) {
  std::array<uint8_t, 16> bytes{};
  if (!in.ReadInto(bytes)) {
    return false;
  }
  out = IpAddress::V6(bytes).Unmapped();
  return true;
}

void WriteMapping(ByteWriter& out, const PcpMapping& mapping) {
  out.WriteBytes(mapping.nonce);
  out.WriteU8(mapping.protocol);
  out.WriteZeros(3);
  out.WriteU16(mapping.internal_port);
  out.WriteU16(mapping.external.port);
  WriteAddress(out, mapping.external.address);
  if (mapping.remote) {
    out.WriteU16(mapping.remote->port);
    out.WriteZeros(2);
    WriteAddress(out, mapping.remote->address);
  }
}

bool ReadMapping(ByteReader& in, PcpOpcode opcode, PcpMapping& out) {
  if (!in.ReadInto(out.nonce) || !in.ReadU8(out.protocol) || !in.Skip(3) ||
      !in.ReadU16(out.internal_port) || !in.ReadU16(out.external.port) ||
      !ReadAddress(in, out.external.address)) {
    return false;
  }
  if (opcode == PcpOpcode::kMap) {
    return true;
  }
  Endpoint remote;
  if (!in.ReadU16(remote.port) || !in.Skip(2) ||
      !ReadAddress(in, remote.address)) {
    return false;
  }
  out.remote = remote;
  return true;
}

/// Section 7.3; no option changes what a response of ours means.
bool SkipOptions(ByteReader& in) {
  while (!in.is_empty()) {
    uint16_t length = 0;
    if (!in.Skip(2) || !in.ReadU16(length) ||
        !in.Skip((size_t{length} + 3) / 4 * 4)) {
      return false;
    }
  }
  return true;
}

std::vector<uint8_t> Written(const ByteWriter& out) {
  return {out.written().begin(), out.written().end()};
}

struct Head {
  uint8_t version = 0;
  uint8_t opcode = 0;
  uint8_t result = 0;
};

Result<PcpResponse> ParseKnown(const Head& head, ByteReader& in) {
  PcpResponse out{.opcode = static_cast<PcpOpcode>(head.opcode),
                  .result = head.result};
  if (!in.ReadU32(out.lifetime) || !in.ReadU32(out.epoch) || !in.Skip(12)) {
    return Fail(Errc::kTruncated, in.offset());
  }
  if (out.opcode != PcpOpcode::kAnnounce) {
    if (!ReadMapping(in, out.opcode, out.mapping.emplace())) {
      return Fail(Errc::kTruncated, in.offset());
    }
  }
  if (!SkipOptions(in)) {
    return Fail(Errc::kBadLength, in.offset());
  }
  return out;
}

}  // namespace

PcpOpcode PcpRequest::opcode() const {
  if (!mapping) {
    return PcpOpcode::kAnnounce;
  }
  return mapping->remote ? PcpOpcode::kPeer : PcpOpcode::kMap;
}

std::vector<uint8_t> BuildPcpRequest(const PcpRequest& request) {
  std::array<uint8_t, 128> bytes{};
  ByteWriter out(bytes);
  out.WriteU8(kVersion);
  out.WriteU8(std::to_underlying(request.opcode()));
  out.WriteU16(0);
  out.WriteU32(request.lifetime);
  WriteAddress(out, request.client);
  if (request.mapping) {
    WriteMapping(out, *request.mapping);
  }
  if (request.prefer_failure && request.opcode() == PcpOpcode::kMap) {
    out.WriteU8(kPreferFailure);
    out.WriteZeros(3);
  }
  return Written(out);
}

std::vector<uint8_t> BuildPcpResponse(const PcpResponse& response) {
  std::array<uint8_t, 128> bytes{};
  ByteWriter out(bytes);
  out.WriteU8(response.version);
  out.WriteU8(kResponseBit | std::to_underlying(response.opcode));
  out.WriteU8(0);
  out.WriteU8(response.result);
  out.WriteU32(response.lifetime);
  out.WriteU32(response.epoch);
  out.WriteZeros(12);
  if (response.mapping) {
    WriteMapping(out, *response.mapping);
  }
  return Written(out);
}

Result<PcpResponse> ParsePcpResponse(ByteView datagram) {
  ByteReader in(datagram);
  Head head;
  if (!in.ReadU8(head.version) || !in.ReadU8(head.opcode) || !in.Skip(1) ||
      !in.ReadU8(head.result)) {
    return Fail(Errc::kTruncated, in.offset());
  }
  const bool is_response = (head.opcode & kResponseBit) != 0;
  head.opcode &= kResponseBit - 1;
  if (!is_response || head.opcode > std::to_underlying(PcpOpcode::kPeer)) {
    return Fail(Errc::kBadValue, 1);
  }
  if (head.version != kVersion) {
    // Section 9: such servers answer in their own format, with this code in
    // the same place.
    if (head.result != std::to_underlying(PcpResult::kUnsupportedVersion)) {
      return Fail(Errc::kBadValue);
    }
    return PcpResponse{.version = head.version,
                       .opcode = static_cast<PcpOpcode>(head.opcode),
                       .result = head.result};
  }
  if (datagram.size() < kHeaderSize) {
    return Fail(Errc::kTruncated, datagram.size());
  }
  if (datagram.size() > kMaxPcpSize || datagram.size() % 4 != 0) {
    return Fail(Errc::kBadLength);
  }
  return ParseKnown(head, in);
}

}  // namespace natkit::nat
