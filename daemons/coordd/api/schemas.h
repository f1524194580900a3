#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace natkit::coordd {

/// What the API's objects look like, by name ("Node"): JSON Schemas, for
/// "components" of its description.
[[nodiscard]] nlohmann::json ObjectSchemas();

/// What a verb's response looks like.
[[nodiscard]] nlohmann::json ResponseSchema(std::string_view verb);

}  // namespace natkit::coordd
