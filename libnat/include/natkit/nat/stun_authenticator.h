#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/secret.h"
#include "natkit/base/time.h"
#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_credentials.h"
#include "natkit/nat/stun_integrity.h"
#include "natkit/nat/stun_message.h"
#include "natkit/nat/stun_message_builder.h"
#include "natkit/nat/stun_transaction.h"

namespace natkit::stun {

/// What a server signs its nonces with; servers that share it, and a clock,
/// accept each other's.
using NonceKey = Secret<struct NonceKeyTag, 32>;

/// A long-term user of a server that does not know the password, only what is
/// made of it. Who gets hold of such a key can log in to that realm, but learns
/// no password.
struct LongTermKeys {
  std::string username;  ///< prepared, as LongTermCredentials has it
  std::optional<IntegrityKey> md5;
  std::optional<IntegrityKey> sha256;
};

/// The users of a server's realm and how they prove themselves.
struct LongTermUsers {
  std::string realm;  ///< at most 127 bytes
  std::vector<LongTermCredentials> users;
  /// Preferred first; without MD5, clients of RFC 5389 cannot log in. Empty:
  /// behaves as a server of RFC 5389: MD5, no list, no nonce cookie.
  std::vector<attr::PasswordAlgorithmId> algorithms = {
      attr::PasswordAlgorithmId::kSha256, attr::PasswordAlgorithmId::kMd5};
  bool accepts_userhash = true;
  /// From the challenge; a request with an older nonce gets 438 and a new one.
  Duration nonce_lifetime = std::chrono::minutes(10);
  std::optional<NonceKey> nonce_key;  ///< unset: drawn at random
  /// Each has a key for each of `algorithms` (MD5 if that is empty).
  std::vector<LongTermKeys> keyed_users{};
};

/// What a server knows about who sent a request.
struct Authentication {
  /// Set: the request is to be answered with this code and AddChallenge().
  std::optional<ErrorCode> error;
  /// Of the verified user: what the response is to be protected with. Points
  /// into the Authenticator.
  const IntegrityKey* key = nullptr;
  bool uses_sha256 = false;   ///< the integrity that the request carried
  std::string_view username;  ///< verified; points into the Authenticator
};

/// The server's side of both credential mechanisms (RFC 8489 sections 9.1.3
/// and 9.2.4).
///
/// Keeps no state about requests: a nonce is the time and an HMAC over time
/// and source, so that one NONCE is of no use to a second source and a flood
/// of forged requests costs no memory. Unknown users cost the same time as
/// known ones. Indications cannot be authenticated by the long-term mechanism
/// and are to be dropped. Const calls are thread-safe.
class Authenticator {
 public:
  [[nodiscard]] static Authenticator ShortTerm(
      std::vector<ShortTermCredentials> users);
  /// `rng` is used by the call alone. A realm that is empty or too long, an
  /// algorithm that is not known and a key that is missing are bugs of the
  /// caller and abort.
  [[nodiscard]] static Authenticator LongTerm(LongTermUsers users, Rng& rng);

  /// Checks a request in the order that the RFC demands. `from` is its source.
  [[nodiscard]] Authentication Authenticate(Instant now, const Endpoint& from,
                                            const Message& request) const;
  /// Adds what the client needs for its next try to an error response with
  /// `code`: REALM, NONCE and PASSWORD-ALGORITHMS for a 401 or 438 of the
  /// long-term mechanism; nothing otherwise.
  void AddChallenge(Instant now, const Endpoint& from, ErrorCode code,
                    MessageBuilder& response) const;
  /// Adds the integrity, of the kind that the request had; nothing without a
  /// verified user.
  static void AddIntegrity(const Authentication& authentication,
                           MessageBuilder& response);

  [[nodiscard]] CredentialMechanism mechanism() const { return mechanism_; }

 private:
  /// Keys of one user; short-term ones have one key for both.
  struct User {
    IntegrityKey md5;
    IntegrityKey sha256;
  };

  using Users = std::map<std::string, User, std::less<>>;
  using Userhash = attr::Userhash::Value;

  explicit Authenticator(CredentialMechanism mechanism)
      : mechanism_(mechanism) {}

  void AddLongTermUser(std::string username, User keys, bool has_userhash);
  /// `user`'s keys; in place of one that this server has no use for, the
  /// decoy's.
  [[nodiscard]] User TakeKeys(LongTermKeys& user) const;
  [[nodiscard]] Authentication AuthenticateShortTerm(
      const Message& request) const;
  [[nodiscard]] Authentication AuthenticateLongTerm(
      Instant now, const Endpoint& from, const Message& request) const;
  [[nodiscard]] static bool HasAllOfLongTerm(const Message& request);
  [[nodiscard]] bool EchoesAlgorithms(const Message& request) const;
  [[nodiscard]] bool Allows(attr::PasswordAlgorithmId algorithm) const;
  /// nullptr: no such user in this realm.
  [[nodiscard]] const Users::value_type* FindUser(const Message& request) const;
  [[nodiscard]] attr::PasswordAlgorithms::Value AlgorithmList() const;

  CredentialMechanism mechanism_;
  std::string realm_;
  std::vector<attr::PasswordAlgorithmId> algorithms_;
  Users users_;
  std::map<Userhash, const Users::value_type*> by_hash_;
  std::optional<User> decoy_;  ///< takes an unknown user's place in the sums
  std::string nonce_cookie_;
  NonceKey nonce_key_;
  Duration nonce_lifetime_{};
};

}  // namespace natkit::stun
