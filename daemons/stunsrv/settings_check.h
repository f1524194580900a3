#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "raw_settings.h"
#include "settings.h"

namespace natkit::stunsrv {

/// Where a key was written, such as "file:line"; empty if not in a file.
using KeyPlaces = std::function<std::string(std::string_view key)>;

/// Turns words into values and checks them together. The error is everything
/// that is wrong, a line each, which begins with the place of its key. Reads
/// the users and the partner's secret to check them.
[[nodiscard]] std::expected<Settings, std::vector<std::string>> CheckSettings(
    const RawSettings& raw, const KeyPlaces& places);

}  // namespace natkit::stunsrv
