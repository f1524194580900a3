#include "natkit/nat/stun_integrity.h"

#include <openssl/digest.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <initializer_list>

#include "natkit/base/check.h"
#include "stun/message_mac.h"

namespace natkit::stun {

namespace {

/// Digests the parts joined by ":", the form of all of STUN's name hashes.
void DigestJoined(const EVP_MD* digest,
                  std::initializer_list<std::string_view> parts,
                  MutableBytes out) {
  NATKIT_CHECK(out.size() >= EVP_MD_size(digest));
  bssl::ScopedEVP_MD_CTX context;
  EVP_MD_CTX* raw = context.get();
  NATKIT_CHECK(EVP_DigestInit_ex(raw, digest, nullptr) == 1);
  std::string_view separator;
  for (const std::string_view part : parts) {
    EVP_DigestUpdate(raw, separator.data(), separator.size());
    EVP_DigestUpdate(raw, part.data(), part.size());
    separator = ":";
  }
  unsigned size = 0;
  NATKIT_CHECK(EVP_DigestFinal_ex(raw, out.data(), &size) == 1);
}

Result<void> VerifyMac(const Message& message, AttributeType type,
                       const IntegrityKey& key, size_t min_size,
                       size_t max_size) {
  const auto attribute = message.Find(type);
  if (!attribute) {
    return Fail(Errc::kNoIntegrity);
  }
  const ByteView given = attribute->value;
  if (given.size() < min_size || given.size() > max_size ||
      given.size() % 4 != 0) {
    return Fail(Errc::kBadIntegrity, attribute->offset);
  }
  const MessageMac mac = ComputeMessageMac(
      type, key, message.bytes().first(attribute->offset), given.size());
  if (!EqualsConstantTime(given, ByteView(mac).first(given.size()))) {
    return Fail(Errc::kBadIntegrity, attribute->offset);
  }
  return {};
}

}  // namespace

Result<IntegrityKey> IntegrityKey::ShortTerm(std::string_view password) {
  if (password.empty() || password.size() > kMaxSize) {
    return Fail(Errc::kBadLength);
  }
  IntegrityKey key;
  std::ranges::copy(AsBytes(password), key.bytes_.ExposeMutable().begin());
  key.size_ = password.size();
  return key;
}

IntegrityKey IntegrityKey::LongTermMd5(std::string_view username,
                                       std::string_view realm,
                                       std::string_view password) {
  IntegrityKey key;
  DigestJoined(EVP_md5(), {username, realm, password},
               key.bytes_.ExposeMutable());
  key.size_ = 16;
  return key;
}

IntegrityKey IntegrityKey::LongTermSha256(std::string_view username,
                                          std::string_view realm,
                                          std::string_view password) {
  IntegrityKey key;
  DigestJoined(EVP_sha256(), {username, realm, password},
               key.bytes_.ExposeMutable());
  key.size_ = 32;
  return key;
}

Result<IntegrityKey> IntegrityKey::FromHa1(ByteView digest) {
  if (digest.size() != 16 && digest.size() != 32) {
    return Fail(Errc::kBadLength);
  }
  IntegrityKey key;
  std::ranges::copy(digest, key.bytes_.ExposeMutable().begin());
  key.size_ = digest.size();
  return key;
}

IntegrityKey IntegrityKey::Clone() const {
  IntegrityKey copy;
  copy.bytes_ = bytes_.Clone();
  copy.size_ = size_;
  return copy;
}

ByteView IntegrityKey::Expose() const {
  return ByteView(bytes_.Expose()).first(size_);
}

std::array<uint8_t, 32> ComputeUserhash(std::string_view username,
                                        std::string_view realm) {
  std::array<uint8_t, 32> hash{};
  DigestJoined(EVP_sha256(), {username, realm}, hash);
  return hash;
}

MessageMac ComputeMessageMac(AttributeType type, const IntegrityKey& key,
                             ByteView covered, size_t value_size) {
  NATKIT_CHECK(covered.size() >= kHeaderSize);
  const size_t end = covered.size() + kAttributeHeaderSize + value_size;
  std::array<uint8_t, 4> start{};
  ByteWriter header(start);
  header.WriteBytes(covered.first(2));
  header.WriteU16(static_cast<uint16_t>(end - kHeaderSize));

  const EVP_MD* digest =
      type == AttributeType::kMessageIntegrity ? EVP_sha1() : EVP_sha256();
  const ByteView secret = key.Expose();
  const ByteView rest = covered.subspan(start.size());
  MessageMac mac{};
  unsigned size = 0;
  bssl::ScopedHMAC_CTX hmac;
  NATKIT_CHECK(HMAC_Init_ex(hmac.get(), secret.data(), secret.size(), digest,
                            nullptr) == 1 &&
               HMAC_Update(hmac.get(), start.data(), start.size()) == 1 &&
               HMAC_Update(hmac.get(), rest.data(), rest.size()) == 1 &&
               HMAC_Final(hmac.get(), mac.data(), &size) == 1);
  return mac;
}

Result<void> VerifyIntegrity(const Message& message, const IntegrityKey& key) {
  return VerifyMac(message, AttributeType::kMessageIntegrity, key,
                   kIntegritySize, kIntegritySize);
}

Result<void> VerifyIntegritySha256(const Message& message,
                                   const IntegrityKey& key, size_t min_size) {
  return VerifyMac(message, AttributeType::kMessageIntegritySha256, key,
                   std::max(min_size, kMinIntegritySha256Size),
                   kIntegritySha256Size);
}

Result<void> VerifyStrongestIntegrity(const Message& message,
                                      const IntegrityKey& key) {
  return message.Has(AttributeType::kMessageIntegritySha256)
             ? VerifyIntegritySha256(message, key)
             : VerifyIntegrity(message, key);
}

}  // namespace natkit::stun
