#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace natkit::coordd {

/// A verb's result for people: a table, lines of "key: value", or the one thing
/// that matters.
[[nodiscard]] std::string FormatResult(std::string_view verb,
                                       const nlohmann::json& result);

/// The routes in an answer to nodes.list, one object each.
[[nodiscard]] nlohmann::json RoutesOf(const nlohmann::json& answer);

}  // namespace natkit::coordd
