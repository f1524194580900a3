#pragma once

#include <openssl/aead.h>

#include <cstddef>
#include <cstdint>

#include "natkit/base/bytes.h"
#include "natkit/base/result.h"
#include "noise/types.h"

namespace natkit::wg {

/// One ChaCha20-Poly1305 key (RFC 8439), set up once and used for many
/// messages. The nonce is 4 zero bytes and the counter in little-endian, as in
/// the paper's AEAD(). Seal and Open do not allocate; in-place use is allowed.
class AeadKey {
 public:
  explicit AeadKey(const SymmetricKey& key);
  ~AeadKey();
  AeadKey(const AeadKey&) = delete;
  AeadKey& operator=(const AeadKey&) = delete;

  /// `out` holds plaintext.size() + 16 bytes.
  void Seal(uint64_t counter, ByteView plaintext, ByteView associated,
            MutableBytes out) const;
  /// `out` holds ciphertext.size() - 16 bytes. Errors: kAuthFailed; `out` is
  /// then unspecified but holds no plaintext.
  [[nodiscard]] Result<void> Open(uint64_t counter, ByteView ciphertext,
                                  ByteView associated, MutableBytes out) const;

 private:
  EVP_AEAD_CTX context_;
};

/// XAEAD() of the paper: XChaCha20-Poly1305 with a 24-byte nonce. `out` holds
/// plaintext.size() + 16 bytes.
void SealExtended(const SymmetricKey& key, std::span<const uint8_t, 24> nonce,
                  ByteView plaintext, ByteView associated, MutableBytes out);

/// Opens what SealExtended made. Errors: kAuthFailed.
[[nodiscard]] Result<void> OpenExtended(const SymmetricKey& key,
                                        std::span<const uint8_t, 24> nonce,
                                        ByteView ciphertext,
                                        ByteView associated, MutableBytes out);

}  // namespace natkit::wg
