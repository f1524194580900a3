#include "natkit/nat/nat_pmp_message.h"

#include <array>
#include <utility>

namespace natkit::nat {

namespace {

constexpr uint8_t kVersion = 0;
constexpr uint8_t kResponseBit = 0x80;

std::vector<uint8_t> Written(const ByteWriter& out) {
  return {out.written().begin(), out.written().end()};
}

/// Failures need not have what follows the epoch.
bool ReadBody(ByteReader& in, NatPmpResponse& out) {
  if (!out.is_success() && in.remaining() < 4) {
    return true;
  }
  if (out.opcode == NatPmpOpcode::kExternalAddress) {
    std::array<uint8_t, 4> address{};
    if (!in.ReadInto(address)) {
      return false;
    }
    if (out.is_success()) {
      out.external_address = IpAddress::V4(address);
    }
    return true;
  }
  ByteReader body = in;
  NatPmpResponse read = out;
  if (!body.ReadU16(read.internal_port) || !body.ReadU16(read.external_port) ||
      !body.ReadU32(read.lifetime)) {
    return !out.is_success();
  }
  out = read;
  return true;
}

}  // namespace

std::vector<uint8_t> BuildNatPmpAddressRequest() {
  return {kVersion, std::to_underlying(NatPmpOpcode::kExternalAddress)};
}

std::vector<uint8_t> BuildNatPmpMapRequest(const NatPmpMapRequest& request) {
  std::array<uint8_t, 12> bytes{};
  ByteWriter out(bytes);
  out.WriteU8(kVersion);
  out.WriteU8(std::to_underlying(request.opcode));
  out.WriteU16(0);
  out.WriteU16(request.internal_port);
  out.WriteU16(request.suggested_port);
  out.WriteU32(request.lifetime);
  return Written(out);
}

std::vector<uint8_t> BuildNatPmpResponse(const NatPmpResponse& response) {
  std::array<uint8_t, 16> bytes{};
  ByteWriter out(bytes);
  out.WriteU8(kVersion);
  out.WriteU8(kResponseBit | std::to_underlying(response.opcode));
  out.WriteU16(response.result);
  out.WriteU32(response.epoch);
  if (response.opcode == NatPmpOpcode::kExternalAddress) {
    out.WriteBytes(response.external_address.value_or(IpAddress()).bytes());
  } else {
    out.WriteU16(response.internal_port);
    out.WriteU16(response.external_port);
    out.WriteU32(response.lifetime);
  }
  return Written(out);
}

Result<NatPmpResponse> ParseNatPmpResponse(ByteView datagram) {
  ByteReader in(datagram);
  uint8_t version = 0;
  uint8_t opcode = 0;
  NatPmpResponse out;
  if (!in.ReadU8(version) || !in.ReadU8(opcode) || !in.ReadU16(out.result) ||
      !in.ReadU32(out.epoch)) {
    return Fail(Errc::kTruncated, in.offset());
  }
  const auto known = std::to_underlying(NatPmpOpcode::kMapTcp);
  if (version != kVersion || (opcode & kResponseBit) == 0 ||
      (opcode & ~kResponseBit) > known) {
    return Fail(Errc::kBadValue);
  }
  out.opcode = static_cast<NatPmpOpcode>(opcode & ~kResponseBit);
  if (!ReadBody(in, out)) {
    return Fail(Errc::kTruncated, in.offset());
  }
  return out;
}

}  // namespace natkit::nat
