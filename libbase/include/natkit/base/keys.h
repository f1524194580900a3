#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "natkit/base/result.h"
#include "natkit/base/rng.h"
#include "natkit/base/secret.h"

namespace natkit {

/// A Curve25519 private key, clamped when used (RFC 7748 section 5).
using StaticPrivateKey = Secret<struct StaticPrivateKeyTag, 32>;

/// WireGuard's optional symmetric key for a pair of peers.
using PresharedKey = Secret<struct PresharedKeyTag, 32>;

/// A Curve25519 public key: 32 bytes, compared by value, printed as base64
/// (as `wg` does) or hex.
struct PublicKey {
  std::array<uint8_t, 32> bytes{};

  /// Padded base64, 44 characters. Errors: kBadLength, kBadEncoding.
  static Result<PublicKey> FromBase64(std::string_view text);
  /// 64 hex digits. Errors: kBadLength, kBadEncoding.
  static Result<PublicKey> FromHex(std::string_view text);
  [[nodiscard]] std::string ToBase64() const;
  [[nodiscard]] std::string ToHex() const;
  [[nodiscard]] bool is_zero() const;

  auto operator<=>(const PublicKey&) const = default;
};

/// A fresh private key, clamped.
[[nodiscard]] StaticPrivateKey GeneratePrivateKey(Rng& rng);

/// The public key of `private_key` (X25519 with base point 9).
[[nodiscard]] PublicKey DerivePublicKey(const StaticPrivateKey& private_key);

/// Padded base64 of a private key. Errors: kBadLength, kBadEncoding.
[[nodiscard]] Result<StaticPrivateKey> PrivateKeyFromBase64(
    std::string_view text);

}  // namespace natkit

template <>
struct std::hash<natkit::PublicKey> {
  size_t operator()(const natkit::PublicKey& key) const noexcept {
    return std::hash<std::string_view>{}(natkit::AsText(key.bytes));
  }
};
