#pragma once

#include <string>
#include <string_view>

#include "policy/json_cursor.h"

namespace natkit::mesh::policy {

/// Reads a string (RFC 8259 section 7) whose opening quote is next. On failure
/// `in` has the error.
[[nodiscard]] bool ReadJsonString(JsonCursor& in, std::string& out);

/// Appends `text` as a JSON string with its quotes.
void AppendJsonString(std::string_view text, std::string& out);

}  // namespace natkit::mesh::policy
