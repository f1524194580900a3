#pragma once

#include "natkit/base/keys.h"
#include "natkit/base/result.h"
#include "natkit/base/rng.h"
#include "noise/message.h"
#include "noise/symmetric_state.h"
#include "noise/types.h"

namespace natkit::wg {

/// Our static key pair, by reference.
struct LocalIdentity {
  const StaticPrivateKey& private_key;
  const PublicKey& public_key;
};

/// What a handshake needs to know about the other side, by reference.
struct RemoteIdentity {
  const PublicKey& public_key;
  /// DH(our static, their static), the same in every handshake.
  const SharedSecret& static_static;
};

/// The initiator's side of one handshake: made with the initiation it sends,
/// waits for the response to it. Holds ephemeral secrets, wiped when it dies.
class InitiatorHandshake {
 public:
  /// Fills `message`. Errors: kBadValue for a peer key of low order.
  [[nodiscard]] static Result<InitiatorHandshake> Start(
      const LocalIdentity& local, const RemoteIdentity& remote,
      SenderIndex index, const Timestamp& timestamp, Rng& rng,
      HandshakeInitiation& message);

  /// Derives the session from the response. Errors: kBadValue (low order
  /// ephemeral), kAuthFailed. The state does not change, so that a forged
  /// response does not keep the real one out.
  [[nodiscard]] Result<TransportKeys> HandleResponse(
      const LocalIdentity& local, const PresharedKey& preshared_key,
      const HandshakeResponse& message) const;

  [[nodiscard]] SenderIndex index() const { return index_; }

 private:
  InitiatorHandshake(SymmetricState state, StaticPrivateKey ephemeral,
                     SenderIndex index);

  SymmetricState state_;
  StaticPrivateKey ephemeral_;
  SenderIndex index_;
};

/// The responder's side of one handshake, in three steps: Open tells who sent
/// the initiation, ReadTimestamp proves it, Respond makes the session.
class ResponderHandshake {
 public:
  /// Opens the sender's static key. Errors: kBadValue (low order ephemeral),
  /// kAuthFailed.
  [[nodiscard]] static Result<ResponderHandshake> Open(
      const LocalIdentity& local, const HandshakeInitiation& message);

  /// Who claims to have sent the initiation; proven by ReadTimestamp.
  [[nodiscard]] const PublicKey& remote_static() const {
    return remote_static_;
  }

  /// Errors: kAuthFailed.
  [[nodiscard]] Result<Timestamp> ReadTimestamp(
      const SharedSecret& static_static, const HandshakeInitiation& message);

  /// Fills `message` with a response from `index`. Errors: kBadValue.
  [[nodiscard]] Result<TransportKeys> Respond(const PresharedKey& preshared_key,
                                              SenderIndex index, Rng& rng,
                                              HandshakeResponse& message);

 private:
  explicit ResponderHandshake(const PublicKey& local_static)
      : state_(local_static) {}

  SymmetricState state_;
  PublicKey remote_ephemeral_;
  PublicKey remote_static_;
  ReceiverIndex remote_index_{};
};

}  // namespace natkit::wg
