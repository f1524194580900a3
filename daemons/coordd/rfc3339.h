#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace natkit::coordd {

/// Seconds since 1970 of an RFC 3339 timestamp like "2026-03-29T02:30:00+01:00"
/// or "2026-03-29T01:30:00Z"; a fraction of a second is cut off. nullopt for
/// anything else, dates that do not exist and leap seconds included.
[[nodiscard]] std::optional<int64_t> ParseRfc3339(std::string_view text);

}  // namespace natkit::coordd
