#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "natkit/base/bytes.h"
#include "natkit/base/keys.h"
#include "natkit/base/result.h"
#include "natkit/base/rng.h"
#include "natkit/base/secret.h"

namespace natkit::mesh {

/// Names a node for as long as it is registered; never used again. 0: none.
using NodeId = uint64_t;

/// An Ed25519 public key (RFC 8032): which machine a node runs on.
struct MachineKey {
  std::array<uint8_t, 32> bytes{};

  /// Padded base64, 44 characters. Errors: kBadLength, kBadEncoding.
  static Result<MachineKey> FromBase64(std::string_view text);
  [[nodiscard]] std::string ToBase64() const;
  auto operator<=>(const MachineKey&) const = default;
};

/// The 32 secret bytes that an Ed25519 key pair is made from.
using MachineSeed = Secret<struct MachineSeedTag, 32>;
using MachineSignature = std::array<uint8_t, 64>;

/// A machine's key pair. The secret part is wiped with it.
class MachineIdentity {
 public:
  explicit MachineIdentity(const MachineSeed& seed);
  static MachineIdentity Generate(Rng& rng);

  [[nodiscard]] const MachineKey& key() const { return key_; }

  [[nodiscard]] MachineSignature Sign(ByteView message) const;
  /// For a file of mode 0600.
  [[nodiscard]] MachineSeed ExposeSeed() const;

 private:
  MachineKey key_;
  Secret<struct MachineSecretTag, 64> secret_;
};

[[nodiscard]] bool VerifyMachineSignature(const MachineKey& key,
                                          ByteView message,
                                          const MachineSignature& signature);

/// What a server asks to be answered, and the connection it asks on.
struct AuthChallenge {
  /// Of the TLS connection (RFC 8446 section 7.5): an answer is worth nothing
  /// on another one.
  std::array<uint8_t, 32> exporter{};
  std::array<uint8_t, 32> nonce{};
  PublicKey ephemeral_key;  ///< the server's, for proofs of X25519 keys
};

/// The three public keys of a node.
struct NodeKeys {
  MachineKey machine_key;
  PublicKey node_key;        ///< WireGuard's
  PublicKey signalling_key;  ///< seals what peers tell each other of paths
  bool operator==(const NodeKeys&) const = default;
};

/// What the machine key signs and the proofs cover: a label, the challenge and
/// all three keys, so that no part can be exchanged.
[[nodiscard]] std::array<uint8_t, 32> AuthTranscript(
    const AuthChallenge& challenge, const NodeKeys& keys);

/// Which key of a node a proof is of.
enum class ProofRole : uint8_t { kNodeKey, kSignallingKey, kNextNodeKey };

using KeyProof = std::array<uint8_t, 32>;

/// Proves to the owner of `theirs` that we hold `ours`: a MAC over
/// `transcript`, keyed by their X25519 product. All zeros, which never
/// verifies, for a key of low order.
[[nodiscard]] KeyProof ProveKey(ProofRole role, const StaticPrivateKey& ours,
                                const PublicKey& theirs, ByteView transcript);

/// Checks a proof by the other side's private key; constant time.
[[nodiscard]] bool VerifyKeyProof(ProofRole role, const StaticPrivateKey& ours,
                                  const PublicKey& theirs, ByteView transcript,
                                  const KeyProof& proof);

}  // namespace natkit::mesh

template <>
struct std::hash<natkit::mesh::MachineKey> {
  size_t operator()(const natkit::mesh::MachineKey& key) const noexcept {
    return std::hash<std::string_view>{}(natkit::AsText(key.bytes));
  }
};
