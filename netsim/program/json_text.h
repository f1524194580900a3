#pragma once

#include <string>
#include <string_view>

namespace natkit::netsim::program {

/// A JSON string (RFC 8259 section 7). Bytes that are not UTF-8 become U+FFFD,
/// so that whatever a program printed can be reported.
[[nodiscard]] std::string Json(std::string_view text);

}  // namespace natkit::netsim::program
