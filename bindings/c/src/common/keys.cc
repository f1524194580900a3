#include "natkit/base/keys.h"

#include <algorithm>

#include "natkit/base/encoding.h"
#include "natkit/base/secret.h"
#include "natkit/common.h"
#include "support/convert.h"
#include "support/door.h"

using natkit::Errc;
using natkit::Result;
using natkit::StaticPrivateKey;
using namespace natkit::c;

int natkit_key_generate(const natkit_random* random, uint8_t* out) {
  const Result<std::unique_ptr<natkit::Rng>> rng = MakeRng(random);
  if (!rng || out == nullptr) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  const StaticPrivateKey key = natkit::GeneratePrivateKey(**rng);
  std::ranges::copy(key.Expose(), out);
  return NATKIT_OK;
}

int natkit_key_get_public(const uint8_t* private_key, uint8_t* out) {
  if (private_key == nullptr || out == nullptr) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  const StaticPrivateKey key(
      std::span<const uint8_t, NATKIT_KEY_SIZE>(private_key, NATKIT_KEY_SIZE));
  std::ranges::copy(natkit::DerivePublicKey(key).bytes, out);
  return NATKIT_OK;
}

int natkit_key_parse(const char* text, uint8_t* out) {
  const Result<std::string_view> given = ToText(text, NATKIT_KEY_TEXT_SIZE);
  if (text == nullptr || out == nullptr) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  if (!given) {
    return Refuse(__func__, Errc::kBadLength);
  }
  // Any key may be a secret one.
  const Result<StaticPrivateKey> key = natkit::PrivateKeyFromBase64(*given);
  if (!key) {
    return Refuse(__func__, key.error().code);
  }
  std::ranges::copy(key->Expose(), out);
  return NATKIT_OK;
}

int natkit_key_format(const uint8_t* key, char* buffer, size_t capacity) {
  if (key == nullptr) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  std::string base64 = natkit::ToBase64({key, NATKIT_KEY_SIZE});
  const Result<int> length = PutText(base64, buffer, capacity);
  natkit_wipe(base64.data(), base64.size());
  return ToCode(__func__, length);
}

void natkit_wipe(void* memory, size_t size) {
  if (memory != nullptr) {
    natkit::WipeBytes({static_cast<uint8_t*>(memory), size});
  }
}
