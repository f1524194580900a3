#pragma once

#include "hex.h"
#include "natkit/base/keys.h"
#include "natkit/base/rng.h"

// Fixed keys and frames, computed by an implementation that shares no code
// with this one (XSalsa20-Poly1305 checked against NaCl's known answer).

namespace natkit::derp::testing {

using natkit::testing::Hex;

inline constexpr std::string_view kServerPrivateHex =
    "0002030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f60";
inline constexpr std::string_view kServerPublicHex =
    "07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c";
inline constexpr std::string_view kClientPrivateHex =
    "4042434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60";
inline constexpr std::string_view kClientPublicHex =
    "64b101b1d0be5a8704bd078f9895001fc03e8e9f9522f188dd128d9846d48466";

inline StaticPrivateKey PrivateKeyFromHex(std::string_view hex) {
  StaticPrivateKey key;
  (void)FromHexExact(hex, key.ExposeMutable()).value();
  return key;
}

inline PublicKey PublicKeyFromHex(std::string_view hex) {
  return PublicKey::FromHex(hex).value();
}

inline StaticPrivateKey ServerPrivate() {
  return PrivateKeyFromHex(kServerPrivateHex);
}

inline PublicKey ServerPublic() {
  return PublicKeyFromHex(kServerPublicHex);
}

inline StaticPrivateKey ClientPrivate() {
  return PrivateKeyFromHex(kClientPrivateHex);
}

inline PublicKey ClientPublic() {
  return PublicKeyFromHex(kClientPublicHex);
}

/// Counts up: 80, 81, ... for a first byte of 0x80.
class CountingRng final : public Rng {
 public:
  explicit CountingRng(uint8_t first) : next_(first) {}

  void Fill(MutableBytes out) override {
    for (uint8_t& byte : out) {
      byte = next_++;
    }
  }

 private:
  uint8_t next_;
};

}  // namespace natkit::derp::testing
