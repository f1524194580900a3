#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "natkit/base/secret.h"

namespace natkit::wg {

/// Output of BLAKE2s-256, which the paper calls HASH().
inline constexpr size_t kHashSize = 32;
inline constexpr size_t kAeadTagSize = 16;

/// C in the paper: what all keys of one handshake derive from.
using ChainingKey = Secret<struct ChainingKeyTag, kHashSize>;
/// H in the paper: binds all messages and keys of one handshake.
using HandshakeHash = Secret<struct HandshakeHashTag, kHashSize>;
/// A ChaCha20-Poly1305 key.
using SymmetricKey = Secret<struct SymmetricKeyTag, 32>;
/// What an X25519 exchange yields.
using SharedSecret = Secret<struct SharedSecretTag, 32>;

/// The index a device gave to a handshake or session of its own (I_i, I_r).
enum class SenderIndex : uint32_t {};
/// An index that the other side gave, or one in a message that came in.
enum class ReceiverIndex : uint32_t {};

/// An incoming message's receiver index as the index that we once gave.
constexpr SenderIndex AsOwnIndex(ReceiverIndex index) {
  return SenderIndex{static_cast<uint32_t>(index)};
}

/// A peer's sender index as the one to address it by.
constexpr ReceiverIndex AsPeerIndex(SenderIndex index) {
  return ReceiverIndex{static_cast<uint32_t>(index)};
}

using Mac = std::array<uint8_t, 16>;
/// 12-byte TAI64N label.
using Timestamp = std::array<uint8_t, 12>;

}  // namespace natkit::wg
