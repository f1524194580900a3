#pragma once

#include <string>

#include "natkit/base/result.h"

namespace natkit::shell {

/// The name of an error for a sentence: "permission denied".
[[nodiscard]] std::string DescribeError(Errc code);

/// "WHAT: No such file or directory": why the last system call failed (errno).
[[nodiscard]] std::string SystemError(const std::string& what);

}  // namespace natkit::shell
