#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "natkit/base/text.h"

namespace natkit::meshnode {

/// The text at `key` as it came; empty if there is none.
[[nodiscard]] inline std::string RawText(const nlohmann::ordered_json& object,
                                         const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>()
                                                     : std::string();
}

/// The same for a terminal: other machines and servers have a say in it.
[[nodiscard]] inline std::string ShownText(const nlohmann::ordered_json& object,
                                           const char* key) {
  return EscapeControls(RawText(object, key));
}

}  // namespace natkit::meshnode
