#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/result.h"

namespace natkit {

/// Lower-case hex, two characters a byte.
[[nodiscard]] std::string ToHex(ByteView bytes);

/// Decodes hex of either case. Errors: kBadEncoding.
[[nodiscard]] Result<std::vector<uint8_t>> FromHex(std::string_view text);

/// Decodes exactly out.size() bytes of hex in constant time with regard to the
/// digits. Errors: kBadLength, kBadEncoding; `out` is then wiped.
[[nodiscard]] Result<void> FromHexExact(std::string_view text,
                                        MutableBytes out);

/// Standard base64 with padding (RFC 4648 section 4).
[[nodiscard]] std::string ToBase64(ByteView bytes);

/// Decodes exactly out.size() bytes of padded base64, as the `wg` tool writes
/// keys. Errors: kBadLength, kBadEncoding; `out` is then wiped.
[[nodiscard]] Result<void> FromBase64Exact(std::string_view text,
                                           MutableBytes out);

}  // namespace natkit
