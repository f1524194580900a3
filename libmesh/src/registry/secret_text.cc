#include "registry/secret_text.h"

#include <sodium.h>

#include <algorithm>

#include "natkit/base/encoding.h"
#include "natkit/base/secret.h"

namespace natkit::mesh {

namespace {

constexpr size_t kIdBytes = 6;
constexpr size_t kSecretBytes = 32;

}  // namespace

SecretText MakeSecretText(std::string_view prefix, Rng& rng) {
  std::array<uint8_t, kIdBytes> id{};
  Secret<struct SecretTextTag, kSecretBytes> secret;
  rng.Fill(id);
  rng.Fill(secret.ExposeMutable());
  SecretText made{.id = ToHex(id)};
  made.text =
      std::string(prefix) + "-" + made.id + "-" + ToHex(secret.Expose());
  made.hash = HashSecretText(made.text);
  return made;
}

std::optional<std::string> SecretTextId(std::string_view prefix,
                                        std::string_view text) {
  const size_t id_at = prefix.size() + 1;
  const size_t secret_at = id_at + 2 * kIdBytes + 1;
  if (text.size() != secret_at + 2 * kSecretBytes ||
      !text.starts_with(prefix) || text[id_at - 1] != '-' ||
      text[secret_at - 1] != '-') {
    return std::nullopt;
  }
  return std::string(text.substr(id_at, 2 * kIdBytes));
}

std::array<uint8_t, 32> HashSecretText(std::string_view text) {
  std::array<uint8_t, 32> hash{};
  crypto_generichash(hash.data(), hash.size(),
                     reinterpret_cast<const uint8_t*>(text.data()), text.size(),
                     nullptr, 0);
  return hash;
}

}  // namespace natkit::mesh
