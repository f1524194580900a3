#include <algorithm>
#include <array>

#include "natkit/nat/stun_attributes.h"

namespace natkit::stun::attr {

namespace {

constexpr uint8_t kFamilyIpv4 = 1;
constexpr uint8_t kFamilyIpv6 = 2;
constexpr size_t kIpv4Size = 4;
constexpr size_t kIpv6Size = 16;

/// Cookie and transaction ID: what an address is XORed with; its first two
/// bytes are what a port is XORed with.
std::array<uint8_t, kIpv6Size> XorMask(const TransactionId& id) {
  std::array<uint8_t, kIpv6Size> mask{};
  ByteWriter out(mask);
  out.WriteU32(kMagicCookie);
  out.WriteBytes(id.bytes);
  return mask;
}

Endpoint ApplyMask(const Endpoint& endpoint, const TransactionId& id) {
  const auto mask = XorMask(id);
  std::array<uint8_t, kIpv6Size> bytes{};
  const ByteView from = endpoint.address.bytes();
  std::ranges::transform(from, mask, bytes.begin(),
                         [](int a, int b) { return uint8_t(a ^ b); });
  const auto address = IpAddress::FromBytes(ByteView(bytes).first(from.size()));
  return {.address = *address,
          .port = static_cast<uint16_t>(endpoint.port ^ (kMagicCookie >> 16))};
}

Result<size_t> AddressSize(uint8_t family) {
  if (family == kFamilyIpv4) {
    return kIpv4Size;
  }
  if (family == kFamilyIpv6) {
    return kIpv6Size;
  }
  return Fail(Errc::kBadValue);
}

}  // namespace

Result<Endpoint> DecodeAddress(ByteView value) {
  ByteReader in(value);
  uint8_t family = 0;
  Endpoint endpoint;
  // The first byte is reserved and ignored (RFC 8489 section 14.1).
  if (!in.Skip(1) || !in.ReadU8(family) || !in.ReadU16(endpoint.port)) {
    return Fail(Errc::kBadLength);
  }
  const auto size = AddressSize(family);
  if (!size) {
    return Fail(size.error().code);
  }
  if (in.remaining() != *size) {
    return Fail(Errc::kBadLength);
  }
  endpoint.address = *IpAddress::FromBytes(in.ReadRest());
  return endpoint;
}

void EncodeAddress(ByteWriter& out, const Endpoint& endpoint) {
  out.WriteU8(0);
  out.WriteU8(endpoint.address.is_v4() ? kFamilyIpv4 : kFamilyIpv6);
  out.WriteU16(endpoint.port);
  out.WriteBytes(endpoint.address.bytes());
}

Result<Endpoint> DecodeXorAddress(ByteView value, const TransactionId& id) {
  const auto masked = DecodeAddress(value);
  if (!masked) {
    return masked;
  }
  return ApplyMask(*masked, id);
}

void EncodeXorAddress(ByteWriter& out, const Endpoint& endpoint,
                      const TransactionId& id) {
  EncodeAddress(out, ApplyMask(endpoint, id));
}

}  // namespace natkit::stun::attr
