#pragma once

#include <string_view>

namespace natkit::mesh {

/// Whether `text` is a name as administrators may give one: labels of letters,
/// digits, hyphens and underscores, 1 to 63 each, at most 253 in all, none with
/// a hyphen at an end (RFC 1123 section 2.1; underscores as in RFC 8552). A
/// final dot is not taken; other alphabets are written in Punycode.
[[nodiscard]] bool IsDomainName(std::string_view text);

/// Whether `name` is `zone` or below it, whatever the case of letters.
[[nodiscard]] bool IsWithinDomain(std::string_view name, std::string_view zone);

}  // namespace natkit::mesh
