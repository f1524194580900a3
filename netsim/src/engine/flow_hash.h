#pragma once

#include <cstdint>
#include <cstring>

#include "natkit/base/endpoint.h"

namespace natkit::netsim::engine {

/// Two endpoints under a protocol: the identity of a session or, with parts
/// left unspecified, of a mapping.
struct FlowKey {
  uint8_t protocol = 0;
  const Endpoint& a;
  const Endpoint& b;
};

/// Multiplies to 128 bits and folds the halves together.
inline uint64_t FoldedProduct(uint64_t x, uint64_t y) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(x) * y;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t HashEndpoint(const Endpoint& endpoint) {
  const ByteView bytes = endpoint.address.bytes();
  if (endpoint.address.is_v4()) {
    uint32_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof(word));
    return uint64_t{word} << 16 | endpoint.port;
  }
  uint64_t words[2];
  std::memcpy(words, bytes.data(), sizeof(words));
  return FoldedProduct(words[0] ^ 0x9E3779B97F4A7C15,
                       words[1] ^ 0xBF58476D1CE4E5B9 ^ endpoint.port);
}

/// Seeded, so that senders cannot aim at one slot.
inline uint64_t HashFlow(uint64_t seed, const FlowKey& key) {
  const uint64_t a = HashEndpoint(key.a) ^ seed;
  const uint64_t b =
      (HashEndpoint(key.b) ^ uint64_t{key.protocol} << 56) + 0x94D049BB133111EB;
  return FoldedProduct(FoldedProduct(a, 0x9E3779B97F4A7C15) ^ b,
                       0xD6E8FEB86659FD93);
}

}  // namespace natkit::netsim::engine
