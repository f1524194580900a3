#pragma once

#include <string>
#include <string_view>

namespace natkit::netsim::program {

/// "1 box", "2 boxes".
[[nodiscard]] inline std::string CountOf(size_t count, std::string_view one,
                                         std::string_view many) {
  return std::to_string(count) + " " + std::string(count == 1 ? one : many);
}

/// A JSON string (RFC 8259 section 7). Bytes that are not UTF-8 become U+FFFD,
/// so that whatever a program printed can be reported.
[[nodiscard]] std::string Json(std::string_view text);

}  // namespace natkit::netsim::program
