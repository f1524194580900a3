#pragma once

#include <string>
#include <string_view>

namespace natkit::mesh::policy {

// What to say of text that does not parse: what is wrong with it and what to
// write. Each is a part of a sentence.

/// Of ports that ParsePorts() refuses: "90-80 is the wrong way round: ...".
[[nodiscard]] std::string ExplainPorts(std::string_view ports);

/// Of what is no protocol: "write tcp", ...
[[nodiscard]] std::string ExplainProtocol(std::string_view text);

/// Of a name that cannot be read: ", did you mean \"tag:web\"?" or nothing.
[[nodiscard]] std::string SuggestName(std::string_view text);

}  // namespace natkit::mesh::policy
