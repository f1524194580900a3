#include <utility>

#include "natkit/base/secret.h"
#include "natkit/base/text.h"
#include "registry/record_codec.h"
#include "registry/registry_impl.h"
#include "registry/secret_text.h"

namespace natkit::mesh {

namespace {

constexpr std::string_view kAuthPrefix = "nkauth";
constexpr std::string_view kTokenPrefix = "nkapi";
constexpr std::chrono::hours kDefaultLifetime{90 * 24};

constexpr size_t kMaxDescription = 256;

/// When what is made now ends; a lifetime of nothing is for good.
std::optional<WallTime> ExpiryAfter(
    WallTime now, std::optional<std::chrono::seconds> lifetime) {
  const std::chrono::seconds length = lifetime.value_or(kDefaultLifetime);
  return length.count() == 0 ? std::nullopt
                             : std::optional<WallTime>(now + length);
}

Decision<void> CheckDescription(std::string_view description) {
  if (description.size() > kMaxDescription || HasControls(description)) {
    return Refuse(RefusalKind::kInvalid,
                  "a description is one line of UTF-8 text of at most " +
                      std::to_string(kMaxDescription) +
                      " bytes, without control characters");
  }
  return {};
}

/// What is wrong with a key, and what the one who has it can do.
std::unexpected<Refusal> RefuseKey(const std::string& why) {
  return Refuse(RefusalKind::kForbidden,
                why +
                    "; ask an administrator for another one, or join "
                    "without a key and be approved");
}

/// Why no node joins with a key in this state; nullptr: one does.
const char* Objection(AuthKeyState state) {
  switch (state) {
    case AuthKeyState::kGood:
      return nullptr;
    case AuthKeyState::kRevoked:
      return "the auth key was revoked";
    case AuthKeyState::kExpired:
      return "the auth key has expired";
    case AuthKeyState::kUsedUp:
      return "the auth key was used already, and it is good for one node";
  }
  return nullptr;
}

}  // namespace

bool HasExpired(const std::optional<WallTime>& expiry, WallTime now) {
  return expiry && *expiry <= now;
}

AuthKeyState StateOf(const AuthKeyRecord& key, WallTime now) {
  if (key.is_revoked) {
    return AuthKeyState::kRevoked;
  }
  if (HasExpired(key.expiry, now)) {
    return AuthKeyState::kExpired;
  }
  return !key.is_reusable && key.uses > 0 ? AuthKeyState::kUsedUp
                                          : AuthKeyState::kGood;
}

Decision<NewAuthKey> Registry::Impl::MakeAuthKey(WallTime now,
                                                 std::string_view actor,
                                                 const AuthKeySpec& spec) {
  if (auto checked = CheckOwner(spec.owner); !checked) {
    return std::unexpected(checked.error());
  }
  if (auto checked = CheckDescription(spec.description); !checked) {
    return std::unexpected(checked.error());
  }
  SecretText secret = MakeSecretText(kAuthPrefix, rng_);
  AuthKeyRecord record{.id = secret.id,
                       .hash = secret.hash,
                       .owner = spec.owner,
                       .is_reusable = spec.is_reusable,
                       .is_ephemeral = spec.is_ephemeral,
                       .is_preapproved = spec.is_preapproved,
                       .created = now,
                       .expiry = ExpiryAfter(now, spec.lifetime),
                       .created_by = std::string(actor),
                       .description = spec.description};
  NormalizeTags(record.owner);
  auth_keys[secret.id] = std::move(record);
  Dirty("auth_key", secret.id);
  Note({.now = now,
        .type = "auth_key_created",
        .actor = actor,
        .subject = secret.id});
  return NewAuthKey{.id = std::move(secret.id),
                    .secret = std::move(secret.text)};
}

std::optional<Decision<Admittance>> Registry::Impl::AuthKeys::Authenticate(
    WallTime now, const JoinRequest& request) const {
  if (request.auth_key.empty()) {
    return std::nullopt;
  }
  const auto id = SecretTextId(kAuthPrefix, request.auth_key);
  const auto& keys = registry_.auth_keys;
  const auto found = id ? keys.find(*id) : keys.end();
  if (found == keys.end() ||
      !EqualsConstantTime(found->second.hash,
                          HashSecretText(request.auth_key))) {
    return RefuseKey("the auth key is not known here");
  }
  const AuthKeyRecord& key = found->second;
  if (const char* objection = Objection(StateOf(key, now))) {
    return RefuseKey(objection);
  }
  return Admittance{.owner = key.owner,
                    .is_approved = key.is_preapproved,
                    .is_ephemeral = key.is_ephemeral,
                    .credential_id = key.id};
}

void Registry::Impl::AuthKeys::NoteUse(WallTime now,
                                       const Admittance& admittance,
                                       const NodeRecord& node) {
  ++registry_.auth_keys.at(admittance.credential_id).uses;
  registry_.Dirty("auth_key", admittance.credential_id);
  registry_.Note({.now = now,
                  .type = "auth_key_used",
                  .actor = "node",
                  .subject = admittance.credential_id,
                  .detail = "{\"node\":\"" + node.name + "\"}"});
}

Decision<void> Registry::Impl::RevokeAuthKey(WallTime now,
                                             std::string_view actor,
                                             std::string_view id,
                                             bool with_nodes) {
  const auto found = auth_keys.find(std::string(id));
  if (found == auth_keys.end()) {
    return Refuse(RefusalKind::kNotFound, "there is no such auth key");
  }
  found->second.is_revoked = true;
  Dirty("auth_key", found->first);
  Note({.now = now,
        .type = "auth_key_revoked",
        .actor = actor,
        .subject = found->first});
  if (!with_nodes) {
    return {};
  }
  std::vector<NodeId> joined;
  for (const auto& [node_id, node] : nodes) {
    if (node.auth_key_id == id) {
      joined.push_back(node_id);
    }
  }
  for (const NodeId node : joined) {
    if (auto deleted = Delete(now, actor, node); !deleted) {
      return deleted;
    }
  }
  return {};
}

Decision<NewAuthKey> Registry::Impl::MakeApiToken(
    WallTime now, std::string_view actor, const std::set<std::string>& scopes,
    std::optional<std::chrono::seconds> lifetime,
    std::string_view description) {
  if (scopes.empty()) {
    return Refuse(RefusalKind::kInvalid, "a token needs a scope");
  }
  if (auto checked = CheckDescription(description); !checked) {
    return std::unexpected(checked.error());
  }
  SecretText secret = MakeSecretText(kTokenPrefix, rng_);
  ApiTokenRecord record{.id = secret.id,
                        .hash = secret.hash,
                        .scopes = scopes,
                        .created = now,
                        .expiry = ExpiryAfter(now, lifetime),
                        .description = std::string(description)};
  if (!IsStorable(record)) {
    return Refuse(RefusalKind::kInvalid, "the scopes are not UTF-8 text");
  }
  api_tokens[secret.id] = std::move(record);
  Dirty("api_token", secret.id);
  Note({.now = now,
        .type = "api_token_created",
        .actor = actor,
        .subject = secret.id});
  return NewAuthKey{.id = std::move(secret.id),
                    .secret = std::move(secret.text)};
}

Decision<void> Registry::Impl::RevokeApiToken(WallTime now,
                                              std::string_view actor,
                                              std::string_view id) {
  if (api_tokens.erase(std::string(id)) == 0) {
    return Refuse(RefusalKind::kNotFound, "there is no such token");
  }
  Dirty("api_token", std::string(id));
  Note({.now = now,
        .type = "api_token_revoked",
        .actor = actor,
        .subject = std::string(id)});
  return {};
}

const ApiTokenRecord* Registry::Impl::CheckApiToken(
    WallTime now, std::string_view secret) const {
  const auto id = SecretTextId(kTokenPrefix, secret);
  const auto found = id ? api_tokens.find(*id) : api_tokens.end();
  const bool is_good =
      found != api_tokens.end() &&
      EqualsConstantTime(found->second.hash, HashSecretText(secret)) &&
      !HasExpired(found->second.expiry, now);
  return is_good ? &found->second : nullptr;
}

}  // namespace natkit::mesh
