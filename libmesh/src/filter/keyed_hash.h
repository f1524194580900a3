#pragma once

#include <array>
#include <cstdint>

#include "natkit/base/bytes.h"
#include "natkit/base/rng.h"

namespace natkit::mesh {

/// SipHash-2-4 with a key of its own: who does not know the key cannot choose
/// packets that meet in one bucket.
class KeyedHash {
 public:
  explicit KeyedHash(Rng& rng);

  [[nodiscard]] uint64_t Of(ByteView bytes) const;

 private:
  std::array<uint8_t, 16> key_{};
};

}  // namespace natkit::mesh
