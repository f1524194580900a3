#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace natkit::coordd {

/// A verb's result for people: a table, lines of "key: value", or the one thing
/// that matters.
[[nodiscard]] std::string FormatResult(std::string_view verb,
                                       const nlohmann::json& result);

}  // namespace natkit::coordd
