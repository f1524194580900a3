#include "natkit/nat/stun_long_term_client.h"

#include <utility>

#include "natkit/base/check.h"

namespace natkit::stun {

namespace {

/// Room for more algorithms than there ever were.
constexpr size_t kMaxAlgorithmsSize = 128;

bool IsKnown(attr::PasswordAlgorithmId id) {
  return id == attr::PasswordAlgorithmId::kMd5 ||
         id == attr::PasswordAlgorithmId::kSha256;
}

}  // namespace

LongTermClient::LongTermClient(LongTermCredentials credentials,
                               LongTermPolicy policy)
    : credentials_(std::move(credentials)), policy_(policy) {
  NATKIT_CHECK(credentials_.username.size() <= kMaxUsernameSize);
}

LongTermAction LongTermClient::HandleError(const Message& response) {
  const auto error = response.Get<attr::ErrorCode>();
  if (!error || (error->code != ErrorCode::kUnauthenticated &&
                 error->code != ErrorCode::kStaleNonce)) {
    return LongTermAction::kNone;
  }
  const bool is_stale = error->code == ErrorCode::kStaleNonce;
  const auto realm = response.Get<attr::Realm>();
  const auto nonce = response.Get<attr::Nonce>();
  // Some servers do not repeat the realm in a 438.
  const bool has_realm = realm || (is_stale && challenge_);
  if (!nonce || !has_realm || (is_stale && !challenge_)) {
    return LongTermAction::kRejected;
  }
  Challenge challenge{.realm = std::string(realm ? *realm : challenge_->realm),
                      .nonce = std::string(*nonce),
                      .features = ReadNonceCookie(*nonce)};
  // RFC 8489 section 9.2.5: a 401 to the same user, realm and password stays.
  if (!is_stale && challenge_ && challenge_->realm == challenge.realm) {
    return LongTermAction::kRejected;
  }
  return Accept(response, std::move(challenge));
}

LongTermAction LongTermClient::Accept(const Message& response,
                                      Challenge challenge) {
  if (const auto action = ChooseAlgorithm(response, challenge);
      action != LongTermAction::kRetry) {
    return action;
  }
  if (IsWeaker(challenge)) {
    return LongTermAction::kBidDown;
  }
  if (rounds_ >= kMaxRounds) {
    return LongTermAction::kRejected;
  }
  ++rounds_;
  key_ = DeriveKey(challenge);
  challenge_ = std::move(challenge);
  return LongTermAction::kRetry;
}

LongTermAction LongTermClient::ChooseAlgorithm(const Message& response,
                                               Challenge& challenge) const {
  const auto attribute = response.Find(AttributeType::kPasswordAlgorithms);
  if (!attribute) {
    // The nonce says that there was a list: somebody took it away.
    return challenge.features.password_algorithms ? LongTermAction::kBidDown
                                                  : LongTermAction::kRetry;
  }
  const auto offered = response.Get<attr::PasswordAlgorithms>();
  if (!offered || attribute->value.size() > kMaxAlgorithmsSize) {
    return LongTermAction::kRejected;
  }
  challenge.algorithms.assign(attribute->value.begin(), attribute->value.end());
  for (const auto& algorithm : offered->items()) {
    if (IsKnown(algorithm.id) && algorithm.id >= policy_.weakest) {
      challenge.algorithm = algorithm.id;
      return LongTermAction::kRetry;
    }
  }
  return LongTermAction::kRejected;
}

bool LongTermClient::IsWeaker(const Challenge& challenge) const {
  using enum attr::PasswordAlgorithmId;
  const auto offered = challenge.algorithm.value_or(kMd5);
  if (offered < policy_.weakest) {
    return true;
  }
  // 401 and 438 are not protected: whoever forges one must not get at a MAC by
  // a weaker key than the server itself asked for.
  return challenge_ && challenge_->realm == challenge.realm &&
         (offered < challenge_->algorithm.value_or(kMd5) ||
          (challenge_->algorithm && !challenge.algorithm));
}

IntegrityKey LongTermClient::DeriveKey(const Challenge& challenge) const {
  const std::string_view password = credentials_.password.Expose();
  return challenge.algorithm == attr::PasswordAlgorithmId::kSha256
             ? IntegrityKey::LongTermSha256(credentials_.username,
                                            challenge.realm, password)
             : IntegrityKey::LongTermMd5(credentials_.username, challenge.realm,
                                         password);
}

void LongTermClient::Forget() {
  challenge_.reset();
  key_.reset();
  rounds_ = 0;
}

void LongTermClient::AddAttributes(MessageBuilder& request) const {
  if (!challenge_) {
    return;
  }
  if (policy_.hides_username && challenge_->features.username_anonymity) {
    request.Add<attr::Userhash>(
        ComputeUserhash(credentials_.username, challenge_->realm));
  } else {
    request.Add<attr::Username>(credentials_.username);
  }
  request.Add<attr::Realm>(challenge_->realm)
      .Add<attr::Nonce>(challenge_->nonce);
  if (challenge_->algorithm) {
    request.AddRaw(AttributeType::kPasswordAlgorithms, challenge_->algorithms)
        .Add<attr::PasswordAlgorithm>(
            {.id = *challenge_->algorithm, .parameters = {}});
  }
}

void LongTermClient::AddIntegrity(MessageBuilder& request) const {
  if (!challenge_) {
    return;
  }
  if (challenge_->algorithm) {
    request.AddIntegritySha256(*key_);
  } else {
    request.AddIntegrity(*key_);
  }
}

std::optional<ResponseIntegrity> LongTermClient::ExpectedIntegrity() const {
  if (!challenge_) {
    return std::nullopt;
  }
  return ResponseIntegrity{.key = key_->Clone(),
                           .mechanism = CredentialMechanism::kLongTerm};
}

}  // namespace natkit::stun
