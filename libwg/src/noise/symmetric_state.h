#pragma once

#include "natkit/base/bytes.h"
#include "natkit/base/keys.h"
#include "natkit/base/result.h"
#include "natkit/wg/device_event.h"
#include "noise/types.h"

namespace natkit::wg {

/// The two keys of a session, as seen from one side.
struct TransportKeys {
  SymmetricKey send;
  SymmetricKey receive;
};

/// The chaining key C and hash H of one handshake (paper, section 5.4.2).
///
/// Each operation is one line of the paper; after a failed decryption the state
/// is of no further use, so callers that must survive one work on a Clone().
class SymmetricState {
 public:
  /// C = HASH(CONSTRUCTION), H = HASH(HASH(C || IDENTIFIER) || Spub_r).
  explicit SymmetricState(const PublicKey& responder_static);

  [[nodiscard]] SymmetricState Clone() const;

  /// H = HASH(H || bytes).
  void MixHash(ByteView bytes);
  /// C = KDF1(C, input).
  void MixKey(ByteView input);
  /// (C, key) = KDF2(C, input).
  [[nodiscard]] SymmetricKey MixKeyAndDerive(ByteView input);
  /// (C, t, key) = KDF3(C, Q), H = HASH(H || t).
  [[nodiscard]] SymmetricKey MixPresharedKey(const PresharedKey& preshared_key);

  /// out = AEAD(key, 0, plaintext, H), H = HASH(H || out). `out` has 16 bytes
  /// more than `plaintext`.
  void EncryptAndHash(const SymmetricKey& key, ByteView plaintext,
                      MutableBytes out);
  /// The reverse. Errors: kAuthFailed.
  [[nodiscard]] Result<void> DecryptAndHash(const SymmetricKey& key,
                                            ByteView ciphertext,
                                            MutableBytes out);

  /// (T_initiator, T_responder) = KDF2(C, empty), seen from `role`.
  [[nodiscard]] TransportKeys Split(Role role) const;

 private:
  SymmetricState(ChainingKey chaining_key, HandshakeHash hash);

  ChainingKey chaining_key_;
  HandshakeHash hash_;
};

}  // namespace natkit::wg
