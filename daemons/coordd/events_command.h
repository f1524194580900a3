#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace natkit::coordd {

/// Prints what `request` (an events.list) yields, one line an event, then what
/// happens, looking once a second; until the process is interrupted. Yields an
/// exit status when the server refuses or does not answer.
[[nodiscard]] int FollowEvents(const std::string& socket, bool is_json,
                               nlohmann::json request);

}  // namespace natkit::coordd
