#include "noise/aead.h"

#include <sodium.h>

#include <array>

#include "natkit/base/check.h"

namespace natkit::wg {

namespace {

constexpr size_t kNonceSize = 12;

std::array<uint8_t, kNonceSize> MakeNonce(uint64_t counter) {
  std::array<uint8_t, kNonceSize> nonce{};
  ByteWriter out(nonce);
  out.WriteZeros(4);
  out.WriteU64Le(counter);
  return nonce;
}

}  // namespace

AeadKey::AeadKey(const SymmetricKey& key) {
  NATKIT_CHECK(EVP_AEAD_CTX_init(&context_, EVP_aead_chacha20_poly1305(),
                                 key.Expose().data(), key.Expose().size(),
                                 kAeadTagSize, nullptr) == 1);
}

AeadKey::~AeadKey() {
  EVP_AEAD_CTX_cleanup(&context_);
  WipeBytes({reinterpret_cast<uint8_t*>(&context_), sizeof(context_)});
}

void AeadKey::Seal(uint64_t counter, ByteView plaintext, ByteView associated,
                   MutableBytes out) const {
  const auto nonce = MakeNonce(counter);
  size_t size = 0;
  NATKIT_CHECK(EVP_AEAD_CTX_seal(&context_, out.data(), &size, out.size(),
                                 nonce.data(), nonce.size(), plaintext.data(),
                                 plaintext.size(), associated.data(),
                                 associated.size()) == 1);
}

Result<void> AeadKey::Open(uint64_t counter, ByteView ciphertext,
                           ByteView associated, MutableBytes out) const {
  const auto nonce = MakeNonce(counter);
  if (ciphertext.size() < kAeadTagSize ||
      EVP_AEAD_CTX_open_gather(
          &context_, out.data(), nonce.data(), nonce.size(), ciphertext.data(),
          ciphertext.size() - kAeadTagSize,
          ciphertext.last(kAeadTagSize).data(), kAeadTagSize, associated.data(),
          associated.size()) != 1) {
    return Fail(Errc::kAuthFailed);
  }
  return {};
}

void SealExtended(const SymmetricKey& key, std::span<const uint8_t, 24> nonce,
                  ByteView plaintext, ByteView associated, MutableBytes out) {
  NATKIT_CHECK(out.size() == plaintext.size() + kAeadTagSize);
  crypto_aead_xchacha20poly1305_ietf_encrypt(
      out.data(), nullptr, plaintext.data(), plaintext.size(),
      associated.data(), associated.size(), nullptr, nonce.data(),
      key.Expose().data());
}

Result<void> OpenExtended(const SymmetricKey& key,
                          std::span<const uint8_t, 24> nonce,
                          ByteView ciphertext, ByteView associated,
                          MutableBytes out) {
  if (ciphertext.size() != out.size() + kAeadTagSize ||
      crypto_aead_xchacha20poly1305_ietf_decrypt(
          out.data(), nullptr, nullptr, ciphertext.data(), ciphertext.size(),
          associated.data(), associated.size(), nonce.data(),
          key.Expose().data()) != 0) {
    return Fail(Errc::kAuthFailed);
  }
  return {};
}

}  // namespace natkit::wg
