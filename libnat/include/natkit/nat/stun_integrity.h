#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "natkit/base/bytes.h"
#include "natkit/base/result.h"
#include "natkit/base/secret.h"
#include "natkit/nat/stun_message.h"

namespace natkit::stun {

/// The key of MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256 (RFC 8489
/// section 9). Move-only and wiped.
///
/// Names and passwords must have been prepared (RFC 8265 OpaqueString): ASCII
/// already is.
class IntegrityKey {
 public:
  /// The longest password, bytes; also ICE's bound.
  static constexpr size_t kMaxSize = 256;

  /// The password itself. Errors: kBadLength unless it has 1 to 256 bytes.
  [[nodiscard]] static Result<IntegrityKey> ShortTerm(
      std::string_view password);
  /// MD5(username ":" realm ":" password), PASSWORD-ALGORITHM 1.
  [[nodiscard]] static IntegrityKey LongTermMd5(std::string_view username,
                                                std::string_view realm,
                                                std::string_view password);
  /// SHA-256(username ":" realm ":" password), PASSWORD-ALGORITHM 2.
  [[nodiscard]] static IntegrityKey LongTermSha256(std::string_view username,
                                                   std::string_view realm,
                                                   std::string_view password);

  /// A key of one of the last two that was computed elsewhere, HA1 as operators
  /// call it: 16 bytes (MD5) or 32 (SHA-256). Errors: kBadLength.
  [[nodiscard]] static Result<IntegrityKey> FromHa1(ByteView digest);

  /// A deliberate second copy; both wipe themselves.
  [[nodiscard]] IntegrityKey Clone() const;
  /// The one way to the bytes.
  [[nodiscard]] ByteView Expose() const;

 private:
  IntegrityKey() = default;

  Secret<struct IntegrityKeyTag, kMaxSize> bytes_;
  size_t size_ = 0;
};

/// SHA-256(username ":" realm): what USERHASH carries.
[[nodiscard]] std::array<uint8_t, 32> ComputeUserhash(std::string_view username,
                                                      std::string_view realm);

/// Verifies MESSAGE-INTEGRITY over the bytes as received, in constant time
/// (RFC 8489 section 14.5). Errors: kNoIntegrity (no such attribute),
/// kBadIntegrity.
[[nodiscard]] Result<void> VerifyIntegrity(const Message& message,
                                           const IntegrityKey& key);

/// Verifies MESSAGE-INTEGRITY-SHA256 (RFC 8489 section 14.6). Values shorter
/// than `min_size` bytes do not verify; less than 16 never do. Errors:
/// kNoIntegrity, kBadIntegrity.
[[nodiscard]] Result<void> VerifyIntegritySha256(const Message& message,
                                                 const IntegrityKey& key,
                                                 size_t min_size = 32);

/// Verifies MESSAGE-INTEGRITY-SHA256 if the message has one, otherwise
/// MESSAGE-INTEGRITY. Errors: kNoIntegrity (neither), kBadIntegrity.
[[nodiscard]] Result<void> VerifyStrongestIntegrity(const Message& message,
                                                    const IntegrityKey& key);

}  // namespace natkit::stun
