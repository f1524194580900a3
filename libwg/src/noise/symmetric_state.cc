#include "noise/symmetric_state.h"

#include <string_view>
#include <utility>

#include "noise/aead.h"
#include "noise/blake2s.h"
#include "noise/kdf.h"

namespace natkit::wg {

namespace {

constexpr std::string_view kConstruction =
    "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
constexpr std::string_view kIdentifier = "WireGuard v1 zx2c4 Jason@zx2c4.com";

}  // namespace

SymmetricState::SymmetricState(const PublicKey& responder_static) {
  Hash(AsBytes(kConstruction), {}, chaining_key_.ExposeMutable());
  Hash(chaining_key_.Expose(), AsBytes(kIdentifier), hash_.ExposeMutable());
  MixHash(responder_static.bytes);
}

SymmetricState::SymmetricState(ChainingKey chaining_key, HandshakeHash hash)
    : chaining_key_(std::move(chaining_key)), hash_(std::move(hash)) {}

SymmetricState SymmetricState::Clone() const {
  return {chaining_key_.Clone(), hash_.Clone()};
}

void SymmetricState::MixHash(ByteView bytes) {
  Hash(hash_.Expose(), bytes, hash_.ExposeMutable());
}

void SymmetricState::MixKey(ByteView input) {
  Kdf(chaining_key_, input, chaining_key_);
}

SymmetricKey SymmetricState::MixKeyAndDerive(ByteView input) {
  SymmetricKey key;
  Kdf(chaining_key_, input, chaining_key_, key);
  return key;
}

SymmetricKey SymmetricState::MixPresharedKey(
    const PresharedKey& preshared_key) {
  Secret<struct PresharedHashTag, kHashSize> tau;
  SymmetricKey key;
  Kdf(chaining_key_, preshared_key.Expose(), chaining_key_, tau, key);
  MixHash(tau.Expose());
  return key;
}

void SymmetricState::EncryptAndHash(const SymmetricKey& key, ByteView plaintext,
                                    MutableBytes out) {
  AeadKey(key).Seal(0, plaintext, hash_.Expose(), out);
  MixHash(out);
}

Result<void> SymmetricState::DecryptAndHash(const SymmetricKey& key,
                                            ByteView ciphertext,
                                            MutableBytes out) {
  if (auto opened = AeadKey(key).Open(0, ciphertext, hash_.Expose(), out);
      !opened) {
    return opened;
  }
  MixHash(ciphertext);
  return {};
}

TransportKeys SymmetricState::Split(Role role) const {
  TransportKeys keys;
  if (role == Role::kInitiator) {
    Kdf(chaining_key_, {}, keys.send, keys.receive);
  } else {
    Kdf(chaining_key_, {}, keys.receive, keys.send);
  }
  return keys;
}

}  // namespace natkit::wg
