#include "natkit/base/keys.h"

#include <sodium.h>

#include "natkit/base/check.h"
#include "natkit/base/encoding.h"

namespace natkit {

Result<PublicKey> PublicKey::FromBase64(std::string_view text) {
  PublicKey key;
  if (auto done = FromBase64Exact(text, key.bytes); !done) {
    return std::unexpected(done.error());
  }
  return key;
}

Result<PublicKey> PublicKey::FromHex(std::string_view text) {
  PublicKey key;
  if (auto done = FromHexExact(text, key.bytes); !done) {
    return std::unexpected(done.error());
  }
  return key;
}

std::string PublicKey::ToBase64() const {
  return natkit::ToBase64(bytes);
}

std::string PublicKey::ToHex() const {
  return natkit::ToHex(bytes);
}

bool PublicKey::is_zero() const {
  return *this == PublicKey{};
}

StaticPrivateKey GeneratePrivateKey(Rng& rng) {
  StaticPrivateKey key;
  const auto raw = key.ExposeMutable();
  rng.Fill(raw);
  raw[0] &= 248;
  raw[31] = static_cast<uint8_t>((raw[31] & 127) | 64);
  return key;
}

PublicKey DerivePublicKey(const StaticPrivateKey& private_key) {
  PublicKey key;
  NATKIT_CHECK(crypto_scalarmult_curve25519_base(
                   key.bytes.data(), private_key.Expose().data()) == 0);
  return key;
}

Result<StaticPrivateKey> PrivateKeyFromBase64(std::string_view text) {
  StaticPrivateKey key;
  if (auto done = FromBase64Exact(text, key.ExposeMutable()); !done) {
    return std::unexpected(done.error());
  }
  return key;
}

}  // namespace natkit
