#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/nat/stun_authenticator.h"

namespace natkit::stun {

/// A nonce that the server needs not remember: `prefix`, then base64 of the
/// time and of an HMAC-SHA256, cut to 16 bytes, over time and source.
class StatelessNonce {
 public:
  static constexpr size_t kMaxPrefixSize = 16;
  static constexpr size_t kMaxSize = kMaxPrefixSize + 32;

  /// The nonce for one source. A longer prefix aborts.
  StatelessNonce(const NonceKey& key, std::string_view prefix, Instant now,
                 const Endpoint& from);

  [[nodiscard]] std::string_view text() const { return {text_.data(), size_}; }

  /// True for a nonce that this source was given at most `lifetime` ago.
  [[nodiscard]] static bool IsFresh(const NonceKey& key,
                                    std::string_view prefix, Instant now,
                                    const Endpoint& from, Duration lifetime,
                                    std::string_view nonce);

 private:
  std::array<char, kMaxSize + 1> text_{};
  size_t size_ = 0;
};

}  // namespace natkit::stun
