#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/rng.h"

// Auth keys and API tokens: "<prefix>-<id>-<64 hex>". The id names the record,
// the 256 random bits prove it.

namespace natkit::mesh {

struct SecretText {
  std::string id;    ///< 12 hex digits
  std::string text;  ///< shown once
  std::array<uint8_t, 32> hash{};
};

[[nodiscard]] SecretText MakeSecretText(std::string_view prefix, Rng& rng);

/// The id in it; nullopt for a text of another form.
[[nodiscard]] std::optional<std::string> SecretTextId(std::string_view prefix,
                                                      std::string_view text);

/// BLAKE2b-256 of the whole text.
[[nodiscard]] std::array<uint8_t, 32> HashSecretText(std::string_view text);

}  // namespace natkit::mesh
