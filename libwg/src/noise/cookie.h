#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

#include "natkit/base/endpoint.h"
#include "natkit/base/keys.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "noise/message.h"
#include "noise/types.h"

namespace natkit::wg {

/// How long a cookie and the secret behind it last (paper, section 5.4.7).
inline constexpr Duration kCookieLifetime = std::chrono::seconds(120);

using Cookie = Secret<struct CookieTag, 16>;

/// HASH(LABEL_MAC1 || Spub): keys the mac1 of messages to the owner of Spub.
[[nodiscard]] SymmetricKey Mac1Key(const PublicKey& receiver_static);
/// HASH(LABEL_COOKIE || Spub): encrypts cookies that the owner of Spub gives.
[[nodiscard]] SymmetricKey CookieKey(const PublicKey& giver_static);

/// The receiving side of mac1, mac2 and cookies (paper, sections 5.3, 5.4.4 and
/// 5.4.7). Keeps no state about senders: a cookie is a MAC of their endpoint
/// under a secret that changes every 120 s.
class CookieChecker {
 public:
  explicit CookieChecker(const PublicKey& local_static);

  /// Whether `message`, a whole handshake message, has a good mac1.
  [[nodiscard]] bool HasValidMac1(ByteView message) const;
  /// Whether its mac2 is made with the cookie that `from` would get.
  [[nodiscard]] bool HasValidMac2(Instant now, ByteView message,
                                  const Endpoint& from);
  /// The reply that tells `from` its cookie. `message` is what it answers.
  [[nodiscard]] CookieReply MakeReply(Instant now, ByteView message,
                                      const Endpoint& from, Rng& rng);

 private:
  [[nodiscard]] Cookie MakeCookie(const Endpoint& from) const;
  [[nodiscard]] bool HasSecret(Instant now) const;

  SymmetricKey mac1_key_;
  SymmetricKey cookie_key_;
  Secret<struct CookieSecretTag, 32> secret_;
  std::optional<Instant> secret_since_;
};

/// The sending side, one for each peer: writes mac1 and mac2 into messages and
/// keeps the last cookie that the peer gave.
class MacWriter {
 public:
  explicit MacWriter(const PublicKey& remote_static);

  /// Fills the last 32 bytes of `message`; mac2 is zero without a fresh cookie.
  void Write(Instant now, MutableBytes message);
  /// Takes the cookie out of a reply to the last written message. False when
  /// there was none or it is not authentic; nothing has changed then.
  [[nodiscard]] bool HandleReply(Instant now, const CookieReply& reply);

 private:
  SymmetricKey mac1_key_;
  SymmetricKey cookie_key_;
  Cookie cookie_;
  std::optional<Instant> cookie_since_;
  std::optional<Mac> last_mac1_;
};

}  // namespace natkit::wg
