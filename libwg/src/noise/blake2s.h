#pragma once

#include <blake2.h>

#include <cstdint>
#include <span>

#include "natkit/base/bytes.h"
#include "noise/types.h"

namespace natkit::wg {

/// BLAKE2s (RFC 7693), optionally keyed, output of 1 to 32 bytes. Its state is
/// wiped when it dies.
class Blake2s {
 public:
  explicit Blake2s(size_t output_size, ByteView key = {});
  ~Blake2s();
  Blake2s(const Blake2s&) = delete;
  Blake2s& operator=(const Blake2s&) = delete;

  Blake2s& Update(ByteView bytes);
  /// Writes the digest; out.size() is the output size. Once only.
  void Finish(MutableBytes out);

 private:
  blake2s_state state_;
};

/// HASH(a || b) of the paper.
void Hash(ByteView a, ByteView b, std::span<uint8_t, kHashSize> out);

/// MAC(key, input) of the paper: keyed BLAKE2s with 16 bytes of output. `key`
/// has 16 or 32 bytes.
[[nodiscard]] Mac KeyedMac(ByteView key, ByteView input);

/// HMAC-BLAKE2s (RFC 2104 with 64-byte blocks) of a || b. `key` has at most 64
/// bytes.
void Hmac(ByteView key, ByteView a, ByteView b,
          std::span<uint8_t, kHashSize> out);

}  // namespace natkit::wg
