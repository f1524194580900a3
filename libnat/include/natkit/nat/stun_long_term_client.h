#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_credentials.h"
#include "natkit/nat/stun_integrity.h"
#include "natkit/nat/stun_message.h"
#include "natkit/nat/stun_message_builder.h"
#include "natkit/nat/stun_nonce_cookie.h"
#include "natkit/nat/stun_transaction.h"

namespace natkit::stun {

/// What a long-term client concedes to a server.
struct LongTermPolicy {
  /// Sends USERHASH in place of USERNAME where the server understands it.
  bool hides_username = true;
  /// kSha256 refuses servers of RFC 5389, which know MD5 alone.
  attr::PasswordAlgorithmId weakest = attr::PasswordAlgorithmId::kMd5;
};

/// What an error response means for the request.
enum class LongTermAction : uint8_t {
  kNone,      ///< no matter of credentials: neither 401 nor 438
  kRetry,     ///< send again, built anew: with the new challenge
  kRejected,  ///< these credentials are refused, or no retry may help
  /// The server, or somebody in between, offers less than was promised in the
  /// nonce or before, or than the policy wants. Never retried.
  kBidDown,
};

/// The client's side of the long-term credential mechanism (RFC 8489
/// section 9.2): what a request carries and what a 401 or 438 changes.
///
/// Life: the first request goes out bare; HandleError() takes the challenge
/// out of the 401 and says kRetry; from then on each request carries user,
/// realm, nonce and integrity. One object per server: a challenge is good for
/// later requests too. Retries are bounded: a 401 is never answered with
/// unchanged credentials, and at most kMaxRounds challenges without a success
/// are. Pure; knows neither time nor transaction.
class LongTermClient {
 public:
  static constexpr int kMaxRounds = 4;

  explicit LongTermClient(LongTermCredentials credentials,
                          LongTermPolicy policy = {});

  /// Takes in an error response to the last request. Responses to requests
  /// with credentials must have passed ClientTransaction's checks with
  /// ExpectedIntegrity().
  [[nodiscard]] LongTermAction HandleError(const Message& response);

  /// A response proved the credentials: allows kMaxRounds challenges again.
  void HandleSuccess() { rounds_ = 0; }

  /// Drops the challenge, for another server; also HandleSuccess().
  void Forget();

  /// False until the first challenge: requests are bare.
  [[nodiscard]] bool has_challenge() const { return challenge_.has_value(); }

  /// Adds USERNAME or USERHASH, REALM, NONCE and the algorithms; nothing
  /// without a challenge. At most 2,400 bytes.
  void AddAttributes(MessageBuilder& request) const;
  /// Adds the integrity, after all other attributes; nothing without a
  /// challenge. MESSAGE-INTEGRITY-SHA256 for servers that list algorithms.
  void AddIntegrity(MessageBuilder& request) const;
  /// What responses to a request made now have to prove.
  [[nodiscard]] std::optional<ResponseIntegrity> ExpectedIntegrity() const;

 private:
  struct Challenge {
    std::string realm;
    std::string nonce;
    SecurityFeatures features;
    std::vector<uint8_t> algorithms;  ///< the attribute's value, to be echoed
    std::optional<attr::PasswordAlgorithmId> algorithm;  ///< ours of these
  };

  [[nodiscard]] LongTermAction Accept(const Message& response,
                                      Challenge challenge);
  [[nodiscard]] LongTermAction ChooseAlgorithm(const Message& response,
                                               Challenge& challenge) const;
  [[nodiscard]] bool IsWeaker(const Challenge& challenge) const;
  [[nodiscard]] IntegrityKey DeriveKey(const Challenge& challenge) const;

  LongTermCredentials credentials_;
  LongTermPolicy policy_;
  std::optional<Challenge> challenge_;
  std::optional<IntegrityKey> key_;  ///< set with challenge_
  int rounds_ = 0;
};

}  // namespace natkit::stun
