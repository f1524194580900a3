// Keys and integrity; see natkit/stun_message.h.

#include <algorithm>
#include <string>

#include "natkit/base/secret.h"
#include "natkit/nat/stun_credentials.h"
#include "natkit/nat/stun_integrity.h"
#include "natkit/stun_message.h"
#include "stun/stun_bytes.h"
#include "support/door.h"

namespace natkit::c {
namespace {

using stun::IntegrityKey;

Result<void> Put(const Result<IntegrityKey>& key, natkit_stun_key* out) {
  if (!key) {
    return std::unexpected(key.error());
  }
  *out = {};
  std::ranges::copy(key->Expose(), std::begin(out->bytes));
  out->size = key->Expose().size();
  return {};
}

Result<IntegrityKey> MakeShortTerm(const char* password) {
  const Result<std::string_view> given = ToLimitedText(password, kLongestGiven);
  if (!given) {
    return std::unexpected(given.error());
  }
  const Result<stun::Password> prepared = stun::Password::Prepare(*given);
  if (!prepared) {
    return std::unexpected(prepared.error());
  }
  return IntegrityKey::ShortTerm(prepared->Expose());
}

Result<IntegrityKey> MakeLongTerm(const char* username, const char* realm,
                                  const char* password, uint32_t algorithm) {
  if (algorithm != NATKIT_STUN_MD5 && algorithm != NATKIT_STUN_SHA256) {
    return Fail(Errc::kBadArgument);
  }
  const Result<std::string_view> name = ToLimitedText(username, kLongestGiven);
  const Result<std::string_view> place =
      ToLimitedText(realm, stun::kMaxRealmSize);
  const Result<std::string_view> secret =
      ToLimitedText(password, kLongestGiven);
  for (const auto& text : {name, place, secret}) {
    if (!text) {
      return std::unexpected(text.error());
    }
  }
  const Result<stun::LongTermCredentials> user =
      stun::LongTermCredentials::Prepare(*name, *secret);
  if (!user) {
    return std::unexpected(user.error());
  }
  return algorithm == NATKIT_STUN_SHA256
             ? IntegrityKey::LongTermSha256(user->username, *place,
                                            user->password.Expose())
             : IntegrityKey::LongTermMd5(user->username, *place,
                                         user->password.Expose());
}

Result<void> Verify(const Result<stun::Message>& message,
                    const Result<IntegrityKey>& key, uint32_t integrity) {
  if (!key) {
    return std::unexpected(key.error());
  }
  if (!message) {
    return std::unexpected(message.error());
  }
  switch (integrity) {
    case NATKIT_STUN_STRONGEST:
      return stun::VerifyStrongestIntegrity(*message, *key);
    case NATKIT_STUN_HMAC_SHA1:
      return stun::VerifyIntegrity(*message, *key);
    case NATKIT_STUN_HMAC_SHA256:
      return stun::VerifyIntegritySha256(*message, *key);
    default:
      return Fail(Errc::kBadArgument);
  }
}

}  // namespace
}  // namespace natkit::c

using natkit::Errc;
using namespace natkit::c;

int natkit_stun_make_short_term_key(const char* password,
                                    natkit_stun_key* out) {
  if (out == nullptr) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  return ToCode(__func__, Put(MakeShortTerm(password), out));
}

int natkit_stun_make_long_term_key(const char* username, const char* realm,
                                   const char* password, uint32_t algorithm,
                                   natkit_stun_key* out) {
  if (out == nullptr) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  return ToCode(__func__,
                Put(MakeLongTerm(username, realm, password, algorithm), out));
}

int natkit_stun_verify(const void* data, size_t size,
                       const natkit_stun_key* key, uint32_t integrity) {
  return ToCode(__func__, Verify(ToMessage(data, size), ToKey(key), integrity));
}
