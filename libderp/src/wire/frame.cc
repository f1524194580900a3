#include "natkit/derp/frame.h"

#include <algorithm>
#include <array>

#include "natkit/base/check.h"

namespace natkit::derp {
namespace {

// "DERP" and the key emoji.
constexpr std::array<uint8_t, 8> kMagic = {0x44, 0x45, 0x52, 0x50,
                                           0xf0, 0x9f, 0x94, 0x91};
// "TS" and the speech balloon emoji.
constexpr std::array<uint8_t, 6> kDiscoMagic = {0x54, 0x53, 0xf0,
                                                0x9f, 0x92, 0xac};
// Magic 6, key 32, nonce 24.
constexpr size_t kMinDiscoSize = 62;
constexpr size_t kAddressSize = 16;

void Append(ByteView bytes, std::vector<uint8_t>& out) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void AppendHeader(FrameType type, size_t size, std::vector<uint8_t>& out) {
  std::array<uint8_t, kFrameHeaderSize> header;
  WriteFrameHeader(type, size, header);
  Append(header, out);
}

void AppendBigEndian(uint32_t value, size_t bytes, std::vector<uint8_t>& out) {
  for (size_t i = bytes; i > 0; --i) {
    out.push_back(static_cast<uint8_t>(value >> (8 * (i - 1))));
  }
}

std::optional<Endpoint> ReadEndpoint(ByteReader& in) {
  std::array<uint8_t, kAddressSize> bytes{};
  Endpoint endpoint;
  if (in.remaining() < bytes.size() + sizeof(endpoint.port) ||
      !in.ReadInto(bytes) || !in.ReadU16(endpoint.port)) {
    return std::nullopt;
  }
  endpoint.address = IpAddress::V6(bytes).Unmapped();
  if (endpoint.address.is_unspecified() && endpoint.port == 0) {
    return std::nullopt;
  }
  return endpoint;
}

uint32_t ToMilliseconds(Duration duration) {
  const auto count =
      std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  return static_cast<uint32_t>(
      std::clamp<decltype(count)>(count, 0, UINT32_MAX));
}

}  // namespace

void WriteFrameHeader(FrameType type, size_t payload_size, MutableBytes out) {
  NATKIT_CHECK(payload_size <= UINT32_MAX);
  ByteWriter writer(out);
  writer.WriteU8(static_cast<uint8_t>(type));
  writer.WriteU32(static_cast<uint32_t>(payload_size));
  NATKIT_CHECK(!writer.overflowed());
}

void AppendFrame(FrameType type, ByteView payload, std::vector<uint8_t>& out) {
  AppendHeader(type, payload.size(), out);
  Append(payload, out);
}

Result<PublicKey> ParseServerKey(ByteView payload) {
  ByteReader in(payload);
  std::array<uint8_t, kMagic.size()> magic{};
  PublicKey key;
  if (!in.ReadInto(magic)) {
    return Fail(Errc::kTruncated, in.offset());
  }
  if (magic != kMagic) {
    return Fail(Errc::kBadMagic);
  }
  if (!in.ReadInto(key.bytes)) {
    return Fail(Errc::kTruncated, in.offset());
  }
  return key;
}

void AppendServerKey(const PublicKey& key, std::vector<uint8_t>& out) {
  AppendHeader(FrameType::kServerKey, kMagic.size() + kKeySize, out);
  Append(kMagic, out);
  Append(key.bytes, out);
}

Result<PeerGone> ParsePeerGone(ByteView payload) {
  ByteReader in(payload);
  PeerGone gone;
  if (!in.ReadInto(gone.peer.bytes)) {
    return Fail(Errc::kTruncated);
  }
  uint8_t reason = 0;
  if (in.ReadU8(reason)) {
    gone.reason = static_cast<PeerGoneReason>(reason);
  }
  return gone;
}

void AppendPeerGone(const PeerGone& gone, std::vector<uint8_t>& out) {
  AppendHeader(FrameType::kPeerGone, kKeySize + 1, out);
  Append(gone.peer.bytes, out);
  out.push_back(static_cast<uint8_t>(gone.reason));
}

Result<PeerPresent> ParsePeerPresent(ByteView payload) {
  ByteReader in(payload);
  PeerPresent present;
  if (!in.ReadInto(present.peer.bytes)) {
    return Fail(Errc::kTruncated);
  }
  present.endpoint = ReadEndpoint(in);
  if (in.offset() > kKeySize) {
    (void)in.ReadU8(present.flags);  // absent: the sender predates flags
  }
  return present;
}

void AppendPeerPresent(const PeerPresent& present, std::vector<uint8_t>& out) {
  AppendHeader(FrameType::kPeerPresent,
               kKeySize + kAddressSize + sizeof(uint16_t) + 1, out);
  Append(present.peer.bytes, out);
  if (present.endpoint) {
    Append(present.endpoint->address.MappedToV6().bytes(), out);
    AppendBigEndian(present.endpoint->port, sizeof(uint16_t), out);
  } else {
    out.insert(out.end(), kAddressSize + sizeof(uint16_t), 0);
  }
  out.push_back(present.flags);
}

Result<Restarting> ParseRestarting(ByteView payload) {
  ByteReader in(payload);
  uint32_t reconnect_in = 0;
  uint32_t try_for = 0;
  if (!in.ReadU32(reconnect_in) || !in.ReadU32(try_for)) {
    return Fail(Errc::kTruncated, in.offset());
  }
  return Restarting{std::chrono::milliseconds(reconnect_in),
                    std::chrono::milliseconds(try_for)};
}

void AppendRestarting(const Restarting& restarting, std::vector<uint8_t>& out) {
  AppendHeader(FrameType::kRestarting, 2 * sizeof(uint32_t), out);
  AppendBigEndian(ToMilliseconds(restarting.reconnect_in), sizeof(uint32_t),
                  out);
  AppendBigEndian(ToMilliseconds(restarting.try_for), sizeof(uint32_t), out);
}

bool LooksLikeDisco(ByteView data) {
  return data.size() >= kMinDiscoSize &&
         std::equal(kDiscoMagic.begin(), kDiscoMagic.end(), data.begin());
}

}  // namespace natkit::derp
