#include "noise/blake2s.h"

#include <algorithm>
#include <array>

#include "natkit/base/check.h"
#include "natkit/base/secret.h"

namespace natkit::wg {

namespace {

constexpr size_t kBlockSize = 64;
using PaddedKey = Secret<struct PaddedKeyTag, kBlockSize>;

PaddedKey PadKey(ByteView key, uint8_t pad) {
  PaddedKey padded;
  const auto block = padded.ExposeMutable();
  std::ranges::copy(key, block.begin());
  for (uint8_t& byte : block) {
    byte = static_cast<uint8_t>(byte ^ pad);
  }
  return padded;
}

}  // namespace

Blake2s::Blake2s(size_t output_size, ByteView key) {
  const int status = key.empty() ? blake2s_init(&state_, output_size)
                                 : blake2s_init_key(&state_, output_size,
                                                    key.data(), key.size());
  NATKIT_CHECK(status == 0);
}

Blake2s::~Blake2s() {
  WipeBytes({reinterpret_cast<uint8_t*>(&state_), sizeof(state_)});
}

Blake2s& Blake2s::Update(ByteView bytes) {
  if (!bytes.empty()) {
    NATKIT_CHECK(blake2s_update(&state_, bytes.data(), bytes.size()) == 0);
  }
  return *this;
}

void Blake2s::Finish(MutableBytes out) {
  NATKIT_CHECK(blake2s_final(&state_, out.data(), out.size()) == 0);
}

void Hash(ByteView a, ByteView b, std::span<uint8_t, kHashSize> out) {
  Blake2s(kHashSize).Update(a).Update(b).Finish(out);
}

Mac KeyedMac(ByteView key, ByteView input) {
  Mac mac{};
  Blake2s(mac.size(), key).Update(input).Finish(mac);
  return mac;
}

void Hmac(ByteView key, ByteView a, ByteView b,
          std::span<uint8_t, kHashSize> out) {
  NATKIT_CHECK(key.size() <= kBlockSize);
  Secret<struct InnerDigestTag, kHashSize> inner;
  Blake2s(kHashSize)
      .Update(PadKey(key, 0x36).Expose())
      .Update(a)
      .Update(b)
      .Finish(inner.ExposeMutable());
  Hash(PadKey(key, 0x5C).Expose(), inner.Expose(), out);
}

}  // namespace natkit::wg
