#include "noise/handshake.h"

#include <utility>

#include "noise/x25519.h"

namespace natkit::wg {

namespace {

// C = KDF1(C, Epub), H = HASH(H || Epub): both messages do this first.
void MixEphemeral(SymmetricState& state, const PublicKey& ephemeral) {
  state.MixKey(ephemeral.bytes);
  state.MixHash(ephemeral.bytes);
}

// C = KDF1(C, DH(private, public)).
Result<void> MixDh(SymmetricState& state, const StaticPrivateKey& private_key,
                   const PublicKey& public_key) {
  const Result<SharedSecret> shared = DiffieHellman(private_key, public_key);
  if (!shared) {
    return std::unexpected(shared.error());
  }
  state.MixKey(shared->Expose());
  return {};
}

}  // namespace

InitiatorHandshake::InitiatorHandshake(SymmetricState state,
                                       StaticPrivateKey ephemeral,
                                       SenderIndex index)
    : state_(std::move(state)),
      ephemeral_(std::move(ephemeral)),
      index_(index) {}

Result<InitiatorHandshake> InitiatorHandshake::Start(
    const LocalIdentity& local, const RemoteIdentity& remote, SenderIndex index,
    const Timestamp& timestamp, Rng& rng, HandshakeInitiation& message) {
  SymmetricState state(remote.public_key);
  StaticPrivateKey ephemeral = GeneratePrivateKey(rng);
  message.sender = index;
  message.ephemeral = DerivePublicKey(ephemeral);
  MixEphemeral(state, message.ephemeral);

  const Result<SharedSecret> shared =
      DiffieHellman(ephemeral, remote.public_key);
  if (!shared) {
    return std::unexpected(shared.error());
  }
  const SymmetricKey static_key = state.MixKeyAndDerive(shared->Expose());
  state.EncryptAndHash(static_key, local.public_key.bytes,
                       message.encrypted_static);

  const SymmetricKey timestamp_key =
      state.MixKeyAndDerive(remote.static_static.Expose());
  state.EncryptAndHash(timestamp_key, timestamp, message.encrypted_timestamp);
  return InitiatorHandshake(std::move(state), std::move(ephemeral), index);
}

Result<TransportKeys> InitiatorHandshake::HandleResponse(
    const LocalIdentity& local, const PresharedKey& preshared_key,
    const HandshakeResponse& message) const {
  SymmetricState state = state_.Clone();
  MixEphemeral(state, message.ephemeral);
  if (auto mixed = MixDh(state, ephemeral_, message.ephemeral); !mixed) {
    return std::unexpected(mixed.error());
  }
  if (auto mixed = MixDh(state, local.private_key, message.ephemeral); !mixed) {
    return std::unexpected(mixed.error());
  }
  const SymmetricKey key = state.MixPresharedKey(preshared_key);
  if (auto opened = state.DecryptAndHash(key, message.encrypted_nothing, {});
      !opened) {
    return std::unexpected(opened.error());
  }
  return state.Split(Role::kInitiator);
}

Result<ResponderHandshake> ResponderHandshake::Open(
    const LocalIdentity& local, const HandshakeInitiation& message) {
  ResponderHandshake handshake(local.public_key);
  handshake.remote_ephemeral_ = message.ephemeral;
  handshake.remote_index_ = AsPeerIndex(message.sender);
  MixEphemeral(handshake.state_, message.ephemeral);

  const Result<SharedSecret> shared =
      DiffieHellman(local.private_key, message.ephemeral);
  if (!shared) {
    return std::unexpected(shared.error());
  }
  const SymmetricKey key = handshake.state_.MixKeyAndDerive(shared->Expose());
  if (auto opened = handshake.state_.DecryptAndHash(
          key, message.encrypted_static, handshake.remote_static_.bytes);
      !opened) {
    return std::unexpected(opened.error());
  }
  return handshake;
}

Result<Timestamp> ResponderHandshake::ReadTimestamp(
    const SharedSecret& static_static, const HandshakeInitiation& message) {
  const SymmetricKey key = state_.MixKeyAndDerive(static_static.Expose());
  Timestamp timestamp{};
  if (auto opened =
          state_.DecryptAndHash(key, message.encrypted_timestamp, timestamp);
      !opened) {
    return std::unexpected(opened.error());
  }
  return timestamp;
}

Result<TransportKeys> ResponderHandshake::Respond(
    const PresharedKey& preshared_key, SenderIndex index, Rng& rng,
    HandshakeResponse& message) {
  const StaticPrivateKey ephemeral = GeneratePrivateKey(rng);
  message.sender = index;
  message.receiver = remote_index_;
  message.ephemeral = DerivePublicKey(ephemeral);
  MixEphemeral(state_, message.ephemeral);
  if (auto mixed = MixDh(state_, ephemeral, remote_ephemeral_); !mixed) {
    return std::unexpected(mixed.error());
  }
  if (auto mixed = MixDh(state_, ephemeral, remote_static_); !mixed) {
    return std::unexpected(mixed.error());
  }
  const SymmetricKey key = state_.MixPresharedKey(preshared_key);
  state_.EncryptAndHash(key, {}, message.encrypted_nothing);
  return state_.Split(Role::kResponder);
}

}  // namespace natkit::wg
