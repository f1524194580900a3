#pragma once

#include <string>
#include <string_view>

#include "natkit/base/keys.h"
#include "natkit/base/result.h"
#include "natkit/derp/login_info.h"

// Keys as text, in the forms that relays, coordinators and their files use.

namespace natkit::derp {

/// "nodekey:" and 64 lower-case hex digits.
[[nodiscard]] std::string ToNodeKeyText(const PublicKey& key);
/// Errors: kBadEncoding, kBadLength.
[[nodiscard]] Result<PublicKey> ParseNodeKeyText(std::string_view text);

/// "privkey:" and 64 lower-case hex digits. A secret: wipe it after use.
[[nodiscard]] std::string ToPrivateKeyText(const StaticPrivateKey& key);
/// The key is clamped. Errors: kBadEncoding, kBadLength.
[[nodiscard]] Result<StaticPrivateKey> ParsePrivateKeyText(
    std::string_view text);

/// "discokey:" and 64 lower-case hex digits.
[[nodiscard]] std::string ToDiscoKeyText(const PublicKey& key);
/// Errors: kBadEncoding, kBadLength.
[[nodiscard]] Result<PublicKey> ParseDiscoKeyText(std::string_view text);

/// 64 hex digits of either case. Errors: kBadEncoding, kBadLength.
[[nodiscard]] Result<MeshKey> ParseMeshKey(std::string_view text);

/// A key as logs show it: "[" and the first five base64 digits and "]".
[[nodiscard]] std::string ToShortText(const PublicKey& key);

}  // namespace natkit::derp
