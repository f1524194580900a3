#pragma once

#include <string>
#include <string_view>

#include "control/control_json.h"
#include "natkit/nat/path_diagnosis.h"

namespace natkit::meshnode {

/// The documented object of `meshnode status --why PEER --json`.
[[nodiscard]] Json WhyToJson(std::string_view peer,
                             const nat::PathDiagnosis& diagnosis);

/// The same for people. Robust against keys that lack.
[[nodiscard]] std::string WhyText(const Json& why);

}  // namespace natkit::meshnode
