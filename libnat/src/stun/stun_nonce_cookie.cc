#include "natkit/nat/stun_nonce_cookie.h"

#include <array>
#include <cstdint>

#include "natkit/base/bytes.h"
#include "natkit/base/encoding.h"

namespace natkit::stun {

namespace {

constexpr std::string_view kPrefix = "obMatJos2";
constexpr uint8_t kAlgorithmsFromLeft = 0x80;
constexpr uint8_t kAnonymityFromLeft = 0x40;
constexpr uint8_t kAlgorithmsFromRight = 0x01;
constexpr uint8_t kAnonymityFromRight = 0x02;

}  // namespace

SecurityFeatures ReadNonceCookie(std::string_view nonce) {
  std::array<uint8_t, 3> bits{};
  if (nonce.size() < kNonceCookieSize || !nonce.starts_with(kPrefix) ||
      !FromBase64Exact(nonce.substr(kPrefix.size(), 4), bits)) {
    return {};
  }
  return {.password_algorithms = (bits[0] & kAlgorithmsFromLeft) != 0 ||
                                 (bits[2] & kAlgorithmsFromRight) != 0,
          .username_anonymity = (bits[0] & kAnonymityFromLeft) != 0 ||
                                (bits[2] & kAnonymityFromRight) != 0};
}

std::string WriteNonceCookie(const SecurityFeatures& features) {
  std::array<uint8_t, 3> bits{};
  bits[2] = static_cast<uint8_t>(
      (features.password_algorithms ? kAlgorithmsFromRight : 0) |
      (features.username_anonymity ? kAnonymityFromRight : 0));
  return std::string(kPrefix) + ToBase64(bits);
}

}  // namespace natkit::stun
