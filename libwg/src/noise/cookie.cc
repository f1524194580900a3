#include "noise/cookie.h"

#include <algorithm>
#include <string_view>

#include "natkit/base/secret.h"
#include "noise/aead.h"
#include "noise/blake2s.h"

namespace natkit::wg {

namespace {

constexpr std::string_view kLabelMac1 = "mac1----";
constexpr std::string_view kLabelCookie = "cookie--";
constexpr size_t kMacSize = 16;

SymmetricKey LabelledKey(std::string_view label, const PublicKey& key) {
  SymmetricKey out;
  Hash(AsBytes(label), key.bytes, out.ExposeMutable());
  return out;
}

// msg_alpha of the paper: what mac1 covers.
ByteView BeforeMac1(ByteView message) {
  return message.first(message.size() - kMacsSize);
}

ByteView Mac1Of(ByteView message) {
  return message.last(kMacsSize).first(kMacSize);
}

// msg_beta of the paper: what mac2 covers.
ByteView BeforeMac2(ByteView message) {
  return message.first(message.size() - kMacSize);
}

bool IsFresh(Instant now, const std::optional<Instant>& since) {
  return since && now - *since < kCookieLifetime;
}

}  // namespace

SymmetricKey Mac1Key(const PublicKey& receiver_static) {
  return LabelledKey(kLabelMac1, receiver_static);
}

SymmetricKey CookieKey(const PublicKey& giver_static) {
  return LabelledKey(kLabelCookie, giver_static);
}

CookieChecker::CookieChecker(const PublicKey& local_static)
    : mac1_key_(Mac1Key(local_static)), cookie_key_(CookieKey(local_static)) {}

bool CookieChecker::HasValidMac1(ByteView message) const {
  const Mac expected = KeyedMac(mac1_key_.Expose(), BeforeMac1(message));
  return EqualsConstantTime(expected, Mac1Of(message));
}

bool CookieChecker::HasValidMac2(Instant now, ByteView message,
                                 const Endpoint& from) {
  if (!HasSecret(now)) {
    return false;
  }
  const Mac expected = KeyedMac(MakeCookie(from).Expose(), BeforeMac2(message));
  return EqualsConstantTime(expected, message.last(kMacSize));
}

CookieReply CookieChecker::MakeReply(Instant now, ByteView message,
                                     const Endpoint& from, Rng& rng) {
  if (!HasSecret(now)) {
    rng.Fill(secret_.ExposeMutable());
    secret_since_ = now;
  }
  ByteReader in(message);
  uint32_t sender = 0;
  (void)(in.Skip(4) && in.ReadU32Le(sender));
  CookieReply reply;
  reply.receiver = ReceiverIndex{sender};
  rng.Fill(reply.nonce);
  SealExtended(cookie_key_, reply.nonce, MakeCookie(from).Expose(),
               Mac1Of(message), reply.encrypted_cookie);
  return reply;
}

Cookie CookieChecker::MakeCookie(const Endpoint& from) const {
  std::array<uint8_t, 18> source{};
  ByteWriter out(source);
  out.WriteBytes(from.address.bytes());
  out.WriteU16(from.port);
  const Mac mac = KeyedMac(secret_.Expose(), out.written());
  return Cookie(mac);
}

bool CookieChecker::HasSecret(Instant now) const {
  return IsFresh(now, secret_since_);
}

MacWriter::MacWriter(const PublicKey& remote_static)
    : mac1_key_(Mac1Key(remote_static)),
      cookie_key_(CookieKey(remote_static)) {}

void MacWriter::Write(Instant now, MutableBytes message) {
  const MutableBytes macs = message.last(kMacsSize);
  const Mac mac1 = KeyedMac(mac1_key_.Expose(), BeforeMac1(message));
  std::ranges::copy(mac1, macs.begin());
  last_mac1_ = mac1;
  Mac mac2{};
  if (IsFresh(now, cookie_since_)) {
    mac2 = KeyedMac(cookie_.Expose(), BeforeMac2(message));
  }
  std::ranges::copy(mac2, macs.last(kMacSize).begin());
}

bool MacWriter::HandleReply(Instant now, const CookieReply& reply) {
  if (!last_mac1_) {
    return false;
  }
  Cookie cookie;
  if (!OpenExtended(cookie_key_, reply.nonce, reply.encrypted_cookie,
                    *last_mac1_, cookie.ExposeMutable())) {
    return false;
  }
  cookie_ = std::move(cookie);
  cookie_since_ = now;
  last_mac1_.reset();
  return true;
}

}  // namespace natkit::wg
