#include "stun/stateless_nonce.h"

#include <openssl/base64.h>
#include <openssl/digest.h>
#include <openssl/hmac.h>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "natkit/base/copy.h"
#include "natkit/base/encoding.h"

namespace natkit::stun {

namespace {

constexpr size_t kTimeSize = 8;
constexpr size_t kMacSize = 16;
constexpr size_t kTokenSize = kTimeSize + kMacSize;
constexpr size_t kTextSize = kTokenSize / 3 * 4;

using Token = std::array<uint8_t, kTokenSize>;

Token MakeToken(const NonceKey& key, int64_t time, const Endpoint& from) {
  std::array<uint8_t, kTimeSize + 16 + 2> covered{};
  ByteWriter writer(covered);
  writer.WriteU64(static_cast<uint64_t>(time));
  writer.WriteBytes(from.address.MappedToV6().bytes());
  writer.WriteU16(from.port);

  std::array<uint8_t, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  NATKIT_CHECK(HMAC(EVP_sha256(), key.Expose().data(), key.Expose().size(),
                    covered.data(), covered.size(), mac.data(),
                    &size) != nullptr);
  Token token{};
  CopyBytes(ByteView(covered).first(kTimeSize), token);
  CopyBytes(ByteView(mac).first(kMacSize),
            MutableBytes(token).subspan(kTimeSize));
  return token;
}

int64_t ToNumber(Instant at) {
  return at.time_since_epoch().count();
}

}  // namespace

StatelessNonce::StatelessNonce(const NonceKey& key, std::string_view prefix,
                               Instant now, const Endpoint& from) {
  NATKIT_CHECK(prefix.size() <= kMaxPrefixSize);
  const Token token = MakeToken(key, ToNumber(now), from);
  prefix.copy(text_.data(), prefix.size());
  size_ =
      prefix.size() +
      EVP_EncodeBlock(reinterpret_cast<uint8_t*>(text_.data()) + prefix.size(),
                      token.data(), token.size());
}

bool StatelessNonce::IsFresh(const NonceKey& key, std::string_view prefix,
                             Instant now, const Endpoint& from,
                             Duration lifetime, std::string_view nonce) {
  Token token{};
  if (nonce.size() != prefix.size() + kTextSize || !nonce.starts_with(prefix) ||
      !FromBase64Exact(nonce.substr(prefix.size()), token)) {
    return false;
  }
  uint64_t time = 0;
  ByteReader in(token);
  NATKIT_CHECK(in.ReadU64(time));
  const auto made = static_cast<int64_t>(time);
  if (!EqualsConstantTime(token, MakeToken(key, made, from))) {
    return false;
  }
  const Duration age = now - Instant(Duration(made));
  return age >= Duration::zero() && age <= lifetime;
}

}  // namespace natkit::stun
