#pragma once

#include <expected>
#include <string>
#include <vector>

#include "raw_settings.h"
#include "settings.h"

namespace natkit::stunsrv {

/// Turns words into values and checks them together. The error is everything
/// that is wrong, a line each. Reads the partner's secret to check it.
[[nodiscard]] std::expected<Settings, std::vector<std::string>> CheckSettings(
    const RawSettings& raw);

}  // namespace natkit::stunsrv
