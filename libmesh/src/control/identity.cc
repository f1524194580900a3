#include "natkit/mesh/control/identity.h"

#include <sodium.h>

#include <algorithm>

#include "natkit/base/check.h"
#include "natkit/base/encoding.h"

namespace natkit::mesh {

namespace {

using Hash = std::array<uint8_t, 32>;

/// BLAKE2b-256 (RFC 7693) over several parts, with or without a key.
class Hasher {
 public:
  explicit Hasher(ByteView key = {}) {
    crypto_generichash_init(&state_, key.empty() ? nullptr : key.data(),
                            key.size(), Hash{}.size());
  }

  ~Hasher() { sodium_memzero(&state_, sizeof(state_)); }

  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  Hasher& Add(ByteView part) {
    crypto_generichash_update(&state_, part.data(), part.size());
    return *this;
  }

  Hash Finish() {
    Hash out{};
    crypto_generichash_final(&state_, out.data(), out.size());
    return out;
  }

 private:
  crypto_generichash_state state_{};
};

std::string_view RoleLabel(ProofRole role) {
  switch (role) {
    case ProofRole::kNodeKey:
      return "natkit coordination v1 node key";
    case ProofRole::kSignallingKey:
      return "natkit coordination v1 signalling key";
    case ProofRole::kNextNodeKey:
      return "natkit coordination v1 next node key";
  }
  return "";
}

}  // namespace

Result<MachineKey> MachineKey::FromBase64(std::string_view text) {
  MachineKey key;
  if (auto decoded = FromBase64Exact(text, key.bytes); !decoded) {
    return std::unexpected(decoded.error());
  }
  return key;
}

std::string MachineKey::ToBase64() const {
  return natkit::ToBase64(bytes);
}

MachineIdentity::MachineIdentity(const MachineSeed& seed) {
  NATKIT_CHECK(sodium_init() >= 0);
  crypto_sign_seed_keypair(key_.bytes.data(), secret_.ExposeMutable().data(),
                           seed.Expose().data());
}

MachineIdentity MachineIdentity::Generate(Rng& rng) {
  MachineSeed seed;
  rng.Fill(seed.ExposeMutable());
  return MachineIdentity(seed);
}

MachineSignature MachineIdentity::Sign(ByteView message) const {
  MachineSignature signature{};
  crypto_sign_detached(signature.data(), nullptr, message.data(),
                       message.size(), secret_.Expose().data());
  return signature;
}

MachineSeed MachineIdentity::ExposeSeed() const {
  MachineSeed seed;
  crypto_sign_ed25519_sk_to_seed(seed.ExposeMutable().data(),
                                 secret_.Expose().data());
  return seed;
}

bool VerifyMachineSignature(const MachineKey& key, ByteView message,
                            const MachineSignature& signature) {
  return crypto_sign_verify_detached(signature.data(), message.data(),
                                     message.size(), key.bytes.data()) == 0;
}

std::array<uint8_t, 32> AuthTranscript(const AuthChallenge& challenge,
                                       const NodeKeys& keys) {
  return Hasher()
      .Add(AsBytes("natkit coordination v1"))
      .Add(challenge.exporter)
      .Add(challenge.nonce)
      .Add(challenge.ephemeral_key.bytes)
      .Add(keys.machine_key.bytes)
      .Add(keys.node_key.bytes)
      .Add(keys.signalling_key.bytes)
      .Finish();
}

KeyProof ProveKey(ProofRole role, const StaticPrivateKey& ours,
                  const PublicKey& theirs, ByteView transcript) {
  Secret<struct ProofSharedTag, crypto_scalarmult_BYTES> shared;
  if (crypto_scalarmult(shared.ExposeMutable().data(), ours.Expose().data(),
                        theirs.bytes.data()) != 0) {
    return {};
  }
  return Hasher(shared.Expose())
      .Add(AsBytes(RoleLabel(role)))
      .Add(transcript)
      .Finish();
}

bool VerifyKeyProof(ProofRole role, const StaticPrivateKey& ours,
                    const PublicKey& theirs, ByteView transcript,
                    const KeyProof& proof) {
  const KeyProof expected = ProveKey(role, ours, theirs, transcript);
  return !std::ranges::all_of(expected, [](uint8_t b) { return b == 0; }) &&
         EqualsConstantTime(expected, proof);
}

}  // namespace natkit::mesh
