#pragma once

#include <string>
#include <vector>

namespace natkit::shell {

/// The last lines that SetUpLogging() let through, the oldest first, 500 at
/// most.
[[nodiscard]] std::vector<std::string> RecentLog();

}  // namespace natkit::shell
