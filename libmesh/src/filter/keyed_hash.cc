#include "filter/keyed_hash.h"

#include <sodium/crypto_shorthash_siphash24.h>

#include <bit>

namespace natkit::mesh {

KeyedHash::KeyedHash(Rng& rng) {
  static_assert(crypto_shorthash_siphash24_KEYBYTES == 16);
  rng.Fill(key_);
}

uint64_t KeyedHash::Of(ByteView bytes) const {
  std::array<uint8_t, crypto_shorthash_siphash24_BYTES> out{};
  crypto_shorthash_siphash24(out.data(), bytes.data(), bytes.size(),
                             key_.data());
  return std::bit_cast<uint64_t>(out);
}

}  // namespace natkit::mesh
