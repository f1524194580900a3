#include "natkit/nat/stun_authenticator.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "natkit/base/check.h"
#include "natkit/nat/stun_nonce_cookie.h"
#include "stun/stateless_nonce.h"

namespace natkit::stun {

namespace {

using attr::PasswordAlgorithmId;

constexpr size_t kMaxRealmOfServer = 127;

bool HasIntegrity(const Message& request) {
  return request.Has(AttributeType::kMessageIntegrity) ||
         request.Has(AttributeType::kMessageIntegritySha256);
}

IntegrityKey DeriveKey(PasswordAlgorithmId algorithm,
                       const LongTermCredentials& user,
                       std::string_view realm) {
  const std::string_view password = user.password.Expose();
  return algorithm == PasswordAlgorithmId::kSha256
             ? IntegrityKey::LongTermSha256(user.username, realm, password)
             : IntegrityKey::LongTermMd5(user.username, realm, password);
}

}  // namespace

Authenticator Authenticator::ShortTerm(
    std::vector<ShortTermCredentials> users) {
  Authenticator made(CredentialMechanism::kShortTerm);
  for (ShortTermCredentials& user : users) {
    IntegrityKey copy = user.key.Clone();
    made.users_.insert_or_assign(
        std::move(user.username),
        User{.md5 = std::move(copy), .sha256 = std::move(user.key)});
  }
  made.decoy_ = User{.md5 = *IntegrityKey::ShortTerm("decoy"),
                     .sha256 = *IntegrityKey::ShortTerm("decoy")};
  return made;
}

Authenticator Authenticator::LongTerm(LongTermUsers users, Rng& rng) {
  using enum PasswordAlgorithmId;
  NATKIT_CHECK(!users.realm.empty() && users.realm.size() <= kMaxRealmOfServer);
  Authenticator made(CredentialMechanism::kLongTerm);
  made.realm_ = std::move(users.realm);
  made.nonce_lifetime_ = users.nonce_lifetime;
  for (const PasswordAlgorithmId algorithm : users.algorithms) {
    NATKIT_CHECK(algorithm == kMd5 || algorithm == kSha256);
    made.algorithms_.push_back(algorithm);
  }
  made.decoy_ =
      User{.md5 = IntegrityKey::LongTermMd5("", made.realm_, ""),
           .sha256 = IntegrityKey::LongTermSha256("", made.realm_, "")};
  for (const LongTermCredentials& user : users.users) {
    made.AddLongTermUser(user.username,
                         {.md5 = DeriveKey(kMd5, user, made.realm_),
                          .sha256 = DeriveKey(kSha256, user, made.realm_)},
                         users.accepts_userhash);
  }
  for (LongTermKeys& user : users.keyed_users) {
    User keys = made.TakeKeys(user);
    made.AddLongTermUser(std::move(user.username), std::move(keys),
                         users.accepts_userhash);
  }
  const SecurityFeatures features{
      .password_algorithms = !made.algorithms_.empty(),
      .username_anonymity = users.accepts_userhash};
  if (features != SecurityFeatures{}) {
    made.nonce_cookie_ = WriteNonceCookie(features);
  }
  if (users.nonce_key) {
    made.nonce_key_ = *std::move(users.nonce_key);
  } else {
    rng.Fill(made.nonce_key_.ExposeMutable());
  }
  return made;
}

void Authenticator::AddLongTermUser(std::string username, User keys,
                                    bool has_userhash) {
  const auto hash = ComputeUserhash(username, realm_);
  const auto [at, is_new] =
      users_.insert_or_assign(std::move(username), std::move(keys));
  if (has_userhash) {
    by_hash_[hash] = &*at;
  }
}

Authenticator::User Authenticator::TakeKeys(LongTermKeys& user) const {
  NATKIT_CHECK(user.md5 || !Allows(PasswordAlgorithmId::kMd5));
  NATKIT_CHECK(user.sha256 || !Allows(PasswordAlgorithmId::kSha256));
  return {
      .md5 = user.md5 ? *std::move(user.md5) : decoy_->md5.Clone(),
      .sha256 = user.sha256 ? *std::move(user.sha256) : decoy_->sha256.Clone()};
}

Authentication Authenticator::Authenticate(Instant now, const Endpoint& from,
                                           const Message& request) const {
  return mechanism_ == CredentialMechanism::kShortTerm
             ? AuthenticateShortTerm(request)
             : AuthenticateLongTerm(now, from, request);
}

Authentication Authenticator::AuthenticateShortTerm(
    const Message& request) const {
  const auto username = request.Get<attr::Username>();
  if (!HasIntegrity(request) || !username) {
    return {.error = ErrorCode::kBadRequest};
  }
  const auto user = users_.find(*username);
  const bool is_known = user != users_.end();
  const IntegrityKey& key = is_known ? user->second.sha256 : decoy_->sha256;
  if (!VerifyStrongestIntegrity(request, key) || !is_known) {
    return {.error = ErrorCode::kUnauthenticated};
  }
  return {.key = &key,
          .uses_sha256 = request.Has(AttributeType::kMessageIntegritySha256),
          .username = user->first};
}

Authentication Authenticator::AuthenticateLongTerm(
    Instant now, const Endpoint& from, const Message& request) const {
  if (!HasIntegrity(request)) {
    return {.error = ErrorCode::kUnauthenticated};
  }
  if (!HasAllOfLongTerm(request) || !EchoesAlgorithms(request)) {
    return {.error = ErrorCode::kBadRequest};
  }
  const auto algorithm = request.Get<attr::PasswordAlgorithm>();
  const auto id = algorithm ? algorithm->id : PasswordAlgorithmId::kMd5;
  const auto* user = FindUser(request);
  const User& keys = user != nullptr ? user->second : *decoy_;
  const IntegrityKey& key =
      id == PasswordAlgorithmId::kSha256 ? keys.sha256 : keys.md5;
  if (!VerifyStrongestIntegrity(request, key) || user == nullptr ||
      !Allows(id)) {
    return {.error = ErrorCode::kUnauthenticated};
  }
  if (!StatelessNonce::IsFresh(nonce_key_, nonce_cookie_, now, from,
                               nonce_lifetime_, *request.Get<attr::Nonce>())) {
    return {.error = ErrorCode::kStaleNonce};
  }
  return {.key = &key,
          .uses_sha256 = request.Has(AttributeType::kMessageIntegritySha256),
          .username = user->first};
}

bool Authenticator::HasAllOfLongTerm(const Message& request) {
  return (request.Get<attr::Username>() || request.Get<attr::Userhash>()) &&
         request.Get<attr::Realm>() && request.Get<attr::Nonce>();
}

bool Authenticator::EchoesAlgorithms(const Message& request) const {
  const bool has_list = request.Has(AttributeType::kPasswordAlgorithms);
  const bool has_choice = request.Has(AttributeType::kPasswordAlgorithm);
  if (algorithms_.empty() || (!has_list && !has_choice)) {
    return true;  // RFC 5389, or not understood: both attributes are then moot
  }
  const auto list = request.Get<attr::PasswordAlgorithms>();
  const auto choice = request.Get<attr::PasswordAlgorithm>();
  return list && choice &&
         std::ranges::equal(list->items(), AlgorithmList().items()) &&
         Allows(choice->id) && choice->parameters.empty();
}

bool Authenticator::Allows(PasswordAlgorithmId algorithm) const {
  return algorithms_.empty()
             ? algorithm == PasswordAlgorithmId::kMd5
             : std::ranges::find(algorithms_, algorithm) != algorithms_.end();
}

const Authenticator::Users::value_type* Authenticator::FindUser(
    const Message& request) const {
  if (request.Get<attr::Realm>() != realm_) {
    return nullptr;
  }
  if (const auto username = request.Get<attr::Username>()) {
    const auto user = users_.find(*username);
    return user != users_.end() ? &*user : nullptr;
  }
  const auto hash = request.Get<attr::Userhash>();
  const auto user = hash ? by_hash_.find(*hash) : by_hash_.end();
  return user != by_hash_.end() ? user->second : nullptr;
}

void Authenticator::AddChallenge(Instant now, const Endpoint& from,
                                 ErrorCode code,
                                 MessageBuilder& response) const {
  if (mechanism_ != CredentialMechanism::kLongTerm ||
      (code != ErrorCode::kUnauthenticated && code != ErrorCode::kStaleNonce)) {
    return;
  }
  const StatelessNonce nonce(nonce_key_, nonce_cookie_, now, from);
  response.Add<attr::Realm>(realm_).Add<attr::Nonce>(nonce.text());
  if (!algorithms_.empty()) {
    response.Add<attr::PasswordAlgorithms>(AlgorithmList());
  }
}

void Authenticator::AddIntegrity(const Authentication& authentication,
                                 MessageBuilder& response) {
  if (authentication.key == nullptr) {
    return;
  }
  if (authentication.uses_sha256) {
    response.AddIntegritySha256(*authentication.key);
  } else {
    response.AddIntegrity(*authentication.key);
  }
}

attr::PasswordAlgorithms::Value Authenticator::AlgorithmList() const {
  attr::PasswordAlgorithms::Value list;
  for (const PasswordAlgorithmId id : algorithms_) {
    list.Append({.id = id, .parameters = {}});
  }
  return list;
}

}  // namespace natkit::stun
