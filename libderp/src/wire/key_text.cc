#include "natkit/derp/key_text.h"

#include "natkit/base/encoding.h"

namespace natkit::derp {
namespace {

constexpr std::string_view kNodePrefix = "nodekey:";
constexpr std::string_view kPrivatePrefix = "privkey:";
constexpr std::string_view kDiscoPrefix = "discokey:";
constexpr size_t kShortDigits = 5;

std::string WithPrefix(std::string_view prefix, ByteView bytes) {
  return std::string(prefix) + ToHex(bytes);
}

Result<void> ParseInto(std::string_view text, std::string_view prefix,
                       MutableBytes out) {
  if (!text.starts_with(prefix)) {
    return Fail(Errc::kBadEncoding);
  }
  return FromHexExact(text.substr(prefix.size()), out);
}

Result<PublicKey> ParsePublic(std::string_view text, std::string_view prefix) {
  PublicKey key;
  if (const auto parsed = ParseInto(text, prefix, key.bytes); !parsed) {
    return std::unexpected(parsed.error());
  }
  return key;
}

}  // namespace

std::string ToNodeKeyText(const PublicKey& key) {
  return WithPrefix(kNodePrefix, key.bytes);
}

Result<PublicKey> ParseNodeKeyText(std::string_view text) {
  return ParsePublic(text, kNodePrefix);
}

std::string ToPrivateKeyText(const StaticPrivateKey& key) {
  return WithPrefix(kPrivatePrefix, key.Expose());
}

Result<StaticPrivateKey> ParsePrivateKeyText(std::string_view text) {
  StaticPrivateKey key;
  const auto bytes = key.ExposeMutable();
  if (const auto parsed = ParseInto(text, kPrivatePrefix, bytes); !parsed) {
    return std::unexpected(parsed.error());
  }
  bytes[0] &= 248;
  bytes[31] = static_cast<uint8_t>((bytes[31] & 127) | 64);
  return key;
}

std::string ToDiscoKeyText(const PublicKey& key) {
  return WithPrefix(kDiscoPrefix, key.bytes);
}

Result<PublicKey> ParseDiscoKeyText(std::string_view text) {
  return ParsePublic(text, kDiscoPrefix);
}

Result<MeshKey> ParseMeshKey(std::string_view text) {
  MeshKey key;
  if (const auto parsed = FromHexExact(text, key.ExposeMutable()); !parsed) {
    return std::unexpected(parsed.error());
  }
  return key;
}

std::string ToShortText(const PublicKey& key) {
  std::string text = "[";
  text.append(key.ToBase64(), 0, kShortDigits);
  text.push_back(']');
  return text;
}

}  // namespace natkit::derp
