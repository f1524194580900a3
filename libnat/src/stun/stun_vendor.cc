#include "natkit/nat/stun_vendor.h"

#include <sodium/crypto_hash_sha256.h>

#include <array>

namespace natkit::stun {

namespace {

// A response with MAPPED-ADDRESS, XOR-MAPPED-ADDRESS, RESPONSE-ORIGIN,
// OTHER-ADDRESS and FINGERPRINT has 76 bytes over IPv4 and 124 over IPv6; less
// the 28 of a request with FINGERPRINT and the 4 of the filler's own header.
constexpr size_t kFillerV4 = 48;
constexpr size_t kFillerV6 = 96;

}  // namespace

void AddFiller(MessageBuilder& builder, const IpAddress& server) {
  const std::array<uint8_t, kFillerV6> zeros{};
  builder.Add<attr::Filler>(
      ByteView(zeros).first(server.is_v4() ? kFillerV4 : kFillerV6));
}

}  // namespace natkit::stun

namespace natkit::stun::attr {

namespace {

constexpr uint16_t kPadResponseOnly = 1;
constexpr uint16_t kDoNotPadResponse = 2;
constexpr uint16_t kEchoDigest = 4;

}  // namespace

Result<ProbeOptionsValue> ProbeOptions::Decode(ByteView value,
                                               const TransactionId& /*id*/) {
  ByteReader in(value);
  uint16_t flags = 0;
  ProbeOptionsValue options;
  if (!in.ReadU16(flags) || !in.ReadU16(options.response_size) ||
      !in.is_empty()) {
    return Fail(Errc::kBadLength);
  }
  options.pad_response_only = (flags & kPadResponseOnly) != 0;
  options.do_not_pad_response = (flags & kDoNotPadResponse) != 0;
  options.echo_digest = (flags & kEchoDigest) != 0;
  return options;
}

void ProbeOptions::Encode(ByteWriter& out, const ProbeOptionsValue& value,
                          const TransactionId& /*id*/) {
  const auto flag = [](bool is_set, uint16_t bit) {
    return is_set ? bit : uint16_t{0};
  };
  out.WriteU16(
      static_cast<uint16_t>(flag(value.pad_response_only, kPadResponseOnly) |
                            flag(value.do_not_pad_response, kDoNotPadResponse) |
                            flag(value.echo_digest, kEchoDigest)));
  out.WriteU16(value.response_size);
}

Result<RequestDigest::Value> RequestDigest::Decode(
    ByteView value, const TransactionId& /*id*/) {
  ByteReader in(value);
  Value digest{};
  if (!in.ReadInto(digest) || !in.is_empty()) {
    return Fail(Errc::kBadLength);
  }
  return digest;
}

void RequestDigest::Encode(ByteWriter& out, const Value& value,
                           const TransactionId& /*id*/) {
  out.WriteBytes(value);
}

RequestDigest::Value DigestOf(ByteView datagram) {
  RequestDigest::Value digest{};
  static_assert(digest.size() == crypto_hash_sha256_BYTES);
  crypto_hash_sha256(digest.data(), datagram.data(), datagram.size());
  return digest;
}

}  // namespace natkit::stun::attr
