#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

// Tags own nodes in a user's place; all of libmesh has one rule of what they
// look like.

namespace natkit::mesh {

/// What a tag begins with.
inline constexpr std::string_view kTagPrefix = "tag:";
/// Of a tag with its prefix, in bytes. A policy file takes shorter names only.
inline constexpr size_t kMaxTagLength = 253;
/// Of one node.
inline constexpr size_t kMaxTags = 64;

/// Whether `name` may follow kTagPrefix: a letter of ASCII, then letters,
/// digits and hyphens. Does not judge the length.
[[nodiscard]] constexpr bool IsTagName(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  const auto is_good = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-';
  };
  return !name.empty() && is_letter(name.front()) &&
         std::ranges::all_of(name, is_good);
}

/// Whether `text` is a whole tag of at most kMaxTagLength bytes ("tag:server").
[[nodiscard]] constexpr bool IsTag(std::string_view text) {
  return text.size() <= kMaxTagLength && text.starts_with(kTagPrefix) &&
         IsTagName(text.substr(kTagPrefix.size()));
}

}  // namespace natkit::mesh
